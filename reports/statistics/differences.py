"""Which rows differ: over seeds and test images at once where the mistakes of both are known, else by each for itself.

Where they are (reports/statistics/images.py), two mean accuracies differ at a level where their difference is larger
than the root of

    (Welch's t)^2 * variance over the seeds + (the normal z)^2 * variance over the images,

each error with the quantile of what is known of it (Cochran and Cox, 1957): a spread over few seeds that happens to be
small says little. Adding the variances first and giving their sum Satterthwaite's degrees of freedom calls too much,
among 20 equal rows of two seeds one in a third of all reports, as simulated. Nor is any error smaller than that of the
images alone: seeds that happen to agree take away nothing of it.

Where they are not, and of single runs, the difference has to be significant at LEVEL in both of these senses:

- over seeds: Welch's t, for variances that may be unequal, with Satterthwaite's degrees of freedom (Welch, 1947);
- over test images: z of two proportions, binomial with the pooled accuracy; a score that is no share of images brings
  an error of its own. It takes the images as drawn anew for each row; rows share them, so it errs on the safe side.

For the spread of a single run that of its sweep's other rows stands in, pooled (`stand_in`). Where all rows are single
runs the test set decides alone, which leaves some room for the seeds that nobody knows.

The best of k rows is picked by the numbers that it is then compared with. Therefore all statistics are referred to
the studentised range of k means (Games and Howell, 1976): of k rows that are equal, one is called worse in about LEVEL
of all reports, not in LEVEL of all comparisons. For two rows this is Welch's test itself.

Limits, as simulated. The range of Games and Howell is approximate for few seeds: on a test set without error one of
20 equal rows of two seeds is called worse in 9 % of all reports, of 60 in 12 %. Where all rows share test images whose
error is as large as the seeds', it stays below LEVEL. That is of the best and the others. Of every two, which ranks
take, some pair of equal rows without image errors is called different in 14, 33 and 78 % of reports of 10, 20 and 60
rows of two seeds, in 20 and 50 % of 20 and 60 of three, in 10 % of 20 of five; tests that hold there (Dunnett's T3)
would part next to nothing of three seeds. And where mistakes are not known the larger of both errors
counts, not their sum: were the images really drawn anew, and both errors as large, it would be 10 % of two rows and
20 % of twenty.
"""

import math
from collections.abc import Hashable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import scipy.optimize
import scipy.stats

from cheapconv.reports.statistics import images, studentised

LEVEL = 0.05
LOWEST = -200.0  # natural logarithm of p, below which it is 0: beyond -250 scipy's quantiles of t may be wrong or NaN
TIGHT = 1e-3  # p below which the sum over all pairs is as good as the range
FREEDOM = "freedom"  # of what has not n - 1
SPREAD = "spread"  # of a single run: the standard deviation over seeds that stands in for its own
NUMBERS = ("top1_mean", "top1_std", "n", "test_images", "top1_error_mean", SPREAD, FREEDOM)


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


def spread(row: pd.Series) -> float:
    """A row's standard deviation over its seeds, or what stands in for that of a single run; NaN where nothing does."""
    return float(row["top1_std"] if row["n"] > 1 else row.get(SPREAD, math.nan))


def pooled_spread(rows: pd.DataFrame) -> tuple[float, float]:
    """Standard deviation over seeds, pooled over the rows that have two or more, and its degrees of freedom; NaN where
    none has."""
    several = rows[rows["n"].astype(int) > 1]
    if several.empty:
        return math.nan, math.nan
    degrees = several["n"].astype(float) - 1
    return math.sqrt(float((degrees * several["top1_std"].astype(float) ** 2).sum() / degrees.sum())), degrees.sum()


def stand_in(rows: pd.DataFrame) -> pd.DataFrame:
    """SPREAD and FREEDOM of single runs: as if each scattered as the other rows of its sweep do, pooled over those as
    trained that can be compared; NaN of the others, and where there are none of these."""
    pooled, degrees = pooled_spread(rows[rows["comparable"] & (rows["deployed"] == "")])
    single = rows["n"] == 1
    return pd.DataFrame({SPREAD: single.map({True: pooled}), FREEDOM: single.map({True: degrees})})


def variance(row: pd.Series) -> float:
    """Squared standard error of a row's mean over its seeds; NaN where their spread is not known."""
    return spread(row) ** 2 / float(row["n"])


def own_freedom(row: pd.Series) -> float:
    """Degrees of freedom of that variance; gains, which are differences of two rows each, bring theirs."""
    own = row.get(FREEDOM, math.nan)
    return float((row["n"] - 1 or math.nan) if pd.isna(own) else own)


def freedom(a: pd.Series, b: pd.Series) -> float:
    """Satterthwaite's degrees of freedom of the difference of two rows' means; of gains those of all four rows. Of two
    single runs, whose spread is one and the same estimate, they are no more than that one's."""
    if a["n"] == b["n"] == 1:
        return min(own_freedom(a), own_freedom(b))
    own = sum(variance(row) ** 2 / own_freedom(row) for row in (a, b))
    return (variance(a) + variance(b)) ** 2 / own if own else math.inf


