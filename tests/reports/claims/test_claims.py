"""Claims put to hand-made sweeps: each verdict, each kind of comparison, and how often chance alone makes one."""

import math
from collections.abc import Sequence

import pytest

from cheapconv.reports.answers import content
from cheapconv.reports.claims import claims
from cheapconv.reports.claims.claims import Claim, Outcome
from cheapconv.reports.claims.pairs import Selector
from cheapconv.reports.statistics import gap
from tests.reports.store import Store

BEATS = Claim(
    id="distilled-beats-alone",
    source="CMFF README",
    where="Table 1",
    claim="The distilled network is better.",
    kind="method beats method in every network",
    better=Selector(method=("kd",)),
    than=Selector(method=("scratch",)),
)
TIGHT = (-1e-4, 0.0, 1e-4)  # standard error of a mean of these: 1e-4 / sqrt(3)


def put(store: Store, claim: Claim = BEATS) -> Outcome:
    """The claim put to all of the store."""
    found = content.build(store.plan(), "quick")
    [outcome] = claims.evaluate(found.rows, found.sweep, [claim])
    return outcome


def around(mean: float, spread: Sequence[float] = TIGHT) -> list[float]:
    """One accuracy a seed."""
    return [mean + part for part in spread]


def network(store: Store, conv: str, alone: float, distilled: float, spread: Sequence[float] = TIGHT) -> None:
    store.seeds(conv, "scratch", around(alone, spread))
    store.seeds(conv, "kd", around(distilled, spread))


def test_holds_where_every_comparison_is_resolved_as_claimed(store: Store) -> None:
    network(store, "G(4)", 0.90, 0.93)
    network(store, "G(N)", 0.80, 0.83)
    outcome = put(store)
    assert (outcome.verdict, outcome.text) == ("holds", "holds in 2 of 2, all resolved")
    [first, second] = outcome.comparisons
    assert [str(name) for name in (first.better, first.than)] == ["WRN-16-2 G(4) kd", "WRN-16-2 G(4) scratch"]
    assert (first.points, second.points) == (pytest.approx(3.0), pytest.approx(3.0))
    assert first.seeds == (3, 3)


def test_contradicted_by_one_that_is_resolved_the_other_way(store: Store) -> None:
    network(store, "G(4)", 0.90, 0.93)
    network(store, "G(N)", 0.83, 0.80)
    outcome = put(store)
    assert outcome.verdict == "contradicted"
    assert outcome.text == "contradicted: resolved the other way in 1 of 2; holds in 1 of 2, resolved in 1"


@pytest.mark.parametrize(
    ("gains", "text"),
    [
        ((0.001, -0.001), "holds in 1 of 2, resolved in none"),
        ((0.03, -0.001), "holds in 1 of 2, resolved in 1"),
        ((-0.001, -0.001), "holds in 0 of 2, resolved in none"),
    ],
)
def test_undecided_says_how_many_hold_and_are_resolved(store: Store, gains: tuple[float, float], text: str) -> None:
    for conv, gain in zip(("G(4)", "G(N)"), gains, strict=True):
        network(store, conv, 0.9, 0.9 + gain)
    outcome = put(store)
    assert (outcome.verdict, outcome.text) == ("undecided", text)


def test_single_runs_resolve_nothing_however_far_apart(store: Store) -> None:
    network(store, "G(4)", 0.5, 0.9, spread=(0.0,))
    outcome = put(store)
    assert outcome.verdict == "not resolved"
    assert outcome.text == "not resolved: single runs; in the claimed direction in 1 of 1"


def test_not_tested_here_on_another_data_set_or_without_the_rows(store: Store) -> None:
    network(store, "G(4)", 0.90, 0.93)
    elsewhere = Claim(**{**vars(BEATS), "suites": ("CIFAR-100",)})
    outcome = put(store, elsewhere)
    assert (outcome.verdict, outcome.comparisons) == ("not tested here", ())
    assert put(store, Claim(**{**vars(BEATS), "suites": ("CIFAR-10",)})).verdict == "holds"
    assert put(store, Claim(**{**vars(BEATS), "better": Selector(method=("at",))})).verdict == "not tested here"


