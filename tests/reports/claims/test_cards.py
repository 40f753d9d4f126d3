"""Cards: when a published number is reproduced, when not, and every reason why it cannot be compared."""

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

import pandas as pd
import pytest
import scipy.stats

from cheapconv.reports.answers import content
from cheapconv.reports.claims import cards
from cheapconv.reports.claims.cards import Card
from cheapconv.reports.rows import identities
from cheapconv.suites.cifar import Cifar10, Cifar100
from tests.reports.store import Store

MOONSHINE = asdict(Cifar10.recipes["moonshine_cifar"])
PAPER: dict[str, Any] = {  # as `published.load` gives it
    "source": "Moonshine (Crowley et al., NeurIPS 2018; arXiv:1711.02613v2)",
    "table": "Table 2",
    "dataset": "CIFAR-10",
    "network": "WRN-16-2",
    "conv": "S",
    "params": math.nan,
    "top1": 0.9119,
    "std": math.nan,
    "runs": 1.0,
    "selection": "last",
    "note": "role=student",
}
Compare = Callable[..., Card]


@pytest.fixture
def compare(store: Store) -> Compare:
    """A card of a hand-made row, by its seeds and recipe, and of a published number."""

    def card(top1: Sequence[float], paper: dict[str, Any] | None = None, **options: Any) -> Card:
        store.seeds("S", "scratch", top1, **{"recipe": MOONSHINE, **options})
        store.plan()
        found = content.build(store.root, "quick")
        [(_, row)] = found.rows.iterrows()
        cells = [record.cell for record in identities.records_by_row(found.sweep)[identities.identity(row)]]
        return cards.card(row, pd.Series(PAPER | (paper or {})), cells[:1])

    return card


def test_reproduced_within_the_test_set_s_error_of_both(compare: Compare) -> None:
    card = compare([0.911, 0.913])
    # Of the seeds sd/sqrt(2) = 0.1 points; of the images sqrt(0.912 0.088 / 10,000) = 0.28329 points, theirs 0.28344.
    assert (card.verdict, card.reasons) == ("reproduced", ())
    assert card.points == pytest.approx(0.01)
    assert card.error == pytest.approx(math.hypot(0.28329, 0.28344), abs=1e-5)
    assert card.high - card.points == pytest.approx(1.959964 * card.error)
    assert card.errors == pytest.approx(0.01 / 0.40074, abs=1e-4)
    assert (card.selection, card.runs) == ("last epoch", "1 run")
    assert card.their_recipe == "200 epochs, batch 128, lr 0.1, schedule x 0.2 at 60, 120, 160"
    assert card.our_recipe == f"moonshine_cifar: {card.their_recipe}"
    assert card.remarks == ("theirs, 1 run, has no published spread: the test set's error stands for it",)
    assert card.text == "reproduced"


def test_not_reproduced_beyond_it(compare: Compare) -> None:
    card = compare([0.911, 0.913], {"top1": 0.92})  # 0.8 points; the half-width is 1.96 x 0.39224 = 0.76877
    assert card.text == "not reproduced"
    assert (card.low, card.high) == (pytest.approx(-0.8 - 0.76877, abs=1e-4), pytest.approx(-0.8 + 0.76877, abs=1e-4))


def test_a_spread_over_seeds_that_is_larger_brings_its_few_degrees_of_freedom(compare: Compare) -> None:
    card = compare([0.90, 0.93], {"std": 0.3, "runs": 3.0})
    # Ours 1.5 points at 1 degree, theirs 0.3 / sqrt(3) at 2: 2.28^2 / (1.5^4 + 0.03^2 / 2) = 1.02675 degrees together.
    assert card.error == pytest.approx(math.sqrt(2.25 + 0.03))
    assert card.high - card.points == pytest.approx(card.error * scipy.stats.t.ppf(0.975, 1.02675), rel=1e-4)
    assert card.verdict == "reproduced"
    assert card.remarks == ()


def test_single_runs_are_compared_and_said(compare: Compare) -> None:
    card = compare([0.9119])
    assert card.verdict == "reproduced"
    assert card.remarks[0] == "ours is a single run: its spread over seeds is not known"


def test_a_spread_of_unknown_runs_is_that_of_one(compare: Compare) -> None:
    card = compare([0.911, 0.913], {"std": 0.4, "runs": math.nan})
    assert card.error == pytest.approx(math.hypot(0.28329, 0.4), abs=1e-5)
    assert "not stated" in card.remarks[0]


@pytest.mark.parametrize(
    ("selection", "reason"),
    [
        ("best_on_test", "it is the best epoch on the test set"),
        ("best_member_best_on_test", "it is the best member at its best epoch on the test set"),
        ("unknown", "its epoch is not stated"),
        ("median", "its selection rule is 'median'"),
    ],
)
def test_another_selection_rule_is_never_compared(compare: Compare, selection: str, reason: str) -> None:
    card = compare([0.9119, 0.9119], {"selection": selection})  # the same number by the same recipe
    assert card.text == f"not comparable because {reason}"
    assert all(math.isnan(number) for number in (card.points, card.error, card.errors, card.low, card.high))


