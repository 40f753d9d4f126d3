"""Fixtures of the report tests."""

from pathlib import Path

import pytest

from tests.reports.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty run store."""
    return Store(tmp_path / "runs")


@pytest.fixture
def small(store: Store) -> Store:
    """A standard network at 95 %, its grouped form at 90 % that distillation lifts to 93 %; two seeds each, measured.

    Gap recovered by `kd`: (93 - 90) / (95 - 90) = 60 %.
    """
    teachers = store.seeds("S", "scratch", [0.949, 0.951])
    store.seeds("G(4)", "scratch", [0.899, 0.901], top1_best=0.91)
    store.seeds("G(4)", "kd", [0.928, 0.932], teacher=teachers[0])
    store.seeds("G(4)", "online", [0.915, 0.917], ensemble=0.97)
    store.measure("S", 20.0)
    store.measure("G(4)", 10.0)
    store.plan()
    return store