def test_an_incomplete_row_says_what_it_looks_like_and_is_not_tested(store: Store) -> None:
    """A test at every look finds something at one of them."""
    network(store, "G(4)", 0.90, 0.93)
    store.add("G(4)", "kd", 3, state="running")
    outcome = put(store)
    assert outcome.verdict == "not finished"
    assert outcome.text == "not finished: so far in the claimed direction in 1 of 1"
    [one] = outcome.comparisons
    assert (one.points, one.seeds, one.resolved) == (pytest.approx(3.0), (3, 3), False)
    assert math.isnan(one.p)


def test_a_seed_that_failed_is_not_waited_for(store: Store) -> None:
    network(store, "G(4)", 0.90, 0.93)
    store.add("G(4)", "kd", 3, state="failed")
    assert put(store).verdict == "not tested here"


def test_what_is_not_finished_does_not_stand_beside_what_is(store: Store) -> None:
    network(store, "G(4)", 0.90, 0.93)
    network(store, "G(N)", 0.90, 0.80)
    store.add("G(N)", "kd", 3, state="running")
    assert put(store).text == "holds in 1 of 1, all resolved"


def test_many_comparisons_are_corrected_together(store: Store) -> None:
    # z = 0.0087 / sqrt(2 x 0.9 x 0.1 / 10,000) = 2.07, p = 0.038 by the test set; two of them are 0.077 each by Holm.
    network(store, "G(4)", 0.9, 0.9087)
    assert put(store).text == "holds in 1 of 1, all resolved"
    network(store, "G(N)", 0.9, 0.9087)
    outcome = put(store)
    assert outcome.text == "holds in 2 of 2, resolved in none"
    assert [one.p for one in outcome.comparisons] == [pytest.approx(0.077, abs=0.01)] * 2


def test_a_method_is_meant_with_its_settings_or_with_any(store: Store) -> None:
    store.seeds("G(4)", "scratch", around(0.9))
    store.seeds("G(4)", "kd", around(0.93), method_label="kd(form=x)", method_config={"form": "x"})
    assert put(store).verdict == "not tested here"
    for meant in ("kd(form=x)", "kd(*)"):
        assert put(store, Claim(**{**vars(BEATS), "better": Selector(method=(meant,))})).verdict == "holds"


def test_only_rows_of_one_recipe_are_compared(store: Store) -> None:
    network(store, "G(4)", 0.90, 0.93)
    store.seeds("G(4)", "scratch", around(0.95), recipe={"epochs": 4})  # a longer training alone
    outcome = put(store)
    assert [one.than.variant for one in outcome.comparisons] == [""]
    assert outcome.verdict == "holds"


def test_a_row_is_not_compared_with_itself(store: Store) -> None:
    network(store, "G(4)", 0.90, 0.93)
    assert put(store, Claim(**{**vars(BEATS), "than": Selector()})).text == "holds in 1 of 1, all resolved"


@pytest.mark.parametrize(
    ("variant", "recipe"),
    [
        ("", ""),
        ("no teacher", ""),
        ("teacher=WRN-16-2 S kd", ""),
        ("lr=0.05", "lr=0.05"),
        ("schedule.milestones=(0.3, 0.6), teacher=WRN-16-2 S", "schedule.milestones=(0.3, 0.6)"),
    ],
)
def test_a_teacher_is_no_recipe(variant: str, recipe: str) -> None:
    assert gap.of_recipe(variant) == recipe


SMALLER = Claim(
    id="cheap-beats-small",
    source="CMFF README",
    where="Table 1",
    claim="Cheap beats small.",
    kind="conv beats conv at no more params",
    better=Selector(conv=("G(4)", "G(N)")),
    than=Selector(conv=("S",), architecture=("WRN-10-2",)),
)


