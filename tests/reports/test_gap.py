"""Gap recovered, and when it is withheld."""

import math

import pytest

from cheapconv.reports.content import build
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


def test_gap_below_two_standard_errors_of_the_seeds_is_withheld(store: Store) -> None:
    # Standard errors of both means are 0.01, of the difference 0.01414; the gap of 0.028 is below twice that.
    store.seeds("S", "scratch", [0.94, 0.96])
    store.seeds("G(4)", "scratch", [0.912, 0.932])
    store.seeds("G(4)", "kd", [0.94, 0.94])
    recovered, note = gap(store, "G(4)", "kd")
    assert math.isnan(recovered)
    assert "2.80 points" in note
    assert "(2.83 points)" in note


@pytest.mark.parametrize(("images", "printed"), [(10_000, True), (100, False)])
def test_single_seeds_use_the_binomial_error_of_the_test_set(store: Store, images: int, printed: bool) -> None:
    # On 100 images the error of the difference of 95 % and 90 % is sqrt(0.0218^2 + 0.03^2) = 3.7 points.
    for conv, method, top1 in [("S", "scratch", 0.95), ("G(4)", "scratch", 0.90), ("G(4)", "kd", 0.93)]:
        store.add(conv, method, 0, top1, test_images=images)
    recovered, note = gap(store, "G(4)", "kd")
    assert math.isnan(recovered) != printed
    assert ("(7.42 points)" in note) != printed


def test_incomplete_baseline_withholds_the_gap(small: Store) -> None:
    small.add("G(4)", "scratch", 2, state="planned")
    recovered, note = gap(small, "G(4)", "kd")
    assert math.isnan(recovered)
    assert "still missing" in note


def test_missing_baseline_is_said(small: Store) -> None:
    small.seeds("G(N)", "kd", [0.9])
    assert gap(small, "G(N)", "kd")[1] == "no gap: the sweep has no baseline of this conv"


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
    assert note == "gap to WRN-40-2 S, the only standard network of the sweep"


def test_of_several_foreign_standard_networks_none_is_chosen(store: Store) -> None:
    for architecture in ("WRN-40-2", "WRN-28-10"):
        store.add("S", "scratch", 0, 0.95, architecture=architecture)
    store.add("G(4)", "scratch", 0, 0.90)
    store.add("G(4)", "kd", 0, 0.92)
    assert "no standard network" in gap(store, "G(4)", "kd")[1]
