"""Rows, means and probabilities as the sentences of a report have them."""

import pandas as pd

from cheapconv.reports.rows.columns import method_label
from cheapconv.reports.statistics import differences

LEAST_P = 0.0001


def name(row: pd.Series) -> str:
    """`WRN-16-2 G(4) + kd`, with what its method is deployed as."""
    return f"{row['architecture']} {row['conv']} + {method_label(row)}"


def p_text(p: float) -> str:
    """`p = 0.012`; below LEAST_P the tails of a distribution are not what was measured."""
    return f"p = {p:.2g}" if p >= LEAST_P else f"p < {LEAST_P:g}"


def mean(row: pd.Series) -> str:
    """`80.80 % (95 % interval 80.03 to 81.57, n=1)`."""
    low, high = differences.interval(row)
    return f"{100 * row['top1_mean']:.2f} % (95 % interval {100 * low:.2f} to {100 * high:.2f}, n={row['n']})"


def share(part: int, of: int, what: str = "rows") -> str:
    """`All 13 rows are`, `2 of 13 rows are`."""
    if part == of > 1:
        return f"All {of} {what} are"
    return f"{part} of {of} {what} {'is' if part == 1 else 'are'}"
