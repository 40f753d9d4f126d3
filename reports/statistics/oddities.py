"""Numbers of a sweep that one should look into before believing them.

- Rows below the same network trained alone, whose settings may not suit the recipe: tested by `differences`.
- Rows whose seeds lie further apart than test images explain. Were each seed right about every image with the same
  probability, and independently, its score would have the variance `test_error` squared. Networks that agree about
  images, as trained ones do, have less; so (n - 1) s^2 / test_error^2 beyond what chi-squared has of n - 1 degrees of
  freedom is left to the trainings, which end in places of different worth.

Each question is corrected over its rows by Holm (1979).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pandas as pd
import scipy.stats
from statsmodels.stats.multitest import multipletests

from cheapconv.reports.statistics import differences, gap


@dataclass(frozen=True, eq=False)
class Odd:
    """A row, by how much as a fraction of the test set (below training alone, or the standard deviation over seeds),
    p that is corrected, and whether that is more than chance."""

    row: pd.Series
    amount: float
    p: float

    @property
    def resolved(self) -> bool:
        """Whether it is more than chance."""
        return self.p <= differences.LEVEL


def below_alone(rows: pd.DataFrame) -> list[Odd]:
    """Rows that have less than their own network trained alone, the furthest below first."""
    pairs = list(_beside_alone(rows[rows["comparable"] & (rows["deployed"] == "") & ~rows["changed"].astype(bool)]))
    corrected = _holm([differences.p_value(row, alone)[0] for row, alone in pairs])
    found = [
        Odd(row, float(alone["top1_mean"] - row["top1_mean"]), p)
        for (row, alone), p in zip(pairs, corrected, strict=True)
    ]
    return sorted((odd for odd in found if odd.amount > 0), key=lambda odd: -odd.amount)


def unsteady(rows: pd.DataFrame) -> list[Odd]:
    """Rows of several seeds, those that lie furthest apart first."""
    several = [row for _, row in rows[(rows["n"] > 1) & (rows["warnings"] == "") & (rows["deployed"] == "")].iterrows()]
    corrected = _holm([_chance_of_spread(row) for row in several])
    found = [Odd(row, float(row["top1_std"]), p) for row, p in zip(several, corrected, strict=True)]
    return sorted(found, key=lambda odd: -odd.amount)


def _beside_alone(rows: pd.DataFrame) -> Iterator[tuple[pd.Series, pd.Series]]:
    """Each row that is not training alone, and its network's that is."""
    for _, own in rows.groupby(["architecture", "conv"], sort=False):
        baseline = own["is_baseline"].astype(bool)
        if (alone := gap.preferred(own[baseline])) is not None:
            yield from ((row, alone) for _, row in own[~baseline].iterrows())


def _chance_of_spread(row: pd.Series) -> float:
    """P that seeds lie so far apart by the test images alone."""
    excess = (row["n"] - 1) * differences.quotient(row["top1_std"], differences.test_error(row, row["top1_mean"])) ** 2
    return float(scipy.stats.chi2.sf(excess, row["n"] - 1))


def _holm(p: Sequence[float]) -> Sequence[float]:
    """Each corrected for all of them."""
    return multipletests(p, method="holm")[1].tolist() if p else []
