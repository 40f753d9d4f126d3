"""Every pair of rows of one network as CSV: which of two ways of training it is better, and how sure that is.

A row is named as in table.csv. Differences and their intervals are in points, as their names say.
"""

import pandas as pd

from cheapconv.reports.formats import escape
from cheapconv.reports.statistics import pairwise
from cheapconv.reports.statistics.pairwise import Pair

OF_BOTH = ("architecture", "conv", "deployed")
OF_EACH = ("method", "variant", "n")
COMPARED = ("points", "points_low", "points_high", "p", "p_adjusted", "test", "resolved")
COLUMNS = [*OF_BOTH, *OF_EACH, *(f"other_{name}" for name in OF_EACH), *COMPARED]


def csv(rows: pd.DataFrame) -> str:
    """One line a pair, the row with the higher score first; the head alone where there is none."""
    lines = [line(pair) for pair in pairwise.compared(pairwise.pairs(rows))]
    return pd.DataFrame(lines, columns=COLUMNS).map(escape.csv).to_csv(index=False)


def line(pair: Pair) -> list[object]:
    """Its values, in the order of COLUMNS."""
    named = [*(pair.a[name] for name in (*OF_BOTH, *OF_EACH)), *(pair.b[name] for name in OF_EACH)]
    points = [100 * value for value in (pair.difference, pair.low, pair.high)]
    return [*named, *points, pair.p, pair.p_adjusted, pair.test, pair.resolved]
