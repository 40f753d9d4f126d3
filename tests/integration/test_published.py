"""A student in the registry of a team's server."""

from pathlib import Path

import pytest
import torch

from cheapconv.engine.run import publishing
from cheapconv.engine.track.server import connect
from tests.engine import tiny
from tests.engine.published import answered
from tests.integration.conftest import Servers
from tests.integration.servers import PASSWORD

pytestmark = pytest.mark.integration


def test_a_registered_student_is_loaded_from_the_server_by_a_fresh_process(servers: Servers, tmp_path: Path) -> None:
    _, server = servers
    uri = f"http://me:{PASSWORD}@127.0.0.1:{server.port}"
    with tiny.trained(tmp_path / "runs", "scratch") as (store, whole):
        [key] = [planned.cell.key for planned in whole.cells]
        lines = [*publishing.publish(store.root, key, name="student", option=uri)]
        lines += publishing.publish(store.root, key, name="student", option=uri)
        cell = store.run(key).cell()
        assert cell
        ready = publishing.Ready.of(store.root, cell, None, None)
        images = ready.images[:3]
        logits, _ = answered(tmp_path, uri, "models:/student/1", images)
        torch.testing.assert_close(logits, ready.network(images), rtol=1e-5, atol=1e-5)
    assert lines[1:] == ["models:/student/1 is registered", "models:/student/1 is this network already"]
    version = connect(uri).get_model_version("student", "1")
    assert PASSWORD not in f"{lines} {version} {connect(uri).get_run(version.run_id)}"
