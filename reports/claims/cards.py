"""A card a published number: what a paper reports, and beside it what this sweep measured for the same experiment.

The verdict is `reproduced` where the protocols are the same and the difference of the two accuracies lies within its
95 % interval, `not reproduced` where it lies outside, else `not comparable` with every reason there is. Ours is always
the last epoch, so a number of another selection rule, or of none that is stated, is never compared, nor is a difference
to it given.

The error of the difference has two parts. Theirs: the published standard deviation over the root of the runs, or the
test set's own error where none is published. Ours: the error of the mean over seeds or the test set's, the larger one.
The degrees of freedom are Satterthwaite's (1946), infinite for the test set's errors.
"""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd
import scipy.stats

from cheapconv.engine.store.cell import CellRecord
from cheapconv.reports.claims import protocols, published
from cheapconv.reports.claims.protocols import Protocol
from cheapconv.reports.rows.collect import Collected
from cheapconv.reports.rows.identities import Identity, identity, records_by_row
from cheapconv.reports.statistics import differences

Verdict = Literal["reproduced", "not reproduced", "not comparable"]

OURS = "last"  # the selection rule of every measured accuracy
OTHER_RULES = {
    "best_on_test": "it is the best epoch on the test set",
    "best_member_best_on_test": "it is the best member at its best epoch on the test set",
    "unknown": "its epoch is not stated",
}


@dataclass(frozen=True)
class Card:
    """Accuracies and standard deviations are fractions; `points` are points of accuracy, measured minus reported.

    `points`, `error`, `low` and `high`, the standard error and the 95 % interval of the difference, are NaN where
    the selection rules differ.
    """

    identity: Identity
    source: str
    table: str
    reported: float
    reported_std: float  # NaN where it is not published
    runs: str  # `1 run`, `runs not stated`
    selection: str  # theirs
    their_recipe: str
    note: str
    measured: float
    measured_std: float  # NaN for a single seed
    n: int
    our_recipe: str
    points: float
    error: float
    low: float
    high: float
    verdict: Verdict
    reasons: tuple[str, ...]  # why they are not comparable
    remarks: tuple[str, ...]  # what the error leaves out

    @property
    def errors(self) -> float:
        """The difference in units of its standard error."""
        if not self.points:
            return 0.0
        return self.points / self.error if self.error else math.copysign(math.inf, self.points)

    @property
    def text(self) -> str:
        """The verdict with its reasons."""
        return f"{self.verdict} because {'; '.join(self.reasons)}" if self.reasons else self.verdict


@dataclass(frozen=True)
class Error:
    """A standard error and its degrees of freedom."""

    value: float
    degrees: float = math.inf


def cards(rows: pd.DataFrame, sweep: Collected) -> list[Card]:
    """One a published number of the same experiment as one of `rows` of `stats.summarise` that has a result."""
    records, cells = records_by_row(sweep), {record.key: record.cell for record in sweep.records}
    found = []
    for _, row in rows[rows["top1_mean"].notna()].iterrows():
        own = records[identity(row)][0].cell
        teacher = cells.get(own.teacher or "")
        for _, paper in published.same_experiment(row).iterrows():
            found.append(card(row, paper, [own, teacher] if teacher else [own]))
    return found


def by_selection(found: Sequence[Card]) -> dict[str, list[Card]]:
    """Cards by the selection rule of their paper: numbers of two rules share no list and no column."""
    rules = dict.fromkeys(one.selection for one in found)
    return {rule: [one for one in found if one.selection == rule] for rule in rules}


def card(row: pd.Series, paper: pd.Series, cells: Sequence[CellRecord]) -> Card:
    """Of a row and one row of `published.load`; `cells` are one of the row, and its teacher's."""
    protocol = protocols.load().find(paper["source"], paper["dataset"], paper["table"])
    theirs: Mapping[str, object] = protocol.of(paper["dataset"], paper["network"]) if protocol else {}
    ours = protocols.in_epochs(cells[0].recipe)
    reasons, points, error, half = tuple(obstacles(row, paper, cells, protocol)), math.nan, math.nan, math.nan
    if paper["selection"] == OURS:
        points, (error, half) = 100 * (row["top1_mean"] - paper["top1"]), interval(row, paper)
    verdict: Verdict = "not comparable"
    if not reasons:
        verdict = "reproduced" if abs(points) <= half else "not reproduced"
    return Card(
        identity=identity(row),
        source=paper["source"],
        table=paper["table"],
        reported=paper["top1"],
        reported_std=paper["std"] / 100,
        runs=published.runs(paper),
        selection=published.SELECTIONS.get(paper["selection"], paper["selection"]),
        their_recipe=protocols.brief(theirs),
        note="; ".join(filter(None, (paper["note"], protocol.note if protocol else ""))),
        measured=row["top1_mean"],
        measured_std=row["top1_std"],
        n=int(row["n"]),
        our_recipe=f"{ours['name']}: {protocols.brief(ours)}",
        points=points,
        error=error,
        low=points - half,
        high=points + half,
        verdict=verdict,
        reasons=reasons,
        remarks=tuple(remarks(row, paper)),
    )


