"""One row against another of the same network: whether one way of training it is better than another.

`paired` asks that over the networks of a sweep, three at least; this is of one network each, by the test of two rows in
`differences`. Two rows are a pair where architecture and conv, recipe, and what they are deployed in are the same. What
a method has changed is another network, and in no pair. Intervals and p are those of a pair that was chosen beforehand;
`p_adjusted` and `resolved` hold for all pairs of a report together (Holm, 1979).
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from cheapconv.reports.statistics import differences, gap

NETWORK = ["architecture", "conv", "deployed"]
MOST = 5000  # pairs of a report, which take seconds


@dataclass(frozen=True, eq=False)
class Pair:
    """Two rows and the 95 % interval of `a` minus `b`: fractions of the test set, within what scores can be apart."""

    a: pd.Series
    b: pd.Series
    low: float
    high: float
    p: float
    test: str  # which gave that p
    p_adjusted: float

    @property
    def difference(self) -> float:
        """`a` minus `b`, as a fraction of the test set."""
        return float(self.a["top1_mean"] - self.b["top1_mean"])

    @property
    def resolved(self) -> bool:
        """Whether it is more than chance, with all pairs that were looked at."""
        return self.p_adjusted <= differences.LEVEL


def pairs(rows: pd.DataFrame, most: int = MOST) -> list[tuple[pd.Series, pd.Series]]:
    """All that there are, in the order of the rows; none where they are more than `most`, which nobody reads."""
    known = rows[rows["comparable"].astype(bool) & ~rows["changed"].astype(bool)]
    networks = known.groupby([*NETWORK, known["variant"].map(gap.of_recipe).rename("recipe")], sort=False)
    if sum(math.comb(size, 2) for size in networks.size()) > most:
        return []
    every = [[row for _, row in own.iterrows()] for _, own in networks]
    return [pair for own in every for pair in itertools.combinations(own, 2)]


def compared(found: Sequence[tuple[pd.Series, pd.Series]]) -> list[Pair]:
    """Each of these pairs, corrected for all of them."""
    tests = [differences.p_value(a, b) for a, b in found]
    corrected = differences.holm([p for p, _ in tests])
    told = []
    for (a, b), (p, test), p_adjusted in zip(found, tests, corrected, strict=True):
        apart, half = float(a["top1_mean"] - b["top1_mean"]), differences.half_width(a, b)
        told.append(Pair(a, b, max(apart - half, -1.0), min(apart + half, 1.0), p, test, p_adjusted))
    return told
