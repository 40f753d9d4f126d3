"""One way of training a network against another: which rows are pairs, and how sure their differences are."""

import io
import itertools
import json
import math

import numpy as np
import pandas as pd
import pytest
import scipy.stats

from cheapconv.reports.answers.content import Content, build
from cheapconv.reports.formats import pairs
from cheapconv.reports.statistics import pairwise
from tests.reports import simulated
from tests.reports.store import Store

SAID = "One method against another in the same network"


def table(content: Content) -> pd.DataFrame:
    """The file, read again."""
    return pd.read_csv(io.StringIO(pairs.csv(content.rows)), keep_default_na=False)


def named(content: Content) -> list[str]:
    """Both methods of each pair, with what tells its network from others."""
    return [" ".join(map(str, line)).strip() for line in table(content)[["conv", "method", "other_method"]].to_numpy()]


def told(content: Content) -> list[str]:
    """What the first sentences say of pairs."""
    return [finding.text for finding in content.findings if finding.text.startswith(SAID)]


def test_differences_intervals_and_p_by_hand(small: Store) -> None:
    """Of two seeds each: 93.0 of variance 8e-6, 91.6 and 90.0 of 2e-6. Of the first and the last the error is
    sqrt(8e-6 / 2 + 2e-6 / 2) = 0.2236 points at (4 + 1)^2 / (4^2 + 1^2) = 1.47 degrees, so t = 3 / 0.2236. The test
    set's own error is sqrt(2 * 0.915 * 0.085 / 10,000) = 0.39 points, and says more. Holm: the smallest p thrice."""
    found = table(build(small.root, "quick"))
    assert [*found["method"] + " " + found["other_method"]] == ["kd online", "kd scratch", "online scratch"]
    assert {*found["conv"]} == {"G(4)"}  # the standard network has one row
    assert [*found["points"]] == pytest.approx([1.4, 3.0, 1.6])
    last = found.iloc[1]
    error, degrees = math.sqrt(5e-6), 25 / 17
    assert last["p"] == pytest.approx(2 * scipy.stats.t.sf(0.03 / error, degrees)) == pytest.approx(0.0163, abs=1e-4)
    half = 100 * scipy.stats.t.ppf(0.975, degrees) * error
    assert (last["points_low"], last["points_high"]) == pytest.approx((3 - half, 3 + half))
    assert last["test"] == "by Welch's test over the seeds"
    assert [*found["p"]] == pytest.approx([0.0492, 0.0163, 0.0077], abs=1e-4)
    assert [*found["p_adjusted"]] == pytest.approx([found["p"][0], 2 * found["p"][1], 3 * found["p"][2]])
    assert found["resolved"].all()
    assert (last["n"], last["other_n"]) == (2, 2)


def test_a_pair_has_one_network_one_recipe_and_one_deployment(store: Store) -> None:
    """And is complete, of the network itself, with scores that mean something."""
    store.seeds("S", "scratch", [0.95, 0.951])
    for epochs, top1 in ((2, 0.90), (4, 0.91)):
        for method, gain in (("scratch", 0.0), ("kd", 0.02)):
            options = {"teacher": store.keys[0]} if method == "kd" else {}
            store.seeds("G(4)", method, [top1 + gain, top1 + gain + 0.001], recipe={"epochs": epochs}, **options)
    for key in store.seeds("G(4)", "taylor", [0.80, 0.801], recipe={"epochs": 2}):
        result = json.loads((store.root / key / "result.json").read_text())
        result["networks"][0]["changed"] = True
        store.write(f"{key}/result.json", result)
    store.seeds("G(4)", "at", [0.90, 0.901], recipe={"epochs": 2}, warning="chance")
    store.add("G(4)", "sp", 0, 0.9, recipe={"epochs": 2})
    store.add("G(4)", "sp", 1, state="planned", recipe={"epochs": 2})
    for key in store.keys[2:6]:  # by the recipe of two epochs
        store.deploy(key, 0.89)
    found = table(build(store.plan(), "quick"))
    chosen = ["method", "other_method", "variant", "other_variant", "deployed"]
    assert [tuple(line) for line in found[chosen].to_numpy()] == [
        ("kd", "scratch", "epochs=4", "epochs=4", ""),
        ("kd", "scratch", "", "", ""),
        ("kd", "scratch", "", "", "int8 (ONNX Runtime)"),
    ]


