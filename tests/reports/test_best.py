"""The most accurate row within several budgets at once, against a small store."""

import json
from pathlib import Path
from typing import Any

import pytest

from cheapconv import runner
from cheapconv.catalog.errors import UserError
from cheapconv.reports.best import Answer, best, meets
from cheapconv.reports.rows.quantities import COUNTED, Quantity
from tests.reports.store import Store

TIMED = Quantity("latency_ms", "Latency", "ms")


@pytest.fixture
def sweep(store: Store) -> Path:
    """S 95 %, G(4) 93 and 90 %, G(N) 89.9 % and, by more epochs, 91 %; 20, 8 and 2 ms, and G(N) elsewhere in 9 ms."""
    for conv, method, top1, epochs in (
        ("S", "scratch", 0.95, 2),
        ("G(4)", "scratch", 0.90, 2),
        ("G(4)", "kd", 0.93, 2),
        ("G(N)", "kd", 0.899, 2),
        ("G(N)", "scratch", 0.91, 4),
    ):
        store.seeds(conv, method, [top1 - 0.001, top1, top1 + 0.001], recipe={"epochs": epochs})
    for conv, latency_ms in (("S", 20.0), ("G(4)", 8.0), ("G(N)", 2.0)):
        store.measure(conv, latency_ms)
    for conv in ("G(4)", "G(N)"):
        store.measure(conv, 9.0, device="Another CPU")
    return store.plan()


def asked(sweep: Path, on: str | None = None, usual: bool = False, **limits: float) -> Answer:
    return best(sweep, ["quick"], limits, on, usual)


def ways(answer: Answer) -> list[str]:
    return [f"{row['network']} {row['method']}" for row in answer.rows]


def test_without_a_budget_it_is_the_best_of_all(sweep: Path) -> None:
    answer = asked(sweep)
    assert ways(answer) == ["WRN-16-2 S scratch"]
    assert answer.sentences == ["Of 5 rows that can be compared 5 are looked at: 0 not told from the first, 4 worse."]


def test_those_that_are_not_told_from_it_stand_beside_it(sweep: Path) -> None:
    """1.1 points at 90 % of 10,000 images are 2.6 errors, which is nothing of the best of five."""
    answer = asked(sweep, macs=20e6)
    assert ways(answer) == ["WRN-16-2 G(N) scratch [epochs=4]", "WRN-16-2 G(N) kd"]
    assert ways(asked(sweep, macs=20e6, usual=True)) == ["WRN-16-2 G(N) kd"]
    assert answer.rows[0]["Multiply-adds"] == "20.00 M"
    assert answer.body["worse"] == 0
    assert asked(sweep, macs=50e6).body["worse"] == 3


def test_all_budgets_are_met_at_once(sweep: Path) -> None:
    """At most 10 ms alone it is G(4)."""
    assert ways(asked(sweep, latency_ms=10)) == ["WRN-16-2 G(4) kd"]
    both = asked(sweep, latency_ms=10, macs=30e6)
    assert ways(both)[0] == "WRN-16-2 G(N) scratch [epochs=4]"
    assert [row["Latency on A"] for row in both.rows] == ["2.000 ms", "2.000 ms"]


def test_a_latency_is_of_the_condition_that_is_named(sweep: Path) -> None:
    answer = asked(sweep, on="b", latency_ms=10)
    assert answer.rows[0]["Latency on B"] == "9.000 ms"
    assert answer.sentences[0].startswith("Of 5 rows that can be compared 4 meet it")
    assert answer.sentences[1].startswith("Of 1 row latency on B is not known or in doubt, so a better one may be")
    assert answer.sentences[2].startswith("Latency, throughput on B: Another CPU")
    with pytest.raises(UserError, match=r"--on c is no condition of these timings: A, B, as the report has them"):
        asked(sweep, on="c", latency_ms=10)


