"""One pair of servers for all tests here: starting them takes half a minute."""

from collections.abc import Iterator

import pytest

from tests.integration.servers import MlflowServer, Postgres, team

Servers = tuple[Postgres, MlflowServer]


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """PostgreSQL and MLflow, running."""
    with team() as started:
        yield started
