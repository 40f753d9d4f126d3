"""The best row that a budget buys, of any quantity that less is better of.

Budgets are round numbers of its unit, 1, 2 or 5 times a power of ten, up to the first that buys the dearest row. The
winner is the most accurate mean; beside it stand the rows under the budget that are not distinguishable from it. A
reader may try any budget of any quantity, so all comparable rows are one family: the error of having picked the best of
them is paid for by the studentised range of as many, whatever the budget (conservative where few of them meet it). Only
comparable rows whose cost is known and not in doubt are there.
"""

import dataclasses
import math
from collections.abc import Hashable

import numpy as np
import pandas as pd

from cheapconv.reports.rows.quantities import Quantity
from cheapconv.reports.statistics import differences, gap

MOST = 8  # budgets


@dataclasses.dataclass(frozen=True)
class Budget:
    """What `limit` of a quantity buys: `winner` and the others are labels of rows, `considered` is how many fit."""

    limit: float
    winner: Hashable
    not_distinguishable: tuple[Hashable, ...]
    considered: int


def budgets(rows: pd.DataFrame, quantity: Quantity) -> list[Budget]:
    """From the tightest budget that buys a row to the first that buys all; each buys a row more than the one before."""
    known = affordable(rows, quantity)
    costs = known[quantity.field].to_numpy(float)
    among = rows[rows["comparable"].astype(bool)]
    return [_best(known[costs <= limit], limit, among) for limit in limits(costs, quantity.scale)]


def by_usual_recipe(rows: pd.DataFrame, quantity: Quantity, limit: float) -> Budget | None:
    """What a budget buys of the rows that are trained as the sweep says; None where it buys none of these."""
    known = affordable(rows, quantity)
    known = known[(known[quantity.field].astype(float) <= limit) & by_usual(known)]
    return _best(known, limit, rows[rows["comparable"].astype(bool)]) if len(known) else None


def by_usual(rows: pd.DataFrame) -> pd.Series:
    """Whether each is trained by the sweep's own recipe, whoever its teacher is."""
    return rows["variant"].map(gap.of_recipe) == ""


def tied(among: pd.DataFrame, label: Hashable) -> list[Hashable]:
    """Labels of the other rows, no more accurate than that one, that are not significantly worse than it; the most
    accurate first."""
    beaten = differences.worse(among, label) | (among["top1_mean"] > among.at[label, "top1_mean"]).to_numpy()
    closest = among[~beaten].sort_values("top1_mean", ascending=False, kind="stable")
    return [other for other in closest.index if other != label]


def _best(rows: pd.DataFrame, limit: float, among: pd.DataFrame) -> Budget:
    """Of the rows that one budget buys."""
    winner = rows["top1_mean"].idxmax()
    others = [label for label in tied(among, winner) if label in rows.index]
    return Budget(limit, winner, tuple(others), len(rows))


def affordable(rows: pd.DataFrame, quantity: Quantity) -> pd.DataFrame:
    """The comparable rows whose cost is known, and is not in doubt."""
    return rows[rows["comparable"].astype(bool) & quantity.known(rows)]


def limits(costs: np.ndarray, unit: float = 1) -> list[float]:
    """At most MOST round budgets, ascending: each buys more of the costs than the one before, the last buys all."""
    known = costs[costs > 0]
    if not len(known):
        return [0.0] if len(costs) else []
    first, last = (math.floor(math.log10(cost / unit)) for cost in (known.min(), known.max()))
    steps = np.array([float(f"{digit}e{power}") * unit for power in range(first, last + 2) for digit in (1, 2, 5)])
    bought = np.searchsorted(np.sort(costs), steps, side="right")
    steps = steps[np.diff(bought, prepend=0) > 0]
    every = math.ceil(len(steps) / MOST)
    return steps[::-1][::every][::-1].tolist()


def frontier(rows: pd.DataFrame, quantity: Quantity) -> pd.Index:
    """Labels of the Pareto front of the means, from cheap to dear: from much to little of what there is better more of.

    No other row beats them: none has a higher score at the same or a lower cost, nor the same score at a lower one.
    """
    cost, known = quantity.field, affordable(rows, quantity)
    known = known.sort_values([cost, "top1_mean"], ascending=[not quantity.more_is_better, False], kind="stable")
    found = known["top1_mean"] > known["top1_mean"].cummax().shift(fill_value=-math.inf)
    # Rows that equal one of the front in both stand beside it.
    return known.index[found.groupby([known[cost], known["top1_mean"]]).transform("any")]
