"""The best row for a budget: the Pareto front of each quantity, and which rows are not distinguishable from its rows.

A reader may try any budget of any quantity, so all rows that can be compared are one family: the error of having picked
the best of them is paid for by the studentised range of as many rows, whatever the budget (conservative where few of
them meet it).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from cheapconv.reports.rows import equal_cost
from cheapconv.reports.rows.quantities import Quantity
from cheapconv.reports.statistics import differences


@dataclass(frozen=True)
class Fronts:
    """By the field of a quantity the labels of the rows on its front, cheapest first; and by the label of each such
    row the labels of all rows that do not differ from it."""

    of: dict[str, list[int]]
    tied: dict[int, list[int]]


def fronts(rows: pd.DataFrame, quantities: Sequence[Quantity]) -> Fronts:
    """Those of the comparable rows; a number in doubt is on no front."""
    comparable = rows[rows["comparable"]]
    found = {each.field: [int(label) for label in equal_cost.frontier(comparable, each)] for each in quantities}
    best = sorted({label for labels in found.values() for label in labels})
    return Fronts(found, {label: tied(comparable, label) for label in best})


def tied(rows: pd.DataFrame, label: int) -> list[int]:
    """Labels of the other rows, no more accurate than that one, that are not significantly worse than it."""
    beaten = differences.worse(rows, label) | (rows["top1_mean"] > rows.at[label, "top1_mean"]).to_numpy()
    return [int(other) for other in rows.index[~beaten] if other != label]
