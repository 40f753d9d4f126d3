"""Gap recovered, its interval, and when it is withheld."""

import math

import pytest
import scipy.stats

from cheapconv.reports.answers.content import build
from cheapconv.reports.statistics.gap import Spread, fieller
from tests.reports.store import Store


def gap(store: Store, conv: str, method: str) -> tuple[float, str]:
    """Recovered share and note of the row with default settings."""
    row = build(store.plan(), "quick").rows.set_index(["conv", "method"]).loc[(conv, method)]
    return row["gap_recovered"], row["gap_note"]


def test_share_of_the_gap(small: Store) -> None:
    recovered, note = gap(small, "G(4)", "kd")
    assert recovered == pytest.approx(0.6)
    assert note == ""


def test_a_method_can_lose_accuracy(small: Store) -> None:
    small.seeds("G(4)", "at", [0.889, 0.891])
    assert gap(small, "G(4)", "at")[0] == pytest.approx(-0.2)


@pytest.mark.parametrize("row", [("S", "scratch"), ("G(4)", "scratch")])
def test_baselines_have_no_gap_and_no_note(small: Store, row: tuple[str, str]) -> None:
    recovered, note = gap(small, *row)
    assert math.isnan(recovered)
    assert note == ""


def test_gap_within_the_spread_over_seeds_is_withheld(store: Store) -> None:
    # Standard errors of both means are 0.01, of the difference 0.01414: t = 1.98 at 2 degrees of freedom.
    store.seeds("S", "scratch", [0.94, 0.96])
    store.seeds("G(4)", "scratch", [0.912, 0.932])
    store.seeds("G(4)", "kd", [0.94, 0.94])
    recovered, note = gap(store, "G(4)", "kd")
    assert math.isnan(recovered)
    assert "2.80 points" in note
    assert "(p = 0.19 by Welch's test over the seeds)" in note


@pytest.mark.parametrize(("images", "printed"), [(10_000, True), (100, False)])
def test_single_seeds_use_the_binomial_error_of_the_test_set(store: Store, images: int, printed: bool) -> None:
    # On 100 images the error of the difference of 95 % and 90 % is sqrt(2 * 0.925 * 0.075 / 100) = 3.7 points.
    for conv, method, top1 in [("S", "scratch", 0.95), ("G(4)", "scratch", 0.90), ("G(4)", "kd", 0.93)]:
        store.add(conv, method, 0, top1, test_images=images)
    recovered, note = gap(store, "G(4)", "kd")
    assert math.isnan(recovered) != printed
    assert ("(p = 0.18 by the test set's binomial error)" in note) != printed
    assert ("a single run has no spread over seeds" in note) == printed


def test_a_gap_that_the_test_set_cannot_resolve_is_withheld_however_seeds_agree(store: Store) -> None:
    for conv, method, top1 in [("S", "scratch", 0.905), ("G(4)", "scratch", 0.900), ("G(4)", "kd", 0.904)]:
        store.seeds(conv, method, [top1, top1 + 0.0001, top1 - 0.0001])
    recovered, note = gap(store, "G(4)", "kd")
    assert math.isnan(recovered)
    assert "0.50 points (p = 0.23 by the test set's binomial error)" in note


def test_incomplete_baseline_withholds_the_gap(small: Store) -> None:
    small.add("G(4)", "scratch", 2, state="planned")
    recovered, note = gap(small, "G(4)", "kd")
    assert math.isnan(recovered)
    assert "still missing" in note


@pytest.mark.parametrize(("conv", "method"), [("S", "scratch"), ("G(4)", "scratch"), ("G(4)", "kd")])
def test_an_accuracy_that_means_nothing_withholds_the_gap(small: Store, conv: str, method: str) -> None:
    """Of the row, of its baseline or of the standard network; all three rows are complete."""
    teacher = small.keys[0] if method == "kd" else None
    small.add(conv, method, 2, 0.93, warning="student has 93.00 %, as guessing has", teacher=teacher)
    recovered, note = gap(small, "G(4)", "kd")
    assert math.isnan(recovered)
    assert note == "no gap: the accuracy of this row, its baseline or the standard network means nothing"


def test_missing_baseline_is_said(small: Store) -> None:
    small.seeds("G(N)", "kd", [0.9])
    assert gap(small, "G(N)", "kd")[1] == "no gap: the sweep has no baseline of this conv and recipe"


def test_baseline_with_default_settings_is_preferred(small: Store) -> None:
    small.seeds("G(4)", "tuned", [0.94], is_baseline=True, method_config={"smoothing": 0.1})
    assert gap(small, "G(4)", "kd")[0] == pytest.approx(0.6)


