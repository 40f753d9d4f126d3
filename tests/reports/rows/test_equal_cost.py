"""What a budget buys, against tables small enough to read, and a large one."""

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest

from cheapconv.reports.answers.content import build
from cheapconv.reports.rows import equal_cost
from cheapconv.reports.rows.quantities import COUNTED, TRAINING, Quantity, quantities
from cheapconv.reports.statistics import differences, studentised
from tests.reports.store import Store


def table(costs: Sequence[float], top1: Sequence[float], **columns: object) -> pd.DataFrame:
    """Rows of three seeds with a spread of 0.1 points on a million images, named r0, r1, ..."""
    names = [f"r{place}" for place in range(len(costs))]
    rows = pd.DataFrame({"macs": costs, "top1_mean": top1}, index=names)
    rows = rows.assign(training_doubt="", top1_std=0.001, n=3, top1_ci95=0.0025, test_images=1_000_000, comparable=True)
    return rows.assign(**columns)


def of(field: str, doubt: str = "") -> Quantity:
    """A quantity of that column; weights are in KiB."""
    return Quantity(field, field, "", 1024 if field == "weights_bytes" else 1, doubt=doubt)


def test_each_budget_has_a_winner_and_those_that_are_not_distinguishable() -> None:
    rows = table([22e6, 40e6, 45e6, 95e6, 95e6], [0.80, 0.90, 0.9001, 0.95, 0.70])
    tight, wide = equal_cost.budgets(rows, of("macs"))
    assert (tight.limit, tight.winner, tight.not_distinguishable, tight.considered) == (50e6, "r2", ("r1",), 3)
    assert (wide.limit, wide.winner, wide.not_distinguishable, wide.considered) == (100e6, "r3", (), 5)


@pytest.mark.parametrize(
    ("costs", "found"),
    [
        ([22, 40, 95], [50, 100]),
        ([20, 100], [20, 100]),
        ([3, 30, 300], [5, 50, 500]),
        ([0.31, 0.32], [0.5]),
        ([0, 7], [1, 10]),
        ([0], [0]),
        ([], []),
    ],
)
def test_budgets_are_round_and_each_buys_more(costs: list[float], found: list[float]) -> None:
    assert equal_cost.limits(np.array(costs, dtype=float)) == found


def test_budgets_are_few_and_the_last_buys_all() -> None:
    found = equal_cost.limits(np.geomspace(1, 999_999, 500))
    assert len(found) == 7
    assert found[-3:] == [20_000, 200_000, 1_000_000] or found[-1] == 1_000_000
    assert found == sorted(found)


def test_budgets_of_weights_are_round_in_kib() -> None:
    rows = table([1, 1], [0.8, 0.9], weights_bytes=[150 * 1024, 190 * 1024])
    assert [budget.limit for budget in equal_cost.budgets(rows, of("weights_bytes"))] == [200 * 1024]


def test_rows_that_mean_nothing_or_whose_cost_is_not_known_are_left_out() -> None:
    rows = table([1.0, 1.0, math.nan], [0.8, 0.9, 0.95], comparable=[True, False, True])
    assert [budget.winner for budget in equal_cost.budgets(rows, of("macs"))] == ["r0"]
    assert list(equal_cost.frontier(rows, of("macs"))) == ["r0"]
    nothing = rows.assign(comparable=False)
    assert equal_cost.budgets(nothing, of("macs")) == []
    assert equal_cost.frontier(nothing, of("macs")).empty


def test_a_latency_in_doubt_is_left_out_under_its_own_condition_alone() -> None:
    latencies = {"latency_ms": [2.0, 2.0], "doubt": ["", "busy"], "latency_ms_2": [3.0, 3.0], "doubt_2": ["", math.nan]}
    rows = table([1, 1], [0.8, 0.9], **latencies)
    winners = {
        each.field: [b.winner for b in equal_cost.budgets(rows, each)]
        for each in (of("latency_ms", "doubt"), of("latency_ms_2", "doubt_2"), of("macs"))
    }
    assert winners == {"latency_ms": ["r0"], "latency_ms_2": ["r1"], "macs": ["r1"]}


def test_the_frontier_are_the_rows_that_nobody_beats() -> None:
    rows = table([3, 1, 2, 2, 2, 4, 5], [0.90, 0.80, 0.85, 0.85, 0.84, 0.90, 0.95])
    assert list(equal_cost.frontier(rows, of("macs"))) == ["r1", "r2", "r3", "r0", "r6"]


def test_the_frontier_is_that_of_the_definition() -> None:
    random = np.random.default_rng(0)
    rows = table(random.integers(1, 30, 200), random.integers(50, 99, 200) / 100)
    beaten = [
        any(
            (r["top1_mean"] > s) & (r["macs"] <= c) | (r["top1_mean"] == s) & (r["macs"] < c)
            for _, r in rows.iterrows()
        )
        for c, s in zip(rows["macs"], rows["top1_mean"], strict=True)
    ]
    assert {*equal_cost.frontier(rows, of("macs"))} == {*rows.index[~np.array(beaten)]}


def test_the_rows_of_a_report_have_their_budgets(small: Store) -> None:
    rows = build(small.plan(), "quick").rows
    named = rows["conv"] + " " + rows["method"]
    found = {each.field: equal_cost.budgets(rows, each) for each in quantities(rows)}
    by_macs = [(budget.limit, named[budget.winner], budget.considered) for budget in found["macs"]]
    assert by_macs == [(50e6, "G(4) kd", 3), (100e6, "S scratch", 4)]
    assert [(budget.limit, named[budget.winner]) for budget in found["latency_ms"]] == [
        (10, "G(4) kd"),
        (20, "S scratch"),
    ]
    assert [(budget.limit, named[budget.winner]) for budget in found["train_s_with_teacher"]] == [
        (10, "S scratch"),
        (50, "S scratch"),
    ]
    assert list(named[equal_cost.frontier(rows, of("macs"))]) == ["G(4) kd", "S scratch"]


def test_a_thousand_rows_are_compared_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """No pair of rows is asked alone, and scipy's range once a budget: 20 ms for each pair would be many minutes."""
    for name in ("differ", "range_p", "p_value"):
        monkeypatch.delattr(differences, name)
    studentised.critical.cache_clear()
    random = np.random.default_rng(0)
    known = [*COUNTED, TRAINING, of("latency_ms", "doubt")]
    costs = {each.field: random.lognormal(10, 2, 1000) for each in known}
    rows = table([1] * 1000, random.uniform(0.6, 0.95, 1000), doubt="", **costs)
    found = [budget for each in known for budget in equal_cost.budgets(rows, each)]
    assert 30 <= len(found) <= equal_cost.MOST * len(known)
    assert studentised.critical.cache_info().misses <= len(found)
