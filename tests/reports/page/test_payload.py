"""What the page's scripts draw: texts of the table, numbers, fronts, ties, curves, networks within a row."""

import dataclasses
import json

import pytest

from cheapconv.reports.answers.content import build
from cheapconv.reports.page import payload
from cheapconv.reports.papers import attribution
from cheapconv.reports.rows import budgets
from cheapconv.reports.rows.kinds import ALONE, TAUGHT
from cheapconv.reports.rows.quantities import quantities
from cheapconv.reports.rows.reality import reality
from tests.reports.store import Store


def test_a_row_has_its_texts_numbers_and_interval(small: Store) -> None:
    """t at 1 degree of freedom: 12.706 * 0.2828 / sqrt(2) = 2.541 points."""
    found = payload.payload(build(small.root, "quick"))
    [row] = [row for row in found["rows"] if row["id"] == "WRN-16-2/G(4)/kd"]
    assert (row["mean"], row["n"], row["comparable"], row["reference"]) == (0.93, 2, True, False)
    assert (row["low"], row["high"]) == (
        pytest.approx(0.93 - 0.02541, abs=1e-5),
        pytest.approx(0.93 + 0.02541, abs=1e-5),
    )
    assert row["numbers"]["macs"] == 40_000_000
    assert row["bill"][2] == 50.0  # 10 s, and 40 s of its teacher
    assert row["compute"] == [None, None, 2]
    assert row["kind"] == TAUGHT
    assert found["kinds"][:2] == [ALONE, TAUGHT]
    texts = dict(zip((column["title"] for column in found["columns"]), row["texts"], strict=True))
    assert texts["Top-1 %"] == "93.00 ± 0.28"


def test_of_a_single_run_the_test_set_alone_has_an_error(store: Store) -> None:
    """1.96 sqrt(0.9 * 0.1 / 10,000) = 0.588 points."""
    store.add("S", "scratch", 0, 0.9)
    [row] = payload.payload(build(store.plan(), "quick"))["rows"]
    assert (row["low"], row["high"]) == (pytest.approx(0.89412, abs=1e-5), pytest.approx(0.90588, abs=1e-5))


def test_the_front_has_rows_that_nothing_cheaper_beats(store: Store) -> None:
    """By multiply-adds: G(N) at 20 M, then G(4) by kd; G(4) alone is worse than G(N)."""
    store.add("S", "scratch", 0, 0.95)
    store.add("G(4)", "scratch", 0, 0.80)
    store.add("G(4)", "kd", 0, 0.90)
    store.add("G(N)", "scratch", 0, 0.85)
    content = build(store.plan(), "quick")
    fronts = budgets.fronts(content.rows, quantities(content.rows))
    named = [content.rows.loc[label, "id"].removeprefix("WRN-16-2/") for label in fronts.of["macs"]]
    assert named == ["G(N)/scratch", "G(4)/kd", "S/scratch"]


def test_rows_that_do_not_differ_from_one_of_the_front_are_its_ties(store: Store) -> None:
    """Of single runs on 10,000 images 0.2 points are nothing, and 5 are much."""
    store.add("S", "scratch", 0, 0.950)
    store.add("G(4)", "kd", 0, 0.948)
    store.add("G(4)", "scratch", 0, 0.900)
    content = build(store.plan(), "quick")
    ids = {row["id"]: label for label, row in content.rows.iterrows()}
    fronts = budgets.fronts(content.rows, quantities(content.rows))
    assert fronts.tied[ids["WRN-16-2/S/scratch"]] == [ids["WRN-16-2/G(4)/kd"]]
    assert ids["WRN-16-2/G(4)/scratch"] not in fronts.tied


def test_a_row_that_cannot_be_compared_is_on_no_front(small: Store) -> None:
    small.add("G(N)", "scratch", 0, 0.99)
    small.add("G(N)", "scratch", 1, state="failed")
    small.plan()
    content = build(small.root, "quick")
    fronts = budgets.fronts(content.rows, quantities(content.rows))
    assert all(content.rows.loc[label, "conv"] != "G(N)" for labels in fronts.of.values() for label in labels)


def test_throughput_is_better_where_there_is_more(small: Store) -> None:
    content = build(small.root, "quick")
    [throughput] = [each for each in quantities(content.rows) if each.more_is_better]
    front = budgets.fronts(content.rows, [throughput]).of[throughput.field]
    shown = [(content.rows.loc[label, "conv"], content.rows.loc[label, "method"]) for label in front]
    assert shown == [("G(4)", "kd"), ("S", "scratch")]  # 100 images a second, then 50 at a higher score


