"""What of a report is not to be trusted, or not for what one might take it for: in sentences, from the same rows."""

import math
from collections.abc import Iterator

import pandas as pd

from cheapconv.catalog.errors import some
from cheapconv.reports.answers.findings import MOST_TIED
from cheapconv.reports.answers.words import name, p_text, share
from cheapconv.reports.claims.cards import Card
from cheapconv.reports.rows.quantities import Quantity
from cheapconv.reports.statistics import oddities
from cheapconv.reports.statistics.oddities import Odd


def cautions(rows: pd.DataFrame, known: list[Quantity], cards: list[Card]) -> list[str]:
    """All that holds of a sweep."""
    return [*_runs(rows), *_odd(rows), *_timings(rows, known), *_papers(cards), *_chosen_on_test(rows)]


def _runs(rows: pd.DataFrame) -> Iterator[str]:
    """Rows of one seed, of too few, or whose score means nothing."""
    single, trained = rows[rows["n"] == 1], rows[rows["deployed"] == ""]
    if len(single):
        runs = "single runs" if len(single) > 1 else "a single run"
        yield f"{share(len(single), len(rows))} {runs}: what another seed would give is not known."
    if len(taught := trained[(trained["n"] > 1) & trained["teachers"].map(len).between(1, trained["n"] - 1)]):
        yield (
            "Learnt from fewer teachers than they have seeds, so that their ±, intervals and p know too little of how "
            f"teachers differ: {_named(taught)}."
        )
    if len(unfinished := trained[~trained["complete"]]):
        yield f"Incomplete, not ranked and still moving: {_named(unfinished)}."
    if len(empty := rows[rows["warnings"] != ""]):
        yield f"Of no meaning, for the reasons that stand there: the scores of {_named(empty)}."


def _odd(rows: pd.DataFrame) -> Iterator[str]:
    """Rows that one should look into first."""
    beside = oddities.beside_alone(rows)
    if below := [odd for odd in beside if odd.resolved and odd.amount > 0]:
        suspect = "Worse than their network trained alone, so look first whether their settings suit the recipe"
        yield f"{suspect}: {_listed(below)}."
    if far := [odd for odd in beside if odd.is_far]:
        unsure = "points or more below their network trained alone, but not resolved, so look at their seeds first"
        yield f"{100 * oddities.FAR:.0f} {unsure}: {_listed(far)}."
    if apart := [odd for odd in oddities.unsteady(rows) if odd.resolved]:
        spread = "Seeds further apart than test images explain (standard deviations), so more of them are due"
        yield f"{spread}: {_listed(apart)}."


def _timings(rows: pd.DataFrame, known: list[Quantity]) -> Iterator[str]:
    """Numbers in doubt, and columns that lack some of the rows that can have such a number."""
    for each in (quantity for quantity in known if quantity.doubt):
        if doubted := each.doubted(rows):
            yield f"{each.title}: in doubt, marked and on no front are those of {_named(rows.loc[doubted])}."
        able = rows[rows["comparable"] & each.possible(rows)]
        timed = int(able[each.field].notna().sum())
        if timed < len(able) and each.field.startswith("latency_ms"):
            so = "" if len(able) == rows["comparable"].sum() else " that are deployed so"
            yield (
                f"{each.title} is known of {timed} of {len(able)} rows{so}; the others were timed under another "
                "condition or not at all, so the fastest row may be among them."
            )


def _papers(cards: list[Card]) -> Iterator[str]:
    """Published numbers of other recipes."""
    if other := sum(card.verdict == "not comparable" for card in cards):
        yield f"{share(other, len(cards), 'published numbers')} not comparable with ours; each says why."


def _chosen_on_test(rows: pd.DataFrame) -> Iterator[str]:
    """Numbers that were chosen on the test set."""
    if rows["top1_best_mean"].notna().any():
        yield "Columns named optimistic were chosen on the test set; an ensemble is not deployed. Neither is ranked."


def _listed(odd: list[Odd]) -> str:
    """The first of them with their points and p, where it was tested, and how many more there are."""
    p = ["not tested" if math.isnan(each.p) else p_text(each.p) for each in odd]
    told = [f"{name(each.row)} ({100 * each.amount:.2f} points, {text})" for each, text in zip(odd, p, strict=True)]
    return some(told, MOST_TIED)


def _named(rows: pd.DataFrame) -> str:
    """The first of them, and how many more there are."""
    return some([name(row) for _, row in rows.iterrows()], MOST_TIED)
