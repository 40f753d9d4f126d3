"""Rows to look into: below their own network trained alone, and of seeds further apart than test images explain."""

import json
import math
import re

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from statsmodels.stats.multitest import multipletests

from cheapconv.reports.answers.content import build
from cheapconv.reports.statistics import differences, oddities
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
    found = oddities.beside_alone(content.rows)
    assert odd(found) == {"at": (4.0, True), "sp": (0.07, False), "kd": (-2.92, True)}
    by_hand = [differences.p_value(each.row, content.rows.loc[alone(content)])[0] for each in found]
    assert [each.p for each in found] == pytest.approx(multipletests(by_hand, method="holm")[1])
    [told] = [text for text in content.cautions if text.startswith("Worse than their network trained alone")]
    assert "WRN-16-2 G(4) + at (4.00 points, p " in told
    assert not {"sp", "kd"} & {*re.findall(r"\w+", told.split("recipe:")[1])}


def alone(content):
    """Label of the G(4) that was trained alone."""
    [label] = content.rows.index[(content.rows["conv"] == "G(4)") & content.rows["is_baseline"].astype(bool)]
    return label


def test_a_row_is_set_beside_training_alone_by_its_own_recipe(tmp_path):
    store = Store(tmp_path)
    for lr, alone, taught in ((0.1, 0.90, 0.91), (0.2, 0.85, 0.87)):
        for method, top1 in (("scratch", alone), ("kd", taught)):
            store.seeds("S", method, [top1, top1 + 0.001], recipe={"epochs": 2, "lr": lr})
    store.seeds("S", "kd", [0.80, 0.801], recipe={"epochs": 2, "lr": 0.4})
    found = oddities.beside_alone(build(store.plan(), "quick").rows)
    assert [round(100 * each.amount, 2) for each in found] == [-1.0, -2.0]


def test_rows_that_cannot_be_set_beside_training_alone(tmp_path):
    """Seeds are missing, the network was changed, or it is deployed in another precision."""
    store = Store(tmp_path)
    store.seeds("S", "scratch", [0.95, 0.951])
    store.seeds("S", "kd", [0.85, 0.851])
    store.add("S", "kd", 2, state="planned")
    for key in store.seeds("S", "taylor", [0.80, 0.801]):
        result = json.loads((store.root / key / "result.json").read_text())
        result["networks"][0]["changed"] = True
        store.write(f"{key}/result.json", result)
    at = store.seeds("S", "at", [0.94, 0.941])
    for key, top1 in zip(at, (0.5, 0.9), strict=True):
        store.deploy(key, top1)
    rows = build(store.plan(), "quick").rows
    assert {*odd(oddities.beside_alone(rows))} == {"at"}
    assert odd(oddities.beside_alone(rows))["at"][0] == 1.0
    assert not any(each.row["deployed"] for each in oddities.unsteady(rows))


def test_a_single_run_is_not_called_worse(tmp_path):
    store = Store(tmp_path)
    store.add("S", "scratch", 0, 0.95)
    store.add("S", "kd", 0, 0.85)
    content = build(store.plan(), "quick")
    assert odd(oddities.beside_alone(content.rows)) == {"kd": (10.0, False)}
    assert not [text for text in content.cautions if text.startswith("Worse than")]
    assert far(content) == ["WRN-16-2 S + kd (10.00 points, not tested)."]


def far(content):
    """What is said of rows that are far below, and not resolved."""
    said = "points or more below their network trained alone, but not resolved, so look at their seeds first: "
    return [text.partition(said)[2] for text in content.cautions if said in text]


@pytest.mark.parametrize(
    ("top1", "told"),
    [
        ([0.76, 0.76, 0.25], ["WRN-16-2 S + kd (31.00 points, p = 0.21)."]),
        ([0.895, 0.895, 0.775], []),
    ],
)
def test_a_row_that_scatters_is_shown_if_it_is_far_below(top1, told, tmp_path):
    """31 points below by two middling seeds and a bad one: t = 0.31 / (0.2944 / sqrt(3)) = 1.82 at 2 degrees, p = 0.21.
    4.5 points below, by such seeds, is what chance does."""
    store = Store(tmp_path)
    store.seeds("S", "scratch", [0.9, 0.9, 0.9])
    store.seeds("S", "kd", top1)
    content = build(store.plan(), "quick")
    [found] = oddities.beside_alone(content.rows)
    assert not found.resolved
    assert far(content) == told
    assert not [text for text in content.cautions if text.startswith("Worse than")]


def test_a_row_that_is_resolved_is_told_once(tmp_path):
    store = Store(tmp_path)
    store.seeds("S", "scratch", [0.9, 0.901, 0.902])
    store.seeds("S", "kd", [0.7, 0.701, 0.702])
    content = build(store.plan(), "quick")
    assert [text.partition(",")[0] for text in content.cautions if "network trained alone" in text] == [
        "Worse than their network trained alone"
    ]
    assert far(content) == []


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
def test_steady_rows_are_called_unsteady_in_few_reports(seeds):
    """At the boundary: every seed is right about each image with the same probability, and independently."""
    random = np.random.default_rng(seeds)
    drawn = random.binomial(simulated.FEW, simulated.ACCURACY, (400, 8, seeds)) / simulated.FEW
    called = 0
    for top1 in drawn:
        rows = simulated.rows(top1, simulated.FEW).assign(warnings="", deployed="")
        called += any(each.resolved for each in oddities.unsteady(rows))
    assert 4 <= called <= 400 * simulated.at_most(0.05, 400)


def test_without_rows_there_is_nothing_odd():
    rows = pd.DataFrame(columns=["n", "warnings", "deployed", "comparable", "changed", "is_baseline", "variant"])
    assert oddities.unsteady(rows) == oddities.beside_alone(rows) == []
