"""Rows to look into: below their own network trained alone, and of seeds further apart than test images explain."""

import math

import numpy as np
import pandas as pd
import pytest
import scipy.stats

from cheapconv.reports.answers.content import build
from cheapconv.reports.statistics import oddities
from cheapconv.reports.statistics.oddities import Odd
from tests.reports import simulated
from tests.reports.store import Store


def odd(found: list[Odd]) -> dict[str, tuple[float, bool]]:
    """By method: the points, and whether it is more than chance."""
    return {each.row["method"]: (round(100 * each.amount, 2), each.resolved) for each in found}


def test_a_row_is_below_its_own_network_trained_alone(tmp_path):
    store = Store(tmp_path)
    store.seeds("S", "scratch", [0.95, 0.951, 0.952])
    store.seeds("G(4)", "scratch", [0.900, 0.901, 0.902])
    store.seeds("G(4)", "kd", [0.9300, 0.9302, 0.9304])
    store.seeds("G(4)", "at", [0.860, 0.861, 0.862])
    store.seeds("G(4)", "sp", [0.899, 0.900, 0.902])
    content = build(store.plan(), "quick")
    assert odd(oddities.below_alone(content.rows)) == {"at": (4.0, True), "sp": (0.07, False)}
    [told] = [text for text in content.cautions if text.startswith("Worse than their network trained alone")]
    assert "WRN-16-2 G(4) + at (4.00 points, p " in told
    assert "sp" not in told.split("recipe:")[1]


def test_a_row_that_is_not_complete_or_whose_network_was_changed_is_not_below(tmp_path):
    store = Store(tmp_path)
    store.seeds("S", "scratch", [0.95, 0.951])
    store.seeds("S", "kd", [0.85, 0.851])
    store.add("S", "kd", 2, state="planned")
    assert oddities.below_alone(build(store.plan(), "quick").rows) == []


@pytest.mark.parametrize(("top1", "resolved"), [([0.90, 0.903], False), ([0.88, 0.92], True)])
def test_seeds_further_apart_than_test_images_explain(top1, resolved, tmp_path):
    """10,000 images at 90 % give a score an error of 0.3 points."""
    store = Store(tmp_path)
    store.seeds("S", "scratch", top1)
    store.seeds("G(4)", "scratch", [0.9, 0.9001])
    content = build(store.plan(), "quick")
    [first, second] = oddities.unsteady(content.rows)
    std, error = abs(top1[0] - top1[1]) / math.sqrt(2), math.sqrt(0.9 * 0.1 / 10_000)
    by_hand = scipy.stats.chi2.sf((std / (error * math.sqrt(1 if resolved else 0.9015 * 0.0985 / 0.09))) ** 2, 1)
    assert first.amount == pytest.approx(std)
    assert first.p == pytest.approx(min(1, 2 * by_hand))
    assert (first.resolved, second.resolved) == (resolved, False)
    said = [text for text in content.cautions if text.startswith("Seeds further apart than test images explain")]
    assert [("WRN-16-2 S + scratch (2.83 points" in text) for text in said] == [True] * resolved


@pytest.mark.parametrize("seeds", [2, 3, 5])
def test_steady_rows_are_not_called_unsteady(seeds):
    """On shared images, where a seed changes only what it makes of each image."""
    random, called = np.random.default_rng(seeds), 0
    for _ in range(60):
        rows = simulated.rows(simulated.on_shared_images(random, 8, seeds, 0.0), simulated.FEW)
        called += any(each.resolved for each in oddities.unsteady(rows.assign(warnings="", deployed="")))
    assert called / 60 <= simulated.at_most(0.05, 60)


def test_without_rows_there_is_nothing_odd():
    rows = pd.DataFrame(columns=["n", "warnings", "deployed", "comparable", "changed", "architecture", "conv"])
    assert oddities.unsteady(rows) == []
