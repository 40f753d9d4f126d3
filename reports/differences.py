"""Which rows differ: by Welch's test over the seeds, and never by less than the test set's own error.

Two mean accuracies differ where their difference is significant at LEVEL in both of these senses:

- over seeds: Welch's t, for variances that may be unequal, with Satterthwaite's degrees of freedom (Welch, 1947);
- over test images: z of two proportions, binomial with the pooled accuracy; a score that is no share of images brings
  an error of its own. It takes the images as drawn anew for each row; rows share them, so it errs on the safe side. A
  single run has no spread over seeds: there it decides alone.

The best of k rows is picked by the numbers that it is then compared with. Therefore both statistics are referred to
the studentised range of k means (Games and Howell, 1976): of k rows that are equal, one is called worse in about LEVEL
of all reports, not in LEVEL of all comparisons. For two rows this is Welch's test itself.
"""

import math
from collections.abc import Iterator

import pandas as pd
import scipy.stats

LEVEL = 0.05


def binomial_error(accuracy: float, images: float) -> float:
    """Standard error of one accuracy measured on `images` test images: sqrt(p (1 - p) / images)."""
    return math.sqrt(max(accuracy * (1 - accuracy), 0.0) / max(images, 1.0))


def test_error(row: pd.Series, accuracy: float) -> float:
    """Standard error that the test set gives a score of a row: the one that was counted with it, else binomial."""
    counted = row.get("top1_error_mean")
    return binomial_error(accuracy, row["test_images"]) if pd.isna(counted) else float(counted)


def error_name(row: pd.Series) -> str:
    """What that error is called."""
    return "binomial error" if pd.isna(row.get("top1_error_mean")) else "error over its images"


def variance(row: pd.Series) -> float:
    """Squared standard error of a row's mean over its seeds, two or more."""
    return float(row["top1_std"] ** 2 / row["n"])


def freedom(a: pd.Series, b: pd.Series) -> float:
    """Satterthwaite's degrees of freedom of the difference of two rows' means."""
    own = sum(variance(row) ** 2 / (row["n"] - 1) for row in (a, b))
    return (variance(a) + variance(b)) ** 2 / own if own else math.inf


def statistics(a: pd.Series, b: pd.Series) -> Iterator[tuple[float, float, str]]:
    """Difference over its standard error, degrees of freedom and name of each test of two rows."""
    difference = abs(a["top1_mean"] - b["top1_mean"])
    pooled = (a["top1_mean"] + b["top1_mean"]) / 2
    error = math.hypot(*(test_error(row, pooled) for row in (a, b)))
    yield _quotient(difference, error), math.inf, f"by the test set's {error_name(a)}"
    if min(a["n"], b["n"]) > 1:
        error = math.sqrt(variance(a) + variance(b))
        yield _quotient(difference, error), freedom(a, b), "by Welch's test over the seeds"


def p_value(a: pd.Series, b: pd.Series, compared: int = 2) -> tuple[float, str]:
    """p of the difference of two of `compared` rows, the larger one of the tests, and by which."""
    return max((range_p(statistic, degrees, compared), test) for statistic, degrees, test in statistics(a, b))


def differ(a: pd.Series, b: pd.Series, compared: int = 2) -> bool:
    """Whether two of `compared` rows differ significantly: whether `p_value` is at most LEVEL, mostly found faster."""
    for statistic, degrees, _ in statistics(a, b):
        single = range_p(statistic, degrees, 2)  # that of the range lies between this and this for every pair
        for_every_pair = math.comb(compared, 2) * single
        if not single <= LEVEL or (for_every_pair > LEVEL and range_p(statistic, degrees, compared) > LEVEL):
            return False
    return True


def not_worse(rows: pd.DataFrame) -> pd.Index:
    """Labels of the rows that are not distinguishable from the most accurate of them, itself included."""
    best = rows.iloc[int(rows["top1_mean"].argmax())]
    return rows.index[[not differ(row, best, len(rows)) for _, row in rows.iterrows()]]


def places(rows: pd.DataFrame) -> pd.DataFrame:
    """`rank` and `rank_to` of each row: rows that are not distinguishable from the best share the places 1 to m.

    The same is asked of the rows that are left, m + 1 to ..., until none are left.
    """
    found, left = pd.DataFrame(math.nan, index=rows.index, columns=["rank", "rank_to"]), rows
    while len(left):
        place, tied = len(rows) - len(left), not_worse(left)
        found.loc[tied] = [place + 1, place + len(tied)]
        left = left.drop(tied)
    return found


def range_p(statistic: float, degrees: float, compared: int) -> float:
    """P that the most distant two of `compared` equal means are so many standard errors of a difference apart."""
    if compared == 2:
        return float(2 * scipy.stats.t.sf(statistic, degrees))
    return float(scipy.stats.studentized_range.sf(math.sqrt(2) * statistic, compared, degrees))


def _quotient(difference: float, error: float) -> float:
    """Nothing is no difference, and anything is one where there is no error."""
    if not difference:
        return 0.0
    return difference / error if error else math.inf
