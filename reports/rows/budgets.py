"""The best row for any budget: the Pareto front of each quantity, and what is not distinguishable from its rows."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from cheapconv.reports.rows import equal_cost
from cheapconv.reports.rows.quantities import Quantity


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
    return Fronts(found, {label: [int(str(other)) for other in equal_cost.tied(comparable, label)] for label in best})
