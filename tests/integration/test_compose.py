"""compose.yaml, as a parser of the Compose specification reads it; nothing of it is started."""

import pytest

from tests.test_compose import filled

pytestmark = pytest.mark.integration


def test_it_is_what_the_compose_specification_has() -> None:
    from compose_spec import PyCompose

    read = PyCompose.from_yaml(filled())
    read.validate()
    assert {*read.service_names()} == {"database", "mlflow"}
    with pytest.raises(ValueError, match="restarts"):
        PyCompose.from_yaml(filled().replace("restart:", "restarts:"))
