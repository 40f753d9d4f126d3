"""What a sweep could have seen: how many seeds, or test images, two rows need, and the smallest difference that shows.

The test is that of `differences` between two of so many rows that are `compared`, two for a pair that was chosen
beforehand. Where the mistakes of both are known, it is one over seeds and images; else Welch's t over the seeds, and z
by the test set's error, taken as drawn anew for each row, both at LEVEL.
The observed difference of two rows is normal about the true one, with the variance of the seeds' means and that of the
images; both rows have the same spread over seeds. The power is the probability that the better row is found so,
integrated over what the two sample variances, chi-squared, may be.

statsmodels' TTestIndPower is of the t test that pools both variances. Where it says 80 %, Welch's test of two seeds has
48 %, of three 70 %, of five 78 %, of more about the same; the tests hold them against each other.
"""

import functools
import math
from typing import NamedTuple

import numpy as np
import pandas as pd
import scipy.optimize
import scipy.special
import scipy.stats

from cheapconv.reports.statistics import differences, images, studentised

POWER = 0.8
SHARES = (np.arange(48) + 0.5) / 48  # places of a sample variance in its distribution
FREEDOMS = 33  # degrees of freedom, between which critical ranges are interpolated
MOST = 2**30  # seeds: beyond it nothing is resolved
TINY = 1e-12  # of accuracy: a spread that is none


class OfImages(NamedTuple):
    """Standard error that the test set gives a difference of two rows, and whether it is that of the differences image
    by image, whatever the number of seeds; else of a sample for each row. `rest` is the variance that pairs of a seed
    and an image add where each row has one seed, of n the n-th part."""

    error: float
    shared: bool = False
    rest: float = 0.0


def seeds_to_resolve(
    a: pd.Series, b: pd.Series, power: float = POWER, sweep_std: float | None = None, compared: int = 2
) -> int | None:
    """Seeds of each row at which a true difference as large as the observed one would be found with this power.

    None where no number of seeds is enough, because the test set's own error hides it (`images_to_resolve`), and where
    nothing is known of the spread. `sweep_std`, `pooled_std` of all rows, stands in where a row has a single seed.
    """
    difference, of_images, std = abs(a["top1_mean"] - b["top1_mean"]), error_of(a, b), sweep_std
    if min(a["n"], b["n"]) > 1:
        std = pooled_std(pd.DataFrame([a, b]))
    without_number = of_images._replace(rest=0.0)  # of seeds
    if std is None or not difference or chance(difference, 0.0, 1, without_number, compared) < power:
        return None
    few, enough = 1, 2
    while chance(difference, std, enough, of_images, compared) < power:
        few, enough = enough, 2 * enough
        if enough > MOST:
            return None
    while enough - few > 1:
        middle = (few + enough) // 2
        found = chance(difference, std, middle, of_images, compared) >= power
        few, enough = (few, middle) if found else (middle, enough)
    return enough


def images_to_resolve(a: pd.Series, b: pd.Series, compared: int = 2) -> int | None:
    """Test images at which their error alone, of seeds without number, would not hide this difference; None if none."""
    difference = abs(a["top1_mean"] - b["top1_mean"])
    if not difference:
        return None
    of_one_image = error_of(a, b).error ** 2 * a["test_images"]
    errors = normal_limit(compared) + scipy.special.ndtri(POWER)
    return math.ceil(of_one_image * (errors / difference) ** 2)


def detectable(row_std: float, n: int, of_images: OfImages, compared: int = 2) -> float:
    """The smallest true difference in accuracy that two rows of n seeds each, on this test set, mostly show (POWER).

    `row_std` is the standard deviation over seeds. Of single seeds (n = 1) the test set alone decides; they spread too.
    """
    high = max(row_std, of_images.error, TINY)
    while chance(high, row_std, n, of_images, compared) < POWER:
        high *= 2
    found = scipy.optimize.brentq(
        lambda apart: chance(apart, row_std, n, of_images, compared) - POWER, 0, high, xtol=1e-7
    )
    return float(found)


def chance(difference: float, std: float, n: int, of_images: OfImages, compared: int = 2) -> float:
    """Probability that two rows of n seeds with this spread, this far apart, differ."""
    of_seeds, by_images = std * welch_limits(n, compared), normal_limit(compared) * of_images.error
    if of_images.shared:
        alone = normal_limit(compared) * math.hypot(of_images.error, math.sqrt(of_images.rest / n))
        limits = np.maximum(np.hypot(of_seeds, by_images), alone)
    else:
        limits = np.maximum(of_seeds, by_images)
    spread = max(math.hypot(std * math.sqrt(2 / n), of_images.error), TINY)
    return float(scipy.special.ndtr((difference - limits) / spread).mean())


def normal_limit(compared: int) -> float:
    """The difference of two means that is just significant, in standard errors that are known."""
    return studentised.critical(compared, differences.LEVEL) / math.sqrt(2)


@functools.lru_cache(maxsize=256)
def welch_limits(n: int, compared: int = 2) -> np.ndarray:
    """Differences of two means of n seeds that are just significant, in standard deviations of a seed, as equally
    likely sample variances have them; nothing for a single seed."""
    if n == 1:
        return np.zeros(1)
    own = scipy.stats.chi2.ppf(SHARES, n - 1) / (n - 1) / n  # squared standard error of a row's mean
    a, b = (grid.ravel() for grid in np.meshgrid(own, own))
    degrees = (a + b) ** 2 * (n - 1) / (a**2 + b**2)  # n - 1 to twice as many
    if compared == 2:
        return scipy.special.stdtrit(degrees, 1 - differences.LEVEL / 2) * np.sqrt(a + b)
    known = np.linspace(n - 1, 2 * (n - 1), FREEDOMS)
    ranges = studentised.criticals(tuple(known), compared, differences.LEVEL)
    return np.exp(np.interp(degrees, known, np.log(ranges))) / math.sqrt(2) * np.sqrt(a + b)


def error_of(a: pd.Series, b: pd.Series) -> OfImages:
    """That of these two rows: of the images alone, for what pairs of a seed and an image add, more seeds take away."""
    if min(a["n"], b["n"]) > 1 and (by_image := images.difference(a, b)) is not None:
        return OfImages(math.sqrt(by_image.beside_seeds), shared=True, rest=by_image.rest * min(a["n"], b["n"]))
    accuracy = (a["top1_mean"] + b["top1_mean"]) / 2
    return OfImages(math.hypot(*(differences.test_error(row, accuracy) for row in (a, b))))


def typical_error(rows: pd.DataFrame) -> OfImages:
    """The median of those of the most accurate row and another one, of all that are known image by image; where no two
    are, of two rows as accurate as half of them."""
    known = rows[rows[images.COLUMN].notna()] if images.COLUMN in rows else rows.head(0)
    if len(known) > 1:
        place = int(known["top1_mean"].argmax())
        others = (row for other, (_, row) in enumerate(known.iterrows()) if other != place)
        shared = [error for row in others if (error := error_of(known.iloc[place], row)).shared]
        if shared:
            errors, rests = zip(*((each.error, each.rest) for each in shared), strict=True)
            return OfImages(float(np.median(errors)), shared=True, rest=float(np.median(rests)))
    top = rows.iloc[int(rows["top1_mean"].argmax())]
    return OfImages(math.sqrt(2) * differences.test_error(top, float(rows["top1_mean"].median())))


def pooled_std(rows: pd.DataFrame) -> float | None:
    """Standard deviation over seeds, pooled over the rows that have two or more; None if none has."""
    pooled, _ = differences.pooled_spread(rows)
    return None if math.isnan(pooled) else pooled
