"""Probes on disk: shared by cells that train alike, and by no others."""

from dataclasses import replace

import pytest

from cheapconv.engine.store import probes
from cheapconv.engine.store.cell import CellRecord
from cheapconv.engine.store.probes import Probe, name_of
from tests.engine.written_cell import CELL

CELLS = CellRecord(**CELL)
PROBE = Probe(
    device_name="A CPU", threads=2, date="2026-01-01", steps=9, batch_s=1.0, teacher_s=2.0, own_s=3.0, taken=8
)


def test_it_comes_back(store):
    assert (probes.of(store).read("a"), probes.of(store).names()) == (None, [])
    probes.of(store).write("a", PROBE)
    assert (probes.of(store).read("a"), probes.of(store).names()) == (PROBE, ["a"])
    assert PROBE.step_s == 6.0
    assert store.runs() == []


@pytest.mark.parametrize(
    "alike", [{"seed": 7}, {"recipe": {**CELL["recipe"], "epochs": 90, "lr": 3.0}}, {"method_label": "x"}]
)
def test_cells_that_train_alike_share_it(alike):
    assert name_of(replace(CELLS, **alike), None, "A CPU", 2) == name_of(CELLS, None, "A CPU", 2)


@pytest.mark.parametrize(
    "unlike",
    [
        {"conv": "group(groups=2)"},
        {"architecture_version": 2},
        {"recipe": {**CELL["recipe"], "batch": 7}},
        {"recipe": {**CELL["recipe"], "precision": "bf16"}},
        {"method": "at"},
        {"method_settings": {"temperature": 2.0}},
    ],
)
def test_others_do_not(unlike):
    assert name_of(replace(CELLS, **unlike), None, "A CPU", 2) != name_of(CELLS, None, "A CPU", 2)


def test_machine_threads_and_teacher_are_in_its_name():
    names = {
        name_of(CELLS, None, "A CPU", 2),
        name_of(CELLS, None, "B CPU", 2),
        name_of(CELLS, None, "A CPU", 1),
        name_of(CELLS, CELLS, "A CPU", 2),
        name_of(CELLS, replace(CELLS, conv="standard"), "A CPU", 2),
    }
    assert len(names) == 5
    assert name_of(CELLS, None, "A CPU", 2).endswith("-a-cpu-t2")