def interval(row: pd.Series) -> tuple[float, float]:
    """95 % interval of a row's mean score: Student's t over its seeds or the test set's own error, the wider one,
    within what a score can be."""
    half = float(scipy.stats.norm.ppf(1 - LEVEL / 2)) * test_error(row, row["top1_mean"])
    if not math.isnan(of_seeds := variance(row)):
        half = max(half, float(scipy.stats.t.ppf(1 - LEVEL / 2, own_freedom(row))) * math.sqrt(of_seeds))
    return max(row["top1_mean"] - half, 0.0), min(row["top1_mean"] + half, 1.0)


class Errors(NamedTuple):
    """What a test of two rows' difference knows: its variance over seeds, with degrees of freedom, and over images,
    either of which may be none, and the test's name."""

    of_seeds: float
    degrees: float
    of_images: float
    test: str

    def half_width(self, p: float) -> float:
        """The difference that the two exceed with a probability of p if they do not differ."""
        t, z = scipy.stats.t.isf(p / 2, self.degrees), scipy.stats.norm.isf(p / 2)
        return math.hypot(t * math.sqrt(self.of_seeds), z * math.sqrt(self.of_images))

    def p_value(self, difference: float, compared: int = 2) -> float:
        """The probability that the most distant two of `compared` rows lie as far apart if none differ."""
        if not self.of_images or not self.of_seeds:
            degrees = self.degrees if self.of_seeds else math.inf
            return range_p(quotient(difference, math.sqrt(self.of_seeds + self.of_images)), degrees, compared)
        if not difference:
            return 1.0
        if self.half_width(math.exp(LOWEST)) <= difference:
            return 0.0
        log_p = scipy.optimize.brentq(lambda log_p: self.half_width(math.exp(log_p)) - difference, LOWEST, 0)
        for_every_pair = math.comb(compared, 2) * math.exp(log_p)
        if compared == 2 or for_every_pair < TIGHT:
            return for_every_pair
        return studentised.exceeds_both(difference, self.of_seeds, self.degrees, self.of_images, compared)

    def resolve(self, difference: float, compared: int) -> bool:
        """Whether p is at most LEVEL, mostly found faster."""
        if self.of_images and self.of_seeds:
            left = difference**2 - studentised.critical(compared, LEVEL) ** 2 / 2 * self.of_images
            return left > 0 and Errors(self.of_seeds, self.degrees, 0.0, self.test).resolve(math.sqrt(left), compared)
        single = self.p_value(difference)  # that of the range lies between this and this for every pair
        for_every_pair = math.comb(compared, 2) * single
        return single <= LEVEL and (for_every_pair <= LEVEL or self.p_value(difference, compared) <= LEVEL)


def errors(a: pd.Series, b: pd.Series) -> Iterator[Errors]:
    """Of each test of two rows."""
    of_seeds = variance(a) + variance(b)
    if min(a["n"], b["n"]) > 1 and (by_image := images.difference(a, b)) is not None:
        yield Errors(0.0, math.inf, by_image.variance, "over the images")
        yield Errors(of_seeds, freedom(a, b), by_image.beside_seeds, "over seeds and images")
        return
    pooled = (a["top1_mean"] + b["top1_mean"]) / 2
    of_images = sum(test_error(row, pooled) ** 2 for row in (a, b))
    yield Errors(0.0, math.inf, of_images, f"by the test set's {error_name(a)}")
    if not math.isnan(of_seeds):
        yield Errors(of_seeds, freedom(a, b), 0.0, "by Welch's test over the seeds")


def half_width(a: pd.Series, b: pd.Series) -> float:
    """Of the 95 % interval of their difference, by the test that has the widest."""
    return max(each.half_width(LEVEL) for each in errors(a, b))


def p_value(a: pd.Series, b: pd.Series, compared: int = 2) -> tuple[float, str]:
    """p of the difference of two of `compared` rows, the larger one of the tests, and by which."""
    difference = abs(a["top1_mean"] - b["top1_mean"])
    return max((each.p_value(difference, compared), each.test) for each in errors(a, b))


def differ(a: pd.Series, b: pd.Series, compared: int = 2) -> bool:
    """Whether two of `compared` rows differ significantly: whether `p_value` is at most LEVEL."""
    difference = abs(a["top1_mean"] - b["top1_mean"])
    return all(each.resolve(difference, compared) for each in errors(a, b))


def not_worse(rows: pd.DataFrame, beside: int = 0) -> pd.Index:
    """Labels of the rows that are not distinguishable from the most accurate of them, itself included; `beside` them
    so many others were compared."""
    return rows.index[~worse(rows, beside=beside)]


