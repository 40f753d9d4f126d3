"""Cells of several GPUs and others, in turns."""

from collections.abc import Sequence
from dataclasses import replace

from cheapconv.engine.run.mixed import Mixed
from cheapconv.engine.store.cell import Cell
from cheapconv.engine.store.records import Word
from tests.engine import tiny


class Recorded:
    """A runner that is through with whatever has a teacher that is done, and waits with the others."""

    def __init__(self, done: set[str], fails: bool = False) -> None:
        self.done, self.asked = done, list[list[str]]()
        self.end: Word = "failed" if fails else "done"

    def run(self, cells: Sequence[Cell]) -> dict[str, Word]:
        self.asked.append([cell.method for cell in cells])
        ends: dict[str, Word] = {}
        for cell in cells:
            ends[cell.key] = self.end if not cell.teacher or cell.teacher in self.done else "waiting"
            self.done |= {cell.key} if ends[cell.key] == "done" else set()
        return ends


def cells() -> list[Cell]:
    """A teacher of one GPU, a student of two, and the student's own student of one."""
    taught = {"method": {"kd": {"teacher": "teacher"}}, "name": "middle", "gpus": 2}
    last = {"method": {"at": {"teacher": "middle"}}, "conv": "depthwise"}
    whole = tiny.planned({"name": "teacher"}, taught, last)
    return [planned.cell for planned in whole.cells]


def test_each_kind_goes_to_its_runner_until_nothing_waits(tiny_world):
    done: set[str] = set()
    together, beside = Recorded(done), Recorded(done)
    ends = Mixed(together, beside).run(cells())
    assert {*ends.values()} == {"done"}
    assert together.asked == [["kd"], ["kd"]]
    assert beside.asked == [["scratch", "at"], ["at"]]


def test_what_waits_for_ever_is_left(tiny_world):
    together, beside = Recorded(set()), Recorded(set())
    orphans = [cell for cell in cells() if cell.method != "scratch"]
    assert {*Mixed(together, beside).run(orphans).values()} == {"waiting"}
    assert len(together.asked) == 2


def test_the_first_failure_ends_it_where_that_is_asked_for(tiny_world):
    together, beside = Recorded(set(), fails=True), Recorded(set())
    alone = [replace(cell, teacher=None) for cell in cells()]
    Mixed(together, beside, fail_fast=True).run(alone)
    assert (together.asked, beside.asked) == ([["kd"]], [])


def test_the_number_of_gpus_is_not_in_the_key(tiny_world):
    first, *_ = cells()
    assert replace(first, gpus=4).key == first.key
    assert [cell.gpus for cell in cells()] == [1, 2, 1]
