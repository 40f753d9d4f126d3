"""How far rows have moved, each tested by `differences` and all of them corrected together by Holm (1979).

Where no row truly differs, one or more is called better or worse in at most LEVEL of all comparisons. The interval is
that of the row alone, by the same test. For the spread of a single run that of its sweep's other rows stands in; where
there is none the test set's error alone decides, and seeds differ on top of that.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd

from cheapconv.reports.statistics import differences


@dataclass(frozen=True)
class Shift:
    """After minus before, as a fraction, with its 95 % interval; p, by which test, and p corrected by Holm.

    All are NaN of rows that were not tested.
    """

    mean: float = math.nan
    low: float = math.nan
    high: float = math.nan
    p: float = math.nan
    test: str = ""
    p_holm: float = math.nan

    @property
    def is_significant(self) -> bool:
        """Whether it is more than noise."""
        return self.p_holm <= differences.LEVEL


def shifts(pairs: Sequence[tuple[pd.Series, pd.Series]]) -> list[Shift]:
    """Those of all pairs, before and after, which are one family."""
    found = [shift(*pair) for pair in pairs]
    corrected = differences.holm([each.p for each in found])
    return [replace(each, p_holm=p) for each, p in zip(found, corrected, strict=True)]


def shift(before: pd.Series, after: pd.Series) -> Shift:
    """That of one pair, not corrected."""
    mean, half = after["top1_mean"] - before["top1_mean"], differences.half_width(before, after)
    return Shift(float(mean), float(mean - half), float(mean + half), *differences.p_value(before, after))
