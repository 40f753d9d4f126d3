"""What trainings compute, on disk: shared by cells that train alike, and never more than was counted."""

from dataclasses import replace

import pytest

from cheapconv.engine.store import compute
from cheapconv.engine.store.cell import CellRecord
from cheapconv.engine.store.compute import Compute
from cheapconv.engine.store.files import write_json
from cheapconv.engine.store.records import CurveRow
from tests.engine.written_cell import CELL

CELLS = CellRecord(**CELL)
STEP = Compute(macs=600, images=4)


def test_it_comes_back(store):
    assert (compute.read(store, CELLS, None), compute.names(store)) == (None, [])
    compute.write(store, compute.name_of(CELLS, None), STEP)
    assert compute.read(store, replace(CELLS, seed=7, recipe={**CELL["recipe"], "epochs": 90}), None) == STEP
    assert compute.read(store, CELLS, CELLS) is None  # with a teacher
    assert compute.names(store) == [compute.name_of(CELLS, None)]
    assert store.runs() == []


def test_a_training_is_as_many_steps_as_it_saw_images():
    row = CurveRow(
        epoch=0, lr=0.1, loss=1.0, terms={}, scores={}, images_per_s=20.0, seconds=2.5, method_s=0.0, spent_s=1.0
    )
    assert STEP.over([row, replace(row, epoch=1, images_per_s=10.0)]) == 150 * (50 + 25)


@pytest.mark.parametrize("odd", [{"macs": -1}, {"macs": 2**70}, {"images": 0}, {"images": "four"}])
def test_what_cannot_have_been_counted_is_a_fault_and_as_if_it_were_not_there(store, odd):
    compute.write(store, "whole", STEP)
    write_json(store.root / "compute" / "odd.json", {"schema": 2, "macs": 600, "images": 4} | odd)
    assert compute.named(store, "odd") is None
    assert len(compute.faults(store)) == 1
    assert compute.faults(store)[0].startswith("odd.json is ")
