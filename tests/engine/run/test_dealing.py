"""What a worker is given next."""

import pytest

from cheapconv.engine.run.dealing import next_list, ready
from tests.engine import tiny

pytestmark = pytest.mark.usefixtures("tiny_world")


def cells(*entries, **fields):
    return {planned.cell.key: planned.cell for planned in tiny.planned(*entries, **fields).cells}


TEACHER = {"name": "teacher", "architecture": "wrn(depth=10, width=1)", "conv": "standard", "method": "scratch"}
STUDENTS = {
    "architecture": "wrn(depth=10, width=1)",
    "conv": ["G(2)", "G(4)"],
    "method": ["scratch", {"kd": {"teacher": "teacher"}}],
}


def labels(found):
    return [f"{cell.conv_label} {cell.method}" for cell in found]


def test_who_learns_waits_for_its_teacher():
    left = cells(TEACHER, STUDENTS)
    assert labels(ready(left, ())) == ["S scratch", "G(2) scratch", "G(4) scratch"]
    [teacher] = [key for key, cell in left.items() if cell.conv_label == "S"]
    del left[teacher]
    assert len(ready(left, {teacher})) == 2  # a worker has it
    assert len(ready(left, ())) == 4


def test_teachers_come_first_and_the_longest_next_and_no_more_than_leaves_others_as_much():
    left = cells(TEACHER, STUDENTS)
    found = ready(left, ())
    work = dict(zip((cell.key for cell in found), (1.0, 2.0, 3.0), strict=True))
    assert labels(next_list(found, left, work, 1)) == ["S scratch", "G(4) scratch", "G(2) scratch"]
    assert labels(next_list(found, left, work, 2)) == ["S scratch"]  # 1 + 3 is more than 6 / 2
    assert labels(next_list(found, left, work, 1, most=2)) == ["S scratch", "G(4) scratch"]
    assert next_list([], left, work, 1) == []