def test_a_small_network_meets_the_largest_cheap_one_that_is_no_larger(store: Store) -> None:
    store.seeds("S", "scratch", around(0.90), architecture="WRN-10-2")  # 500,000 params
    store.seeds("G(4)", "scratch", around(0.93))  # 200,000
    store.seeds("G(N)", "scratch", around(0.95))  # 100,000, which is better, but further in size
    outcome = put(store, SMALLER)
    assert [(one.better.conv, one.than.conv) for one in outcome.comparisons] == [("G(4)", "S")]
    assert outcome.verdict == "holds"


def test_a_larger_cheap_network_proves_nothing(store: Store) -> None:
    store.seeds("S", "scratch", around(0.95))
    store.seeds("G(N)", "scratch", around(0.90), architecture="WRN-10-2")
    than = Selector(conv=("G(N)",))
    assert put(store, Claim(**{**vars(SMALLER), "better": Selector(conv=("S",)), "than": than})).comparisons == ()


TOGETHER = Claim(
    id="ensemble-beats-students",
    source="CMFF README",
    where="Table 1",
    claim="The ensemble is best.",
    kind="ensemble at least as good as every student",
    better=Selector(method=("od",)),
)


@pytest.mark.parametrize(
    ("ensembles", "verdict"),
    [((0.93, 0.931), "holds"), ((0.9005, 0.901), "undecided"), ((0.85, 0.851), "contradicted")],
)
def test_an_ensemble_meets_each_of_its_students(store: Store, ensembles: tuple[float, float], verdict: str) -> None:
    for seed, (student, ensemble) in enumerate(zip((0.9, 0.901), ensembles, strict=True)):
        store.add("G(4)", "od", seed, student, ensemble=ensemble)
    store.seeds("G(4)", "scratch", around(0.9))
    outcome = put(store, TOGETHER)
    [one] = outcome.comparisons
    assert (outcome.verdict, one.part, one.better) == (verdict, "ensemble and student_0", one.than)
    assert one.points == pytest.approx(100 * (sum(ensembles) / 2 - 0.9005))


RECOVERS = Claim(
    id="distillation-recovers",
    source="CMFF README",
    where="Table 1",
    claim="It wins back.",
    kind="gap recovered is positive",
    better=Selector(method=("kd",)),
)


def test_a_gap_is_recovered_only_where_there_is_one(store: Store) -> None:
    store.seeds("S", "scratch", around(0.95))
    network(store, "G(4)", 0.90, 0.93)
    network(store, "G(N)", 0.9499, 0.92)  # costs nothing alone, so there is nothing to win back
    outcome = put(store, RECOVERS)
    assert [one.better.conv for one in outcome.comparisons] == ["G(4)"]
    assert outcome.text == "holds in 1 of 1, all resolved"


def test_gaps_that_are_none_are_paid_for_all_the_same(store: Store) -> None:
    store.seeds("S", "scratch", around(0.95))
    network(store, "G(4)", 0.9, 0.9087)  # p = 0.038 alone, as above
    network(store, "G(N)", 0.9499, 0.9499)
    [one] = put(store, RECOVERS).comparisons
    assert one.p == pytest.approx(0.077, abs=0.01)


def test_another_recipe_than_the_source_s_is_a_caveat(store: Store) -> None:
    network(store, "G(4)", 0.90, 0.93)
    assert put(store).caveats == ("recipe of CMFF README is not known",)
    source = "RepDistiller README (CRD, Tian et al., ICLR 2020; HobbitLong/RepDistiller)"
    known = Claim(**{**vars(BEATS), "source": source, "note": "a note"})
    elsewhere = Store(store.root.parent / "cifar100")
    elsewhere.seeds("G(4)", "scratch", around(0.9), suite_label="CIFAR-100")
    elsewhere.seeds("G(4)", "kd", around(0.93), suite_label="CIFAR-100")
    caveats = put(elsewhere, known).caveats
    assert caveats[:4] == (
        "a note",
        "recipe is short, theirs repdistiller",
        "epochs 2, theirs 240",
        "lr 0.1, theirs 0.05",
    )
