"""The fair scratch: epochs of plain training at the cost of a distilled student."""

import pytest

from cheapconv.catalog.errors import UserError
from cheapconv.engine.store.files import write_json
from cheapconv.engine.store.runs import CELL, RESULT, Store
from cheapconv.reports.fair import fair_entries, fair_epochs, lines

BASE = {"architecture": "net", "conv": "c", "suite": "s", "seed": 0, "method_config": {}}


def put(store: Store, key: str, method: str, is_baseline: bool, train_s: float, teacher_s: float = 0.0) -> None:
    cell = BASE | {"method": method, "method_label": method, "is_baseline": is_baseline}
    write_json(store.folder(key) / CELL, cell)
    result = {"train_s": train_s, "teacher_train_s": teacher_s, "epochs": 10, "networks": [{}]}
    write_json(store.folder(key) / RESULT, result)


def test_the_teacher_s_training_counts_unless_it_is_free() -> None:
    distilled, baseline = {"train_s": 150.0, "teacher_train_s": 100.0}, {"train_s": 100.0, "epochs": 10}
    assert fair_epochs(distilled, baseline) == 25
    assert fair_epochs(distilled, baseline, with_teacher=False) == 15


def test_entries_of_a_sweep(tmp_path) -> None:
    store = Store(tmp_path)
    put(store, "a", "plain", True, 100.0)
    put(store, "b", "taught", False, 150.0, 100.0)
    write_json(tmp_path / "sweeps" / "x.json", {"cells": [{"key": "a"}, {"key": "b"}, {"key": "unfinished"}]})
    [entry] = fair_entries(store, "x")
    assert (entry["method"], entry["like"], entry["epochs"], entry["epochs_without_teacher"]) == (
        "plain",
        "taught",
        25,
        15,
    )
    [line] = lines(tmp_path, "x")
    assert "architecture: 'net', conv: 'c', method: plain, epochs: 25" in line


def test_a_sweep_that_was_not_run(tmp_path) -> None:
    with pytest.raises(UserError, match="has not been run"):
        fair_entries(Store(tmp_path), "x")
