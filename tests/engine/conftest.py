"""What the tests of the engine share: a store, and the world of tiny cells for those that ask for it."""

from pathlib import Path

import pytest

from cheapconv.engine.store.runs import Store
from tests.engine import tiny


@pytest.fixture
def tiny_world(monkeypatch: pytest.MonkeyPatch) -> None:
    """The suite and the methods of `tests.engine.tiny`, trained and no more."""
    tiny.install(monkeypatch)
    tiny.skip_measuring(monkeypatch)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty store."""
    return Store(tmp_path / "runs")