@pytest.mark.parametrize(
    ("options", "paper", "reasons"),
    [
        ({"recipe": MOONSHINE | {"name": "short"}}, {}, ["recipe is short, theirs moonshine_cifar"]),
        (
            {"recipe": MOONSHINE | {"name": "short", "epochs": 6, "lr": 0.4}},
            {},
            [
                "recipe is short, theirs moonshine_cifar",
                "epochs 6, theirs 200",
                "lr 0.4, theirs 0.1",
                "schedule x 0.2 at 2, 4, 5, theirs x 0.2 at 60, 120, 160",
            ],
        ),
        (
            {"recipe": MOONSHINE | {"batch": 256}},
            {},
            ["batch 256, theirs 128"],
        ),  # its name alone does not make it theirs
        ({"recipe": MOONSHINE | {"validation": 5000}}, {}, ["validation 5000, theirs none"]),
        ({}, {"params": 693_498.0}, ["the network has 500,000 params, theirs 693,498"]),
        ({}, {"params": 526_315.0}, []),  # with the statistics of batch norm
        ({}, {"source": "CMFF README"}, ["recipe of CMFF README is not known"]),
        (
            {},
            {"source": "ShiftResNet README (alvinwan/shiftresnet-cifar)", "selection": "best_on_test"},
            [
                "it is the best epoch on the test set",
                "recipe is moonshine_cifar, and none of this suite is declared to be theirs",
                "epochs 200, theirs 164",
                "schedule x 0.2 at 60, 120, 160, theirs x 0.1 at 82, 123",
            ],
        ),
        ({"warning": "at the level of chance"}, {}, ["the accuracy means nothing: at the level of chance"]),
    ],
    ids=str,
)
def test_every_reason_is_listed(
    compare: Compare, options: dict[str, Any], paper: dict[str, Any], reasons: list[str]
) -> None:
    assert list(compare([0.9119, 0.9119], paper, **options).reasons) == reasons


def test_missing_seeds_are_a_reason(store: Store, compare: Compare) -> None:
    store.add("S", "scratch", 7, state="running", recipe=MOONSHINE)
    assert compare([0.9119, 0.9119]).reasons == ("2 of 3 seeds are done",)


@pytest.mark.parametrize(
    ("theirs", "agrees"), [(825_210, True), (825_211, True), (825_212, False), (830_000, True), (840_000, False)]
)
def test_published_sizes_agree_as_far_as_their_digits_say(theirs: float, agrees: bool) -> None:
    assert cards.same_size(theirs, (1.0, 825_210.5)) == agrees


CIFAR_100 = {"suite_label": "CIFAR-100"}
REPDISTILLER = asdict(Cifar100.recipes["repdistiller"])


def repdistiller(store: Store, **teacher: Any) -> dict[str, list[Card]]:
    """By method the cards of RepDistiller's in a sweep of KD from WRN-40-2 to WRN-16-2, and its baseline."""
    options = CIFAR_100 | {"recipe": REPDISTILLER}
    [key] = store.seeds("S", "scratch", [0.7561], **{**options, **teacher}, architecture="WRN-40-2")
    store.seeds("S", "kd", [0.7492, 0.7494], **options, teacher=key)
    store.seeds("S", "scratch", [0.7326, 0.7328], **options)
    found = content.build(store.plan(), "quick")
    made = [one for one in cards.cards(found.rows, found.sweep) if one.source.startswith("RepDistiller")]
    return {
        f"{c.identity.architecture} {c.identity.method}": [d for d in made if d.identity == c.identity] for c in made
    }


def test_a_sweep_stands_beside_the_shipped_numbers(store: Store) -> None:
    found = repdistiller(store)
    assert {name: [c.verdict for c in of_row] for name, of_row in found.items()} == {
        "WRN-40-2 scratch": ["reproduced"],
        "WRN-16-2 kd": ["reproduced"],
        "WRN-16-2 scratch": ["reproduced"],
    }
    [kd] = found["WRN-16-2 kd"]
    assert (kd.reported, kd.measured, kd.n) == (0.7492, pytest.approx(0.7493), 2)


def test_a_teacher_of_another_recipe_is_a_reason(store: Store) -> None:
    found = repdistiller(store, recipe=REPDISTILLER | {"epochs": 60})
    assert found["WRN-16-2 kd"][0].reasons == (
        "the teacher's epochs 60, theirs 240",
        "the teacher's schedule x 0.1 at 38, 45, 52, theirs x 0.1 at 150, 180, 210",
    )
    assert found["WRN-16-2 scratch"][0].verdict == "reproduced"


def test_a_teacher_that_the_sweep_does_not_have_is_a_reason(compare: Compare) -> None:
    assert compare([0.9119, 0.9119], teacher="0123").reasons == ("the sweep does not have the teacher's recipe",)


def test_numbers_of_two_selection_rules_share_no_list(store: Store) -> None:
    store.seeds("S", "scratch", [0.7], architecture="ResNet-110", recipe=REPDISTILLER, **CIFAR_100)
    found = content.build(store.plan(), "quick")
    groups = cards.by_selection(cards.cards(found.rows, found.sweep))
    assert {rule: {c.source.split(" ")[0] for c in group} for rule, group in groups.items()} == {
        "last epoch": {"RepDistiller"},
        "best epoch on test (optimistic)": {"ShiftResNet"},
    }
    assert all({c.selection for c in group} == {rule} for rule, group in groups.items())