def test_whoever_types_a_number_as_it_is_shown_gets_its_row(store: Store) -> None:
    store.seeds("S", "scratch", [0.95, 0.951])
    store.measure("S", 1.23449)
    assert ways(asked(store.plan(), latency_ms=1.234)) == ["WRN-16-2 S scratch"]


def test_so_does_whoever_types_one_that_was_rounded() -> None:
    """20.13 M of 20,134,567."""
    assert meets(20_134_567, 20_130_000, COUNTED[1])
    assert not meets(20_135_567, 20_130_000, COUNTED[1])
    assert meets(0.123449, 0.1234, TIMED)
    assert not meets(0.12346, 0.1234, TIMED)


def test_another_teacher_is_no_other_recipe(store: Store) -> None:
    one, other = (store.seeds(conv, "scratch", [0.9, 0.901]) for conv in ("S", "G(4)"))
    for teacher, top1 in ((one, 0.87), (other, 0.89)):
        for seed in (0, 1):
            store.add("G(N)", "kd", seed, top1 + seed / 1000, teacher=teacher[seed])
    found = asked(store.plan(), macs=20e6, usual=True)
    assert found.rows[0]["method"] == "kd [teacher=WRN-16-2 G(4) scratch]"


def test_where_no_row_is_trained_so_that_is_said(store: Store) -> None:
    """Not that none meets the budget; and what is in doubt is no traceback."""
    store.seeds("S", "scratch", [0.95, 0.951], recipe={"epochs": 9})
    store.seeds("G(4)", "scratch", [0.9, 0.901], recipe={"epochs": 4})
    store.measure("S", 2.0, doubt="busy")
    assert ways(asked(store.plan(), usual=True)) == ["WRN-16-2 S scratch"]
    with pytest.raises(UserError, match=r"no row of quick has at most 5\.000 ms of latency: of none are these known"):
        asked(store.root, usual=True, latency_ms=5)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"on": "A"}, "--on names the condition of a latency: give --latency-ms too."),
        ({"latency_ms": float("inf")}, "a budget is a finite number, such as --latency-ms 0.5."),
    ],
)
def test_what_makes_no_budget_is_said(given: dict[str, Any], why: str, sweep: Path) -> None:
    with pytest.raises(UserError, match=why):
        asked(sweep, **given)


@pytest.mark.parametrize(
    ("limits", "why"),
    [
        ({"macs": 10e6}, "no row of quick has at most 10.00 M of multiply-adds: the least are 20.00 M."),
        (
            {"macs": 30e6, "latency_ms": 1},
            "no row of quick has at most 30.00 M of multiply-adds and 1.000 ms of latency on A: the least are 20.00 M, "
            "2.000 ms.",
        ),
        ({"train_macs": 1e12}, "no row has train_macs: `cheapconv measure` times and counts"),
    ],
)
def test_what_no_row_meets_is_said_with_the_least(limits: dict[str, float], why: str, sweep: Path) -> None:
    with pytest.raises(UserError) as error:
        asked(sweep, **limits)
    assert str(error.value).startswith(why)


def test_a_sweep_in_which_nothing_can_be_compared_says_so(store: Store) -> None:
    store.seeds("S", "scratch", [0.1, 0.1], warning="no better than guessing")
    with pytest.raises(UserError, match=r"no row of quick is complete and has a score that means something"):
        asked(store.plan())


def test_the_command_prints_it_as_one_document(sweep: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runner.app(["best", "quick", "--store", str(sweep), "--macs", "30M", "--json"], standalone_mode=False)
    body = json.loads(capsys.readouterr().out)
    assert (body["budget"], body["best"]["id"]) == ({"macs": 30_000_000}, "WRN-16-2/G(N)/scratch[epochs=4]")
    assert (body["best"]["mean"], body["best"]["n"], body["not_known"]) == (pytest.approx(0.91), 3, 0)
    runner.app(["best", "quick", "--store", str(sweep)], standalone_mode=False)
    assert "WRN-16-2 S" in capsys.readouterr().out
