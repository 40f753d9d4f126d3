"""Which cells are dealt out next, and how many at once."""

import pytest

from cheapconv.engine.plan.plan import Plan
from cheapconv.engine.run.dealing import Dealing
from tests.engine import tiny

pytestmark = pytest.mark.usefixtures("tiny_world")


def dealt(whole: Plan, workers: int = 2, cohort: int | None = None) -> list[list[str]]:
    """The lists that would be given out, one after the other, if each were done before the next."""
    left = {planned.cell.key: planned.cell for planned in whole.cells}
    dealing, lists = Dealing([*left.values()], cohort), []
    while chosen := dealing.next(left, (), workers):
        lists.append([f"{cell.method} {cell.conv} {cell.seed}" for cell in chosen])
        for cell in chosen:
            del left[cell.key]
    return lists


def test_the_longest_are_given_out_first_and_no_worker_gets_all():
    grid = {"conv": ["depthwise", "group(groups=2)", "standard"], "seeds": [0, 1]}
    wide = {"architecture": "wrn(depth=10, width=4)", "conv": ["depthwise", "standard"], "seeds": [2]}
    assert dealt(tiny.planned(grid, wide)) == [
        ["scratch standard 2"],  # most of all there is to do
        ["scratch group(group_width=1) 2"],
        # Half of the rest, of one seed; then the longest of the other's.
        ["scratch standard 0", "scratch group(groups=2) 0", "scratch group(group_width=1) 0"],
        ["scratch standard 1"],
        ["scratch group(groups=2) 1"],
        ["scratch group(group_width=1) 1"],
    ]


def test_a_cell_that_others_wait_for_comes_before_longer_ones():
    wide = {"architecture": "wrn(depth=10, width=4)", "seeds": [0, 5]}
    taught = {"method": {"kd": {"teacher": "teacher"}}, "seeds": [1]}
    assert dealt(tiny.planned(wide, {"name": "teacher", "conv": "depthwise", "seeds": [5]}, taught)) == [
        ["scratch group(group_width=1) 5"],
        ["scratch standard 0"],
        ["scratch standard 5"],
        ["kd standard 1"],
    ]


def test_no_list_is_longer_than_a_cohort():
    whole = tiny.planned({"conv": ["depthwise", "group(groups=2)", "group(groups=4)", "standard"]})
    assert [len(cells) for cells in dealt(whole, workers=1, cohort=3)] == [3, 1]


def test_a_cell_of_several_gpus_is_dealt_alone():
    whole = tiny.planned({"conv": ["depthwise", "group(groups=2)"]}, {"conv": ["standard", "B(2)"], "gpus": 2})
    cells = {planned.cell.key: planned.cell for planned in whole.cells}
    dealing, lists = Dealing([*cells.values()], None, lambda cell: cell.gpus > 1), list[list[str]]()
    while chosen := dealing.next(cells, (), 1):
        lists.append(sorted(cell.conv for cell in chosen))
        for cell in chosen:
            del cells[cell.key]
    assert sorted(lists) == [["bottleneck(b=2)"], ["group(group_width=1)", "group(groups=2)"], ["standard"]]


def test_nothing_is_dealt_whose_teacher_is_left_or_held():
    whole = tiny.planned_by("kd")
    teacher, student = (planned.cell for planned in whole.cells)
    dealing = Dealing([teacher, student], None)
    assert dealing.next({student.key: student}, {teacher.key}, 1) == []
    assert dealing.next({teacher.key: teacher, student.key: student}, (), 1) == [teacher]
    assert dealing.next({student.key: student}, (), 1) == [student]


def test_a_suspect_is_alone_and_first():
    cells = [planned.cell for planned in tiny.planned({"conv": ["standard", "depthwise", "group(groups=2)"]}).cells]
    dealing, left = Dealing(cells, None), {cell.key: cell for cell in cells}
    assert dealing.next(left, (), 1, suspects={cells[1].key}) == [cells[1]]
    assert len(dealing.next(left, (), 1)) == 3
