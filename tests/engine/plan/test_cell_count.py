"""How many cells a sweep asks for is known, and may be too many, before one of them is made."""

import pytest

from cheapconv.catalog.errors import UserError
from cheapconv.engine.plan import cell_count
from cheapconv.engine.run.planning import plan
from tests.engine import fakes


@pytest.fixture(autouse=True)
def fake_catalog(monkeypatch: pytest.MonkeyPatch) -> None:
    fakes.install(monkeypatch)


@pytest.mark.parametrize(
    ("entries", "cells"),
    [
        ([{}], 2),
        ([{"seeds": [0, 1, 2]}], 3),
        ([{"conv": ["plain", "thin"], "method": ["alone", {"crowd": {"students": [1, 2, 3]}}]}], 2 * 2 * 4),
        ([{"schedule": "multistep", "milestones": [0.5, 0.75], "nesterov": [True, False]}], 2 * 2),
        ([{"epochs": [1, 2], "lr": [0.1, 0.2, 0.3]}, {"architecture": ["Net-4", "Net-8"]}], 2 * 6 + 2 * 2),
    ],
)
def test_cells_are_counted_as_they_are_planned(entries: list[dict], cells: int) -> None:
    sweep = fakes.sweep(*entries, seeds=[0, 1])
    assert cell_count.count(sweep) == cells == len(plan(sweep, "sweep").cells)


def test_too_many_are_refused_before_the_first_is_made() -> None:
    heats = {"copy": {"teacher": "big", "heat": list(range(1, 1001)), "stages": list(range(1000))}}
    huge = fakes.sweep({"name": "big"}, {"method": heats}, seeds=list(range(10_000)))
    with pytest.raises(
        UserError, match=r"sweep 'huge' asks for 10,010,000 cells, more than 5,000: .* max_cells: 10010000"
    ):
        plan(huge, "huge")


def test_a_sweep_may_allow_itself_more_or_fewer() -> None:
    assert len(plan(fakes.sweep({}, seeds=[0, 1, 2], max_cells=3), "three").cells) == 3
    with pytest.raises(UserError, match=r"asks for 3 cells, more than 2"):
        plan(fakes.sweep({}, seeds=[0, 1, 2], max_cells=2), "three")