def obstacles(
    row: pd.Series, paper: pd.Series, cells: Sequence[CellRecord], protocol: Protocol | None
) -> Iterator[str]:
    """Every reason why the two accuracies are not those of one protocol, the selection rule first."""
    if paper["selection"] != OURS:
        yield OTHER_RULES.get(paper["selection"], f"its selection rule is '{paper['selection']}'")
    for cell, whose in zip(cells, ("", "the teacher's "), strict=False):
        yield from (f"{whose}{reason}" for reason in other_recipe(cell, paper["source"], protocol))
    if cells[0].teacher and len(cells) == 1:
        yield "the sweep does not have the teacher's recipe"
    if pd.notna(paper["params"]) and not same_size(paper["params"], (row["params"], row["params_with_bn_stats"])):
        yield f"the network has {row['params']:,.0f} params, theirs {paper['params']:,.0f}"
    if not row["complete"]:
        yield f"{row['n']} of {row['planned']} seeds are done"
    if row["warnings"]:
        yield f"the accuracy means nothing: {row['warnings']}"


def other_recipe(cell: CellRecord, source: str, protocol: Protocol | None) -> Iterator[str]:
    """Why a cell's recipe is not the paper's; nothing where it is declared to be and no number was changed."""
    ours, name = protocols.in_epochs(cell.recipe), cell.recipe.get("name", protocols.NOT_STATED)
    if protocol is None:
        yield f"recipe of {published.short_name(source)} is not known"
        return
    declared = bool(protocol.ours) and protocol.ours == name
    if not protocol.ours:
        yield f"recipe is {name}, and none of this suite is declared to be theirs"
    elif not declared:
        yield f"recipe is {name}, theirs {protocol.ours}"
    theirs = protocol.of(cell.suite_label, cell.architecture_label)
    yield from protocols.differences(ours, theirs, complete=declared)


def same_size(theirs: float, ours: Sequence[float]) -> bool:
    """Whether a published number of parameters is one of ours, as far as its digits say: 8100000 is 8.1 M."""
    zeros = re.search(r"0*$", str(round(theirs)))
    unit = 10 ** len(zeros[0]) if zeros else 1
    return any(abs(theirs - number) <= unit / 2 for number in ours)


def interval(row: pd.Series, paper: pd.Series) -> tuple[float, float]:
    """Standard error of measured minus reported, and the half-width of its 95 % interval, in points."""
    parts = (our_error(row), their_error(row, paper))
    total = math.hypot(*(part.value for part in parts))
    own = sum(part.value**4 / part.degrees for part in parts)
    degrees = total**4 / own if own else math.inf
    return 100 * total, 100 * total * float(scipy.stats.t.ppf(1 - differences.LEVEL / 2, degrees))


def our_error(row: pd.Series) -> Error:
    """Of the mean over seeds, or the test set's if that is larger or no spread over seeds is known."""
    of_images, of_seeds = Error(differences.test_error(row, row["top1_mean"])), Error(0.0)
    if not math.isnan(squared := differences.variance(row)):
        of_seeds = Error(math.sqrt(squared), differences.own_freedom(row))
    return max(of_seeds, of_images, key=lambda error: error.value)


def their_error(row: pd.Series, paper: pd.Series) -> Error:
    """Of the mean over their runs, one where they are not stated; the test set's where no spread is published."""
    if pd.isna(paper["std"]):
        return Error(differences.test_error(row, paper["top1"]))
    runs = 1.0 if pd.isna(paper["runs"]) else float(paper["runs"])
    return Error(paper["std"] / 100 / math.sqrt(runs), runs - 1 if runs > 1 else math.inf)


def remarks(row: pd.Series, paper: pd.Series) -> Iterator[str]:
    """What the error of the difference does not know of."""
    if row["n"] == 1:
        known = "is not known" if math.isnan(differences.spread(row)) else "is taken to be that of the other rows"
        yield f"ours is a single run: its spread over seeds {known}"
    if pd.isna(paper["std"]):
        yield f"theirs, {published.runs(paper)}, has no published spread: the test set's error stands for it"
    elif pd.isna(paper["runs"]):
        yield "their number of runs is not stated: the spread is taken for that of one"
