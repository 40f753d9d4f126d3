"""Claims of the papers, `baselines/published/claims.yaml`, put to the rows of a sweep.

A claim is a number of comparisons of two rows. Each is a test as in reports/statistics/differences.py, and the p
values of one claim are corrected by Holm (1979), so that where there is no effect a difference is found somewhere in
at most 5 % of all sweeps. Only rows as trained that are complete count, and only pairs that were trained by the same
recipe; a pair with a single run on either side is never resolved, since nothing is known of its spread over seeds.

`holds` is every comparison resolved as claimed; `contradicted` at least one resolved the other way; `not resolved` that
all are of single runs; `undecided` is the rest, whose text says how many are in the claimed direction. `not finished`:
no such pair of rows is complete. Those that are still moving are counted and not tested, because a test at every look
would find something by chance.
"""

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

import pandas as pd
from pydantic import ConfigDict, TypeAdapter
from ruamel.yaml import YAML

from cheapconv.reports.claims import cards, protocols
from cheapconv.reports.claims.pairs import ANYTHING, KINDS, Kind, Pair, Selector, left_out
from cheapconv.reports.rows.collect import Collected
from cheapconv.reports.rows.identities import Identity, identity, records_by_row
from cheapconv.reports.statistics import differences

CLAIMS = Path(__file__).parents[2] / "baselines" / "published" / "claims.yaml"

Verdict = Literal["holds", "undecided", "contradicted", "not resolved", "not finished", "not tested here"]


@dataclass(frozen=True)
class Claim:
    """A sentence of a source and how rows are asked for it; no `suites` are all data sets."""

    __pydantic_config__ = ConfigDict(extra="forbid")
    id: str
    source: str
    where: str
    claim: str
    kind: Kind
    better: Selector
    than: Selector = ANYTHING
    suites: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True)
class Comparison:
    """Two rows of the claim. `p` is Holm's, NaN for single and unfinished runs; `points` = first minus second."""

    better: Identity
    than: Identity
    part: str  # `ensemble and student_0` where both are of one row
    seeds: tuple[int, int]
    points: float
    p: float

    @classmethod
    def of(cls, pair: Pair, p: float) -> Self:
        """That of a pair."""
        first, second = (float(row["top1_mean"]) for row in (pair.better, pair.than))
        seeds = (int(pair.better["n"]), int(pair.than["n"]))
        names = identity(pair.better), identity(pair.than)
        return cls(*names, pair.part, seeds, 100 * (first - second), p)

    @property
    def holds(self) -> bool:
        """Whether it is in the claimed direction; equal accuracies are not."""
        return self.points > 0

    @property
    def resolved(self) -> bool:
        """Whether the two differ significantly."""
        return self.p <= differences.LEVEL


@dataclass(frozen=True)
class Outcome:
    """What a sweep says to a claim, and of which rows it cannot; `caveats` say how its trainings are not those of the
    source."""

    claim: Claim
    verdict: Verdict
    text: str
    comparisons: tuple[Comparison, ...]
    caveats: tuple[str, ...] = ()
    left_out: str = ""


@functools.cache
def load(path: Path = CLAIMS) -> tuple[Claim, ...]:
    """What the file says."""
    return TypeAdapter(tuple[Claim, ...]).validate_python(YAML(typ="safe").load(path))


def evaluate(rows: pd.DataFrame, sweep: Collected, claims: Sequence[Claim] | None = None) -> list[Outcome]:
    """Every claim put to `rows` of `stats.summarise`, those that are not tested here included."""
    return [outcome(claim, rows, sweep) for claim in (load() if claims is None else claims)]


def outcome(claim: Claim, rows: pd.DataFrame, sweep: Collected) -> Outcome:
    """One claim put to the rows."""
    own = rows[rows["suite_label"].isin(claim.suites)] if claim.suites else rows
    own, pairs_of = own[own["deployed"] == ""], KINDS[claim.kind]
    found = compared(pairs_of(claim.better, claim.than, own[own["comparable"]], sweep))
    verdict, text = judged(found)
    if not found:
        begun = own[own["top1_mean"].notna() & (own["warnings"] == "") & (own["failed"] == 0)]
        pairs = pairs_of(claim.better, claim.than, begun, sweep)
        if found := tuple(Comparison.of(pair, math.nan) for pair in pairs if pair.counts):
            held = sum(one.holds for one in found)
            verdict, text = "not finished", f"not finished: so far in the claimed direction in {held} of {len(found)}"
    lacking = left_out(claim.kind, claim.better, claim.than, own[own["comparable"]], sweep)
    if lacking:
        text = f"{text}; {lacking}" if found else f"{verdict}: {lacking}"
    return Outcome(claim, verdict, text, found, caveats(claim, found, sweep), lacking)


def compared(pairs: Sequence[Pair]) -> tuple[Comparison, ...]:
    """The pairs that count, their p values corrected for all pairs."""
    tested = [pair for pair in pairs if min(pair.better["n"], pair.than["n"]) > 1]
    raw = [differences.p_value(pair.better, pair.than)[0] for pair in tested]
    corrected = iter(differences.holm(raw))
    values = [next(corrected) if pair in tested else float("nan") for pair in pairs]
    return tuple(Comparison.of(pair, p) for pair, p in zip(pairs, values, strict=True) if pair.counts)


def judged(found: Sequence[Comparison]) -> tuple[Verdict, str]:
    """The verdict, and the numbers it rests on: `holds in 5 of 9, resolved in none`."""
    if not found:
        return "not tested here", "not tested here: no such rows are complete"
    held = [one for one in found if one.holds]
    for_it, against = [one for one in held if one.resolved], [one for one in found if one.resolved and not one.holds]
    counts = f"holds in {len(held)} of {len(found)}, resolved in {len(for_it) or 'none'}"
    if against:
        return "contradicted", f"contradicted: resolved the other way in {len(against)} of {len(found)}; {counts}"
    if len(for_it) == len(found):
        return "holds", f"holds in {len(found)} of {len(found)}, all resolved"
    if all(min(one.seeds) == 1 for one in found):
        return "not resolved", f"not resolved: single runs; in the claimed direction in {len(held)} of {len(found)}"
    return "undecided", counts


def caveats(claim: Claim, found: Sequence[Comparison], sweep: Collected) -> tuple[str, ...]:
    """What is other than in the source: the recipe of the rows that were compared, and what the claim notes itself."""
    said = [claim.note] if claim.note else []
    records = records_by_row(sweep) if found else {}  # most claims are of rows that a sweep does not have
    cells = [records[one.better][0].cell for one in found]
    for cell in {str(cell.recipe): cell for cell in cells}.values():
        known = protocols.load().find(claim.source, cell.suite_label)
        said += cards.other_recipe(cell, claim.source, known)
    return tuple(dict.fromkeys(said))
