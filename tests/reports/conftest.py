"""Fixtures of the report tests."""

from pathlib import Path

import pytest

from tests.reports.store import Store, filled


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty run store."""
    return Store(tmp_path / "runs")


@pytest.fixture
def small(store: Store) -> Store:
    """The store of a small sweep."""
    return filled(store)