def worse(rows: pd.DataFrame, than: Hashable = None, beside: int = 0) -> np.ndarray:
    """Of each row whether it is significantly less accurate than the one of a label, the most accurate one if there is
    none: what `differ` says, for a thousand rows at once."""
    top = int(rows["top1_mean"].argmax()) if than is None else [*rows.index].index(than)
    places = np.arange(len(rows))
    return _told_apart(rows, places, np.full_like(places, top), images.differences(rows, rows.iloc[top]), beside)


def worse_of_all(rows: pd.DataFrame, beside: int = 0) -> np.ndarray:
    """(rows, rows): whether the first is significantly less accurate than the second, of every two."""
    first, second = (grid.ravel() for grid in np.indices((len(rows), len(rows))))
    by_image = images.all_differences(rows)
    return _told_apart(rows, first, second, by_image, beside).reshape(len(rows), len(rows))


def _told_apart(
    rows: pd.DataFrame, one: np.ndarray, other: np.ndarray, by_image: images.Variances, beside: int
) -> np.ndarray:
    """Of pairs of places of rows whether the one is significantly less accurate than the other."""
    compared = max(len(rows) + beside, 2)
    mean, std, n, tested, counted, spread, freedom = rows.reindex(columns=NUMBERS).to_numpy(float).T
    std, freedom = np.where(n > 1, std, spread), np.where(np.isnan(freedom), n - 1, freedom)
    lower, pooled = mean[other] - mean[one], (mean[one] + mean[other]) / 2
    q = studentised.critical(compared, LEVEL) / math.sqrt(2)
    both = (n[one] > 1) & (n[other] > 1)
    known = both & ~np.isnan(by_image.whole)
    apart = np.hypot(*(test_errors(counted[of], tested[of], pooled) for of in (one, other)))
    found = quotients(np.maximum(lower, 0.0), np.where(known, np.sqrt(by_image.whole), apart)) >= q
    spreads_known = ~np.isnan(std[one]) & ~np.isnan(std[other])
    left = np.flatnonzero(found & spreads_known)  # which the seeds may still not tell apart
    if len(left):
        own, of_other = (std[of[left]] ** 2 / n[of[left]] for of in (one, other))
        each = own**2 / freedom[one[left]] + of_other**2 / freedom[other[left]]
        degrees = np.where(own + of_other > 0, quotients((own + of_other) ** 2, each), np.inf)  # or no seed differs
        single = (n[one] + n[other] == 2)[left]
        degrees[single] = np.minimum(freedom[one], freedom[other])[left][single]
        of_images = np.where(known[left], by_image.beside_seeds[left], 0.0)
        by_seeds = np.sqrt(np.maximum(lower[left] ** 2 - q**2 * of_images, 0.0))
        limits = studentised.limits(degrees, compared, LEVEL)
        found[left] = math.sqrt(2) * quotients(by_seeds, np.sqrt(own + of_other)) >= limits
    return found


def test_errors(counted: np.ndarray, images: np.ndarray, accuracies: np.ndarray) -> np.ndarray:
    """`test_error` of many rows: `counted`, or binomial where that is NaN."""
    binomial = np.sqrt(np.maximum(accuracies * (1 - accuracies), 0) / np.maximum(images, 1))
    return np.where(np.isnan(counted), binomial, counted)


def places(rows: pd.DataFrame, beside: int = 0) -> pd.DataFrame:
    """`rank` and `rank_to` of each row: one more than the rows that are significantly better, and all but those that
    are significantly worse, of every two (Al Mohamad, Goeman and van Zwet, "Simultaneous confidence intervals for ranks
    with application to ranking institutions", Biometrics, 2022, for Tukey's test; how often ours is wrong is said
    above). `beside` them stand so many rows without a place that a reader compares them with.
    """
    behind = worse_of_all(rows, beside)
    return pd.DataFrame(
        {"rank": 1.0 + behind.sum(axis=1), "rank_to": len(rows) - behind.sum(axis=0).astype(float)}, index=rows.index
    )


def holm(p: Sequence[float]) -> list[float]:
    """Each corrected for all of them (Holm, 1979): the i-th smallest of m times m - i + 1, none below a smaller one's.

    By hand, since statsmodels' multipletests collects garbage at every call, which was over half of what claims took.
    """
    order = np.argsort(p, kind="stable")
    corrected = np.maximum.accumulate(np.asarray(p)[order] * np.arange(len(p), 0, -1))
    found = np.empty(len(p))
    found[order] = np.minimum(corrected, 1.0)
    return found.tolist()


def range_p(statistic: float, degrees: float, compared: int) -> float:
    """P that the most distant two of `compared` equal means are so many standard errors of a difference apart."""
    if compared == 2:
        return float(2 * scipy.stats.t.sf(statistic, degrees))
    return float(scipy.stats.studentized_range.sf(math.sqrt(2) * statistic, compared, degrees))


def quotient(difference: float, error: float) -> float:
    """Nothing is no difference, and anything is one where there is no error."""
    return float(quotients(np.array([difference]), np.array([error]))[0])


def quotients(differences: np.ndarray, errors: np.ndarray) -> np.ndarray:
    """`quotient` of each of them, none negative."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(differences == 0, 0.0, differences / errors)
