"""Means, deviations, ranks and order, against numbers worked out by hand."""

import math

import pytest

from cheapconv.reports.answers.content import build
from cheapconv.reports.page.payload import payload
from tests.reports.store import Store


def rows_of(store: Store):
    """Rows of the report by (conv, method)."""
    return build(store.plan(), "quick").rows.set_index(["conv", "method"])


def test_mean_and_sample_deviation(small: Store) -> None:
    row = rows_of(small).loc[("G(4)", "kd")]
    assert row["top1_mean"] == pytest.approx(0.93)
    assert row["top1_std"] == pytest.approx(math.sqrt(2 * 0.002**2 / 1))
    # t(0.975, 1) = 12.706; the standard error is 0.002828 / sqrt(2) = 0.002.
    assert row["top1_ci95"] == pytest.approx(12.706 * 0.002, rel=1e-4)


def test_training_cost_with_and_without_the_teacher(small: Store) -> None:
    rows = rows_of(small)
    assert (rows.loc[("G(4)", "kd"), "train_s"], rows.loc[("G(4)", "kd"), "train_s_with_teacher"]) == (10, 50)
    assert rows.loc[("G(4)", "scratch"), "train_s_with_teacher"] == 10


def test_single_seed_has_no_deviation(store: Store) -> None:
    store.add("S", "scratch", 0, 0.9)
    row = rows_of(store).iloc[0]
    assert math.isnan(row["top1_std"])
    assert math.isnan(row["top1_ci95"])


def test_rank_leaves_out_the_standard_network(small: Store) -> None:
    rank = rows_of(small)["rank"]
    assert math.isnan(rank[("S", "scratch")])
    # Two seeds cannot tell 93 from 91.6 %: Welch's t is 6.3 at 1.5 degrees of freedom.
    assert rank[[("G(4)", "kd"), ("G(4)", "online"), ("G(4)", "scratch")]].tolist() == [1, 1, 3]


def test_best_epoch_and_ensemble_never_rank(small: Store) -> None:
    small.seeds("G(4)", "lucky", [0.901, 0.903], top1_best=0.99, ensemble=0.99)
    assert rows_of(small)["rank"][("G(4)", "lucky")] == 3


@pytest.mark.parametrize("state", ["planned", "running", "failed"])
def test_incomplete_row_is_not_ranked(small: Store, state: str) -> None:
    small.add("G(4)", "online", 2, state=state, error="boom")
    row = rows_of(small).loc[("G(4)", "online")]
    assert (row["n"], row["planned"], row["failed"]) == (2, 3, int(state == "failed"))
    assert not row["complete"]
    assert math.isnan(row["rank"])


def test_a_row_whose_accuracy_means_nothing_is_neither_ranked_nor_best(small: Store) -> None:
    """One of its cells is enough, however high the mean."""
    small.add("G(4)", "dead", 0, 0.94)
    small.add("G(4)", "dead", 1, 0.98, warning="student has 98.00 %, as guessing has")
    rows = rows_of(small)
    row = rows.loc[("G(4)", "dead")]
    assert (row["complete"], row["comparable"], row["is_best"]) == (True, False, False)
    assert row["warnings"] == "student has 98.00 %, as guessing has"
    assert math.isnan(row["rank"])
    assert rows["rank"][("G(4)", "kd")] == 1
    assert rows["is_best"][("G(4)", "kd")]


def test_cells_without_a_record_withhold_every_rank(small: Store) -> None:
    content = build(small.plan(unrecorded=["never-started"]), "quick")
    assert content.rows["rank"].isna().all()
    assert any("1 planned cells have no record" in remark for remark in content.remarks)


def test_order_is_standard_then_macs_then_accuracy(small: Store) -> None:
    small.seeds("G(N)", "scratch", [0.99])
    assert list(rows_of(small).index) == [
        ("S", "scratch"),
        ("G(4)", "kd"),
        ("G(4)", "online"),
        ("G(4)", "scratch"),
        ("G(N)", "scratch"),
    ]


def test_best_of_a_conv_are_all_that_do_not_differ_from_it_and_need_company(small: Store) -> None:
    small.seeds("G(N)", "scratch", [0.8])
    best = rows_of(small)["is_best"]
    assert list(best[best].index) == [("G(4)", "kd"), ("G(4)", "online")]


def test_a_row_that_cannot_be_ranked_is_never_the_best(small: Store) -> None:
    small.seeds("G(4)", "at", [0.933, 0.935])
    small.add("G(4)", "at", 2, state="planned")
    rows = rows_of(small)
    assert rows["comparable"].to_dict() == {label: label != ("G(4)", "at") for label in rows.index}
    assert not rows.loc[("G(4)", "at"), "is_best"]
    assert rows.loc[("G(4)", "kd"), "is_best"]


def test_a_smaller_standard_network_is_ranked_and_the_one_that_is_cheapened_is_the_reference(store: Store) -> None:
    store.add("S", "scratch", 0, 0.95, architecture="WRN-40-2")
    store.add("G(4)", "scratch", 0, 0.90, architecture="WRN-40-2")
    store.add("S", "scratch", 0, 0.93, architecture="WRN-16-2")
    rows = build(store.plan(), "quick").rows.set_index(["architecture", "conv"])
    assert rows["is_reference"].to_dict() == {
        ("WRN-40-2", "S"): True,
        ("WRN-40-2", "G(4)"): False,
        ("WRN-16-2", "S"): False,
    }
    assert rows["rank"].dropna().to_dict() == {("WRN-16-2", "S"): 1.0, ("WRN-40-2", "G(4)"): 2.0}


def test_rows_of_which_nothing_has_begun_are_counted_and_not_shown(small: Store) -> None:
    shown = [*build(small.plan(), "quick").rows["id"]]
    small.add("B(2)", "scratch", 0, state="planned")
    small.add("B(4)", "scratch", 0, state="running")
    small.add("G(4)", "scratch", 7, state="planned")
    content = build(small.plan(), "quick")
    assert {*content.rows["id"]} == {*shown, "WRN-16-2/B(4)/scratch"}
    assert [*content.rows.index] == [*range(len(content.rows))]
    assert not content.rows.set_index("id").loc["WRN-16-2/G(4)/scratch", "complete"]
    said = f"Left out, because none of their cells has begun: 1 of {len(content.rows) + 1} rows."
    assert said in content.remarks
    assert len(payload(content)["rows"]) == len(content.rows)  # type: ignore[arg-type]
