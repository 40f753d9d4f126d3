"""The best row that a budget buys: of params, MACs, weights, training time or latency.

Budgets are round numbers, 1, 2 or 5 times a power of ten, up to the first that buys the dearest row. The winner is the
most accurate mean; beside it stand the rows under the budget that are not distinguishable from it, as `differences`
says of the best of so many. Only comparable rows whose cost is known are there, of latency those without a doubt.
"""

import dataclasses
import math
from collections.abc import Hashable

import numpy as np
import pandas as pd

from cheapconv.reports import differences

QUANTITIES = ("params", "macs", "weights_bytes", "train_s_with_teacher", "latency_ms")
UNITS = {"weights_bytes": 1024}  # in which a budget is round
TIMED = ("latency_ms", "throughput_images_per_s")
MOST = 8  # budgets


@dataclasses.dataclass(frozen=True)
class Budget:
    """What `limit` of a quantity buys: `winner` and the others are labels of rows, `considered` is how many fit.

    `score` is the winner's mean, `low` and `high` its 95 % interval over seeds, NaN for a single one.
    """

    limit: float
    winner: Hashable
    score: float
    low: float
    high: float
    not_distinguishable: tuple[Hashable, ...]
    considered: int


def budgets(rows: pd.DataFrame, quantity: str) -> list[Budget]:
    """From the tightest budget that buys a row to the first that buys all; each buys a row more than the one before."""
    known = affordable(rows, quantity)
    costs = known[quantity].to_numpy(float)
    return [_best(known[costs <= limit], limit) for limit in limits(costs, UNITS.get(quantity, 1))]


def _best(rows: pd.DataFrame, limit: float) -> Budget:
    """Of the rows that one budget buys."""
    winner = rows.iloc[int(rows["top1_mean"].argmax())]
    others = [label for label in differences.not_worse(rows) if label != winner.name]
    score, half = float(winner["top1_mean"]), float(winner["top1_ci95"])
    return Budget(limit, winner.name, score, score - half, score + half, tuple(others), len(rows))


def affordable(rows: pd.DataFrame, quantity: str) -> pd.DataFrame:
    """The comparable rows whose cost is known, and is not in doubt; `quantity` may be a timing of any condition."""
    found = rows["comparable"].astype(bool) & rows[quantity].notna()
    for name in TIMED:
        if quantity.startswith(name):
            found &= rows[f"doubt{quantity.removeprefix(name)}"].fillna("") == ""
    return rows[found]


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


def frontier(rows: pd.DataFrame, quantity: str, more_is_better: bool = False) -> pd.Index:
    """Labels of the Pareto front of the means, from cheap to dear: from much to little of what there is better more of.

    No other row beats them: none has a higher score at the same or a lower cost, nor the same score at a lower one.
    """
    known = affordable(rows, quantity)
    known = known.sort_values([quantity, "top1_mean"], ascending=[not more_is_better, False], kind="stable")
    found = known["top1_mean"] > known["top1_mean"].cummax().shift(fill_value=-math.inf)
    # Rows that equal one of the front in both stand beside it.
    return known.index[found.groupby([known[quantity], known["top1_mean"]]).transform("any")]
