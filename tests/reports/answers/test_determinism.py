"""Cells that were trained on several machines, in a report."""

import json
import shutil
from pathlib import Path

from cheapconv.engine.store import machines, runs
from cheapconv.reports.answers.content import build
from tests.reports.store import ENVIRONMENT, Store


def second(store: Store, key: str, machine: str, top1: float) -> None:
    """Another training of a cell, where `merge` puts it."""
    folder = store.root / "machines" / machine.lower() / key
    shutil.copytree(store.root / key, folder)
    (folder / "environment.json").write_text(json.dumps(ENVIRONMENT | {"device_name": machine}))
    path, text = folder / "result.json", (store.root / key / "result.json").read_text()
    path.write_text(text.replace(f'"top1": {own(store, key)}', f'"top1": {top1}'))
    machines.note(runs.Store(store.root), runs.Run(folder), same=top1 == own(store, key))


def own(store: Store, key: str) -> float:
    result = runs.Store(store.root).run(key).result()
    assert result is not None
    return result.score


def told(store: Store) -> list[str]:
    return [line for line in build(store.root, "quick").remarks if line.startswith("Determinism")]


def test_of_one_machine_there_is_nothing_to_say(small: Store) -> None:
    assert told(small) == []


def test_scores_that_differ_are_named_and_equal_bits_are_gathered(small: Store) -> None:
    second(small, small.keys[0], "Large CPU", 0.948)
    second(small, small.keys[2], "Large CPU", 0.899)
    second(small, small.keys[3], "Large CPU", 0.901)
    second(small, small.keys[4], "Small CPU", 0.928)
    assert told(small) == [
        "Determinism: WRN-16-2 S scratch seed 0 was trained on Small CPU and Large CPU, with other bits: "
        "scores 94.90 and 94.80 %.",
        "Determinism: the same bits on Small CPU and Large CPU: WRN-16-2 G(4) scratch seed 0, "
        "WRN-16-2 G(4) scratch seed 1.",
        "Determinism: the same bits twice on Small CPU: WRN-16-2 G(4) kd seed 0.",
    ]


def test_a_sweep_speaks_of_its_own_cells(small: Store, tmp_path: Path) -> None:
    second(small, small.keys[0], "Large CPU", 0.949)
    shutil.copytree(small.root / "machines" / "large cpu" / small.keys[0], small.root / "machines" / "x" / "other")
    assert len(told(small)) == 1