def test_students_and_ensemble_are_within_their_row(small: Store) -> None:
    found = payload.payload(build(small.root, "quick"))
    [place] = [place for place, row in enumerate(found["rows"]) if row["id"] == "WRN-16-2/G(4)/online"]
    assert found["parts"] == {
        place: [
            {"name": "student_0", "role": "student", "score": "91.60 ± 0.14"},
            {"name": "ensemble", "role": "ensemble", "score": "97.00 ± 0.00"},
        ]
    }


@pytest.mark.parametrize(("quartile", "is_apart"), [(19.0, True), (11.1, True), (10.9, False)])
def test_networks_are_told_apart_in_time_by_their_middle_halves(quartile: float, is_apart: bool, small: Store) -> None:
    """G(4)'s is 9 to 11 ms."""
    rows = build(small.root, "quick").rows
    rows.loc[rows["conv"] == "S", "latency_q25_ms"] = quartile
    [found] = reality(rows, quantities(rows))
    assert {point.is_apart for point in found.points if point.macs < 1} == {is_apart}


def test_a_row_says_how_it_is_trained_again(small: Store) -> None:
    content = build(small.plan(), "quick")
    rows = {row["id"]: row["again"] for row in payload.payload(content)["rows"]}
    assert rows["WRN-16-2/G(4)/kd"] == "cheapconv run quick --select 'WRN-16-2/G(4)/kd'"
    fewer = dataclasses.replace(content, sweep=dataclasses.replace(content.sweep, name="quick@epochs=1"))
    assert payload.payload(fewer)["rows"][0]["again"].startswith("cheapconv run quick --epochs 1 --select ")
    joined = dataclasses.replace(content, sweep=dataclasses.replace(content.sweep, joined=("a", "b")))
    assert {row["again"] for row in payload.payload(joined)["rows"]} == {""}


def test_ratios_to_the_standard_network(small: Store) -> None:
    [found] = payload.payload(build(small.root, "quick"))["reality"]
    rows = payload.payload(build(small.root, "quick"))["rows"]
    assert {rows[place]["conv"]: (x, y) for place, x, y, _ in found["points"]} == {"S": (1.0, 1.0), "G(4)": (0.4, 0.5)}
    assert found["rho"] is None  # of two networks


def test_the_json_may_stand_in_a_page(small: Store) -> None:
    small.add("S", "</script><b>", 0, 0.9)
    small.plan()
    text = payload.script(build(small.root, "quick"))
    assert "<" not in text
    assert "WRN-16-2/S/</script><b>" in {row["id"] for row in json.loads(text)["rows"]}


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, None), (float("nan"), None), (float("inf"), None), (0.123456789, 0.123457), (7, 7.0), ("x", None)],
)
def test_what_is_no_number_is_none(value: object, shown: float | None) -> None:
    assert payload.number(value) == shown


def test_what_a_network_is_set_beside_is_the_plain_baseline(store: Store) -> None:
    """And not one of more epochs, however good it is, nor two networks trained apart."""
    recipe = {"epochs": 2}
    for conv, top1 in (("S", [0.95, 0.951]), ("G(4)", [0.90, 0.901])):
        store.seeds(conv, "scratch", top1, recipe=recipe)
    for conv, method, top1 in (("S", "scratch", 0.99), ("G(4)", "scratch", 0.98), ("G(4)", "kd", 0.985)):
        store.seeds(conv, method, [top1, top1 + 0.001], recipe={"epochs": 4})
    store.seeds("G(4)", "ind", [0.96, 0.961], recipe=recipe, is_baseline=True, method_config={"students": 2})
    store.seeds("G(4)", "kd", [0.92, 0.921], recipe=recipe)
    store.seeds("G(N)", "scratch", [0.88], recipe=recipe)
    store.add("G(N)", "scratch", 1, state="planned", recipe=recipe)  # not complete
    content = build(store.plan(), "quick")
    alone = payload.payload(content)["alone"]
    assert [content.rows.loc[label, "id"] for label in alone] == ["WRN-16-2/S/scratch", "WRN-16-2/G(4)/scratch"]
    [found] = attribution.attribution(content.rows)
    means = [content.rows.loc[label, "top1_mean"] for label in (found.standard, found.alone, found.best)]
    assert means == pytest.approx([0.9505, 0.9005, 0.9205])