def test_of_equal_baselines_the_first_of_the_plan_is_taken(small: Store) -> None:
    small.seeds("G(4)", "smoothed", [0.939, 0.941], is_baseline=True)
    assert gap(small, "G(4)", "kd")[0] == pytest.approx(0.6)


def test_the_only_standard_network_may_be_another_architecture(store: Store) -> None:
    store.add("S", "scratch", 0, 0.95, architecture="WRN-40-2")
    store.add("G(4)", "scratch", 0, 0.90)
    store.add("G(4)", "kd", 0, 0.92)
    recovered, note = gap(store, "G(4)", "kd")
    assert recovered == pytest.approx(0.4)
    assert note.startswith("gap to WRN-40-2 S, the only standard network of the sweep; ")


def test_of_one_foreign_standard_network_the_training_by_the_same_recipe_is_taken(store: Store) -> None:
    for epochs, top1 in ((2, 0.95), (4, 0.98)):
        store.add("S", "scratch", 0, top1, architecture="WRN-40-2", recipe={"epochs": epochs})
    store.add("G(4)", "scratch", 0, 0.90, recipe={"epochs": 2})
    store.add("G(4)", "kd", 0, 0.92, recipe={"epochs": 2})
    rows = build(store.plan(), "quick").rows.set_index(["conv", "method"])
    assert rows.loc[("G(4)", "kd"), "gap_recovered"] == pytest.approx(0.4)


def test_of_several_foreign_standard_networks_none_is_chosen(store: Store) -> None:
    for architecture in ("WRN-40-2", "WRN-28-10"):
        store.add("S", "scratch", 0, 0.95, architecture=architecture)
    store.add("G(4)", "scratch", 0, 0.90)
    store.add("G(4)", "kd", 0, 0.92)
    assert "no standard network" in gap(store, "G(4)", "kd")[1]


def test_interval_holds_the_shares_that_a_test_would_not_reject() -> None:
    """At its bounds gain - share * gap is as many standard errors from nothing as the quantile says."""
    gain, gap, (of_row, shared, of_standard), quantile = 0.02, 0.05, (4e-6, 9e-6, 1e-6), scipy.stats.norm.ppf(0.975)
    bounds = fieller(gain, gap, Spread.apart(of_row, shared, of_standard), quantile)
    assert bounds[0] < gain / gap < bounds[1]
    for share in bounds:
        error = math.sqrt(of_row + (1 - share) ** 2 * shared + share**2 * of_standard)
        assert abs(gain - share * gap) / error == pytest.approx(quantile)


def test_interval_of_a_gap_that_may_be_none_is_everything() -> None:
    assert fieller(0.02, 0.01, Spread.apart(1e-4, 1e-4, 1e-4), 1.96) == (-math.inf, math.inf)


def test_interval_is_never_narrower_than_the_test_set_allows(store: Store) -> None:
    """Seeds that agree to a hundredth of a point give a share that is as uncertain as its test images make it."""
    for conv, method, top1 in [("S", "scratch", 0.95), ("G(4)", "scratch", 0.90), ("G(4)", "kd", 0.93)]:
        store.seeds(conv, method, [top1, top1 + 0.0001, top1 - 0.0001])
    row = build(store.plan(), "quick").rows.set_index(["conv", "method"]).loc[("G(4)", "kd")]
    # By the delta method: 1.96 / 5 sqrt(0.255^2 + 0.4^2 0.263^2 + 0.6^2 0.263^2), in points.
    assert (row["gap_high"] - row["gap_low"]) / 2 == pytest.approx(0.124, abs=0.004)


def test_a_gap_is_of_the_recipe_of_the_row(store: Store) -> None:
    """Of twice the epochs there is a baseline of its own, and no standard network; of three times neither."""
    for epochs, shift in ((2, 0.0), (4, 0.01)):
        store.seeds("G(4)", "scratch", [0.900 + shift, 0.901 + shift], recipe={"epochs": epochs})
        store.seeds("G(4)", "kd", [0.930 + shift, 0.931 + shift], recipe={"epochs": epochs})
    store.seeds("S", "scratch", [0.950, 0.951], recipe={"epochs": 2})
    store.seeds("G(4)", "at", [0.950, 0.951], recipe={"epochs": 6})
    rows = build(store.plan(), "quick").rows.set_index(["conv", "method", "variant"])
    assert rows.loc[("G(4)", "kd", ""), "gap_recovered"] == pytest.approx(0.6)
    assert rows.loc[("G(4)", "kd", "epochs=4"), "gap_recovered"] == pytest.approx(0.75)
    assert "the standard network was trained by another recipe" in rows.loc[("G(4)", "kd", "epochs=4"), "gap_note"]
    assert rows.loc[("G(4)", "at", "epochs=6"), "gap_note"].endswith("has no baseline of this conv and recipe")
