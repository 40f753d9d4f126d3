"""What the tests of tracking share: a store, a database, servers that are of no use."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from cheapconv.engine.store.runs import Store
from tests.engine.written_cell import shared_database


@pytest.fixture
def uri(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database that the tests share: creating one takes seconds."""
    return shared_database(tmp_path_factory)


@pytest.fixture
def sweep(request: pytest.FixtureRequest) -> str:
    """An experiment of its own for every test."""
    return request.node.name


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty store."""
    return Store(tmp_path / "runs")


@pytest.fixture
def black_hole() -> Iterator[str]:
    """A server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture
def closed_port() -> str:
    """A server that is not there."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}"
