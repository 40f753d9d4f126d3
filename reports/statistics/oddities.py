"""Numbers of a sweep that one should look into before believing them.

- Rows below the same network trained alone by the same recipe, which may not suit their settings: tested by
  `differences`, but for single runs, whose seeds differ by nobody knows what. What scatters is hardly ever resolved,
  and may be what is wrong with a row, so one that is FAR below is to be looked into all the same.
- Rows whose seeds lie further apart than test images explain. Were each seed right about every image with the same
  probability, and independently, its score would have the variance `test_error` squared. Networks that agree about
  images, as trained ones do, have less; so (n - 1) s^2 / test_error^2 beyond what chi-squared has of n - 1 degrees of
  freedom is left to the trainings, which end in places of different worth.

Each question is corrected over its rows by Holm (1979).
"""

import math
from dataclasses import dataclass

import pandas as pd
import scipy.stats

from cheapconv.reports.statistics import differences, gap

FAR = 0.05  # three standard errors of two means of three seeds that have a deviation of 2 points, which few rows have


@dataclass(frozen=True, eq=False)
class Odd:
    """A row, by how much as a fraction of the test set (below training alone, or the standard deviation over seeds),
    and p that is corrected, NaN of what was not tested."""

    row: pd.Series
    amount: float
    p: float

    @property
    def resolved(self) -> bool:
        """Whether it is more than chance."""
        return self.p <= differences.LEVEL

    @property
    def is_far(self) -> bool:
        """Whether that is not known, yet it is more than seeds are usually apart."""
        return not self.resolved and self.amount >= FAR


def beside_alone(rows: pd.DataFrame) -> list[Odd]:
    """Rows beside their own network trained alone, the furthest below first; above it the amount is negative."""
    known = rows[rows["comparable"].astype(bool) & (rows["deployed"] == "") & ~rows["changed"].astype(bool)]
    pairs = list(gap.with_alone(known, known))
    several = [min(row["n"], alone["n"]) > 1 for row, alone in pairs]
    tested = [differences.p_value(*pair)[0] for pair, ok in zip(pairs, several, strict=True) if ok]
    corrected = iter(differences.holm(tested))
    found = [
        Odd(row, float(alone["top1_mean"] - row["top1_mean"]), next(corrected) if ok else math.nan)
        for (row, alone), ok in zip(pairs, several, strict=True)
    ]
    return sorted(found, key=lambda odd: -odd.amount)


def unsteady(rows: pd.DataFrame) -> list[Odd]:
    """Rows of two or more seeds, those whose seeds lie furthest apart first."""
    several = [row for _, row in rows[(rows["n"] > 1) & (rows["warnings"] == "") & (rows["deployed"] == "")].iterrows()]
    corrected = differences.holm([_chance_of_spread(row) for row in several])
    found = [Odd(row, float(row["top1_std"]), p) for row, p in zip(several, corrected, strict=True)]
    return sorted(found, key=lambda odd: -odd.amount)


def _chance_of_spread(row: pd.Series) -> float:
    """P that seeds lie so far apart by the test images alone."""
    excess = (row["n"] - 1) * differences.quotient(row["top1_std"], differences.test_error(row, row["top1_mean"])) ** 2
    return float(scipy.stats.chi2.sf(excess, row["n"] - 1))