def test_single_runs_stand_on_the_test_set_alone_and_say_so(store: Store) -> None:
    """0.93 and 0.90 of 10,000 images: z = 0.03 / sqrt(2 * 0.915 * 0.085 / 10,000) = 7.61."""
    store.add("S", "scratch", 0, 0.90)
    store.add("S", "kd", 0, 0.93)
    content = build(store.plan(), "quick")
    [line] = table(content).to_dict("records")
    assert line["p"] == pytest.approx(2 * scipy.stats.norm.sf(0.03 / math.sqrt(2 * 0.915 * 0.085 / 1e4)), rel=1e-6)
    assert (line["n"], line["test"]) == (1, "by the test set's binomial error")
    [text] = told(content)
    assert "p corrected for 1 pair: WRN-16-2 S + kd 3.00 points above scratch (2.23 to 3.77, p < 0.0001)" in text
    assert text.endswith("(single runs: by the test set's error alone).")


def test_what_scatters_is_not_resolved_and_within_what_scores_can_be(store: Store) -> None:
    store.seeds("S", "scratch", [0.2, 0.6])
    store.seeds("S", "kd", [0.4, 0.9])
    content = build(store.plan(), "quick")
    [line] = table(content).to_dict("records")
    assert (line["resolved"], line["points_low"], line["points_high"]) == (False, -100, 100)
    assert "kd 25.00 points above scratch (not resolved, -100.00 to 100.00, p = " in told(content)[0]


@pytest.mark.parametrize(("convs", "methods", "count"), [(1, 4, 6), (2, 3, 6), (1, 5, 10), (3, 2, 3), (2, 1, 0)])
def test_pairs_are_told_where_they_are_few_and_of_too_few_networks(
    convs: int, methods: int, count: int, store: Store
) -> None:
    """Of three networks there is a mean over them; all are in the file."""
    for conv, method in itertools.product(("S", "G(4)", "G(N)")[:convs], ("scratch", "kd", "at", "sp", "od")[:methods]):
        store.seeds(conv, method, [0.9, 0.901])
    content = build(store.plan(), "quick")
    assert len(table(content)) == count
    assert [f"for {count} pairs: " in text for text in told(content)] == [True] * (convs < 3 and 0 < count <= 6)
    assert all(text.count("points above") == count for text in told(content))


def test_more_than_anybody_reads_are_not_made(small: Store) -> None:
    rows = build(small.root, "quick").rows
    assert [len(pairwise.pairs(rows, most)) for most in (2, 3)] == [0, 3]


def test_without_pairs_there_is_a_head_alone(store: Store) -> None:
    store.add("S", "scratch", 0, 0.9)
    assert pairs.csv(build(store.plan(), "quick").rows) == ",".join(pairs.COLUMNS) + "\n"


def test_names_are_those_of_the_table_and_no_formulas(store: Store) -> None:
    store.add("S", "=1+1", 0, 0.9)
    store.add("S", "kd", 0, 0.8)
    assert named(build(store.plan(), "quick")) == ["S '=1+1 kd"]


def test_of_equal_rows_few_reports_have_a_pair_that_is_resolved() -> None:
    """Four ways of training that do not differ, on the images that all of them share: six pairs a report."""
    random, reports, called = np.random.default_rng(7), 150, 0
    for _ in range(reports):
        rows = simulated.answered(simulated.answers(random, rows=4, seeds=3, quality=0.02))
        every = [*itertools.combinations([row for _, row in rows.iterrows()], 2)]
        called += any(pair.resolved for pair in pairwise.compared(every))
    assert called <= reports * simulated.at_most(0.05, reports)
