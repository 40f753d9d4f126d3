"""Which rows of a sweep a claim compares: the kinds of claims, each a function that finds its pairs.

A pair is trained by one recipe, which may be an entry's own. How rows are paired never depends on their accuracies.
"""

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Literal, TypeAlias

import pandas as pd
from pydantic import ConfigDict

from cheapconv.reports.claims.costs import (
    COMPUTE,
    LATENCY,
    MACS,
    SECONDS,
    TRAINING,
    Cost,
    timed_latency,
    timed_training,
)
from cheapconv.reports.rows.collect import Collected, Record
from cheapconv.reports.rows.identities import identity, records_by_row
from cheapconv.reports.statistics import differences, gap, images

Kind = Literal[
    "method beats method in every network",
    "conv beats conv at no more params",
    "conv beats conv at no more macs",
    "conv beats conv at no more latency",
    "method beats method at no more training in every network",
    "method beats method at no more training compute in every network",
    "training alone for longer beats method at no more training",
    "training alone for longer beats method at no more training compute",
    "method helps more",
    "ensemble at least as good as every student",
    "gap recovered is positive",
]


@dataclass(frozen=True)
class Selector:
    """Rows by their labels; what is left out may be anything. `name(*)` is a method with any settings."""

    __pydantic_config__ = ConfigDict(extra="forbid")
    method: tuple[str, ...] = ()
    conv: tuple[str, ...] = ()
    architecture: tuple[str, ...] = ()

    def of(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Those that it means."""
        return rows[self.means(rows)]

    def means(self, rows: pd.DataFrame) -> pd.Series:
        """Of each row whether it is one of those."""
        chosen = pd.Series(True, index=rows.index)
        for name in ("conv", "architecture"):
            if getattr(self, name):
                chosen &= rows[name].isin(getattr(self, name))
        if self.method:
            chosen &= rows["method"].isin(self.method) | (rows["method_name"] + "(*)").isin(self.method)
        return chosen


ANYTHING = Selector()
NETWORK = ["architecture", "conv"]
SHARE = {  # what is said of a pair's costs, by how their fields begin
    SECONDS: "in {:.2f} of the time",
    MACS: "with {:.2f} of the multiply-adds",
    "params": "{:.2f} of the parameters",
    "macs": "{:.2f} of the multiply-adds",
    "latency_ms": "{:.2f} of the latency",
}


@dataclass(frozen=True, eq=False)
class Pair:
    """Two rows, the first claimed to be the better one. One that does not `count` is tested with the others all the
    same, so that which ones count does not make the correction smaller."""

    better: pd.Series
    than: pd.Series
    part: str = ""
    counts: bool = True


Finder: TypeAlias = Callable[[Selector, Selector, pd.DataFrame, Collected], list[Pair]]


def asked(better: Selector, than: Selector, rows: pd.DataFrame) -> pd.DataFrame:
    """The rows that either means; none where one means none, since then there is no pair."""
    one, other = better.means(rows), than.means(rows)
    return rows[one | other] if one.any() and other.any() else rows[:0]


def in_every_network(better: Selector, than: Selector, rows: pd.DataFrame, sweep: Collected) -> list[Pair]:
    """Every two rows of the same architecture and conv."""
    return [
        Pair(one, other)
        for _, network in asked(better, than, rows).groupby(NETWORK, sort=False)
        for one, other in same_recipe(better.of(network), than.of(network))
    ]


def at_no_more(cost: str) -> Finder:
    """To each row that is claimed to be worse the dearest of the others that costs no more, the nearest in cost, and
    all that cost as much, with its share of the cost. Rows whose cost is not known are not there."""

    def find(better: Selector, than: Selector, rows: pd.DataFrame, sweep: Collected) -> list[Pair]:
        meant = asked(better, than, rows)
        pairs, known = [], meant[meant[cost].notna()]
        for _, other in than.of(known).iterrows():
            cheaper = better.of(known[known[cost] <= other[cost]])
            fair = [one for one, _ in same_recipe(cheaper, other.to_frame().T)]
            nearest = max((float(one[cost]) for one in fair), default=0.0)
            pairs += [_sharing(cost, Pair(one, other)) for one in fair if one[cost] == nearest]
        return pairs

    return find


def at_no_more_latency(better: Selector, than: Selector, rows: pd.DataFrame, sweep: Collected) -> list[Pair]:
    """The same of latency, by the first condition under which most of these rows have one that is not in doubt."""
    chosen = rows.loc[[*better.of(rows).index.union(than.of(rows).index)]]
    end, timed = timed_latency(chosen)
    found = at_no_more(f"latency_ms{end}")(better, than, timed, sweep) if len(timed) else []
    return [
        replace(pair, part=f"{pair.part} on {str(pair.than[f'measured_on{end}']).partition(';')[0]}") for pair in found
    ]


def no_more_training(better: Selector, than: Selector, rows: pd.DataFrame, sweep: Collected) -> list[Pair]:
    """The same of what training takes, its teacher's included, in every network and on every machine for itself."""
    networks = timed_training(asked(better, than, rows)).groupby([*NETWORK, "seconds_on"], sort=False)
    return [pair for _, network in networks for pair in at_no_more(SECONDS)(better, than, network, sweep)]


def no_more_compute(better: Selector, than: Selector, rows: pd.DataFrame, sweep: Collected) -> list[Pair]:
    """The same of the multiply-adds of training, which do not depend on a machine."""
    networks = asked(better, than, rows).groupby(NETWORK, sort=False)
    return [pair for _, network in networks for pair in at_no_more(MACS)(better, than, network, sweep)]


def longer_alone(better: Selector, than: Selector, rows: pd.DataFrame, sweep: Collected) -> list[Pair]:
    """To each row of a method that of its network trained alone for more epochs that took longest of those that took no
    longer, teachers included, on the same machine."""
    machines = timed_training(rows).groupby("seconds_on", sort=False)
    return [pair for _, timed in machines for pair in _longer(SECONDS, better, than, timed)]


def longer_alone_by_compute(better: Selector, than: Selector, rows: pd.DataFrame, sweep: Collected) -> list[Pair]:
    """The same in multiply-adds, on whatever machines."""
    return [*_longer(MACS, better, than, rows)]


def _longer(cost: str, better: Selector, than: Selector, rows: pd.DataFrame) -> Iterator[Pair]:
    """Of recipes that differ in nothing but their epochs. What a method changes is another network; and a row's own
    teacher, whose training is a part of what the row has cost, is no other way to spend it."""
    known = rows[~rows["changed"].astype(bool) & rows[cost].notna()]
    for _, network in known.groupby(NETWORK, sort=False):
        alone = network["is_baseline"].astype(bool)
        own = better.of(network[alone])
        for _, row in than.of(network[~alone]).iterrows():
            longer = own[(own["epochs"] > row["epochs"]) & (own[cost] <= row[cost])]
            fair = longer[longer["variant"].map(but_epochs) == but_epochs(row["variant"])]
            fair = fair[fair["keys"].map({*row["teachers"]}.isdisjoint).astype(bool)]
            if len(fair):
                yield _sharing(cost, Pair(fair.loc[fair[cost].idxmax()], row))


def _sharing(cost: str, pair: Pair) -> Pair:
    """With what the first one costs of what the second one does."""
    words = next(text for begins, text in SHARE.items() if cost.startswith(begins))
    return replace(pair, part=words.format(pair.better[cost] / pair.than[cost]))


def helped(better: Selector, than: Selector, rows: pd.DataFrame, sweep: Collected) -> list[Pair]:
    """What a method wins in each network of `better`, beside what it wins in each one of `than`: rows whose score is
    the difference to their network trained alone, with the errors of both."""
    first, second = (
        pd.DataFrame([gain(row, alone) for row, alone in gap.with_alone(chosen.of(rows), rows)])
        for chosen in (better, than)
    )
    return [
        Pair(one, other, "what each wins over training alone")
        for one, other in same_recipe(first, second)
        if one["method"] == other["method"]
    ]


def ensemble_and_students(better: Selector, than: Selector, rows: pd.DataFrame, sweep: Collected) -> list[Pair]:
    """Every ensemble of a row and each of the students that it is made of, at the last epoch."""
    records, pairs = records_by_row(sweep), []
    for _, row in better.of(rows).iterrows():
        scores = by_network(records[identity(row)])
        for ensemble, student in product(scores["ensemble"].items(), scores["student"].items()):
            one, other = (_scored(row, values) for _, values in (ensemble, student))
            pairs.append(Pair(one, other, f"{ensemble[0]} and {student[0]}"))
    return pairs


def gap_recovered(better: Selector, than: Selector, rows: pd.DataFrame, sweep: Collected) -> list[Pair]:
    """A row and its network trained alone; it counts where there is a gap to recover (reports/statistics/gap.py)."""
    return [
        Pair(row, alone, counts=pd.notna(gap.gap_recovered(row, rows).recovered))
        for row, alone in gap.with_alone(better.of(rows), rows)
    ]


KINDS: Mapping[Kind, Finder] = {
    "method beats method in every network": in_every_network,
    "conv beats conv at no more params": at_no_more("params"),
    "conv beats conv at no more macs": at_no_more("macs"),
    "conv beats conv at no more latency": at_no_more_latency,
    "method beats method at no more training in every network": no_more_training,
    "method beats method at no more training compute in every network": no_more_compute,
    "training alone for longer beats method at no more training": longer_alone,
    "training alone for longer beats method at no more training compute": longer_alone_by_compute,
    "method helps more": helped,
    "ensemble at least as good as every student": ensemble_and_students,
    "gap recovered is positive": gap_recovered,
}

COSTS: Mapping[Kind, Cost] = {  # what is compared at no more of which
    "conv beats conv at no more latency": LATENCY,
    "method beats method at no more training in every network": TRAINING,
    "method beats method at no more training compute in every network": COMPUTE,
    "training alone for longer beats method at no more training": TRAINING,
    "training alone for longer beats method at no more training compute": COMPUTE,
}


def left_out(kind: Kind, better: Selector, than: Selector, rows: pd.DataFrame, sweep: Collected) -> str:
    """What is said of rows that would be compared, had they the cost which the claim is about; empty where all have."""
    if kind not in COSTS:
        return ""
    pairs = KINDS[kind](better, than, COSTS[kind].alike(rows), sweep)
    return COSTS[kind].left_out(rows, [(pair.better.name, pair.than.name) for pair in pairs])


def gain(row: pd.Series, alone: pd.Series) -> pd.Series:
    """The row with the difference of its scores to those of its network trained alone."""
    won = row.copy()
    won["top1_mean"], won["n"] = row["top1_mean"] - alone["top1_mean"], min(row["n"], alone["n"])
    won["top1_std"] = math.sqrt(won["n"] * sum(differences.variance(each) for each in (row, alone)))
    won[differences.SPREAD], won[differences.FREEDOM] = won["top1_std"], differences.freedom(row, alone)
    won[images.COLUMN] = images.difference(row, alone)
    won["top1_error_mean"] = math.hypot(*(differences.test_error(each, each["top1_mean"]) for each in (row, alone)))
    return won


def same_recipe(better: pd.DataFrame, than: pd.DataFrame) -> Iterator[tuple[pd.Series, pd.Series]]:
    """Every two of them whose recipes are the same, none with itself."""
    for (_, one), (_, other) in product(better.iterrows(), than.iterrows()):
        if identity(one) != identity(other) and gap.of_recipe(one["variant"]) == gap.of_recipe(other["variant"]):
            yield one, other


def but_epochs(variant: str) -> str:
    """The same without its epochs."""
    return re.sub(r"(^|, )epochs=[^,]*", "", gap.of_recipe(variant)).removeprefix(", ")


def by_network(records: Sequence[Record]) -> dict[str, dict[str, list[float]]]:
    """By role and name the last epoch's score of each network, one a seed."""
    found: dict[str, dict[str, list[float]]] = {"student": {}, "ensemble": {}}
    for result in (record.result for record in records if record.result):  # of the cells that are done
        for network in result.networks:
            found[network.role].setdefault(network.name, []).append(network.scores[result.headline])
    return found


def _scored(row: pd.Series, scores: Sequence[float]) -> pd.Series:
    """The row with the scores of one of its networks, one a seed."""
    values, scored = pd.Series(scores), row.copy()
    scored["top1_mean"], scored["top1_std"], scored["n"] = values.mean(), values.std(ddof=1), len(values)
    scored[images.COLUMN] = None  # it is of those that count
    return scored
