"""Gap recovered: how much of the accuracy that a cheap conv costs a method wins back.

gap recovered = (method - baseline) / (standard - baseline), where baseline trains the same network alone and standard
is the uncompressed network trained alone. The quotient of a small gap is noise, so it is given only where standard and
baseline differ as `differences` says. Its interval is Fieller's (1954) for a quotient of two means: with the variances
over seeds and images together where the mistakes of all three are known, else once with either error, and the wider
bounds count.

The baseline was trained by the row's own recipe, and so was the standard network if there is such a one.

All three are deployed alike: of a row in int8, baseline and standard network are those in int8 by the same runtime, so
that what quantisation costs all of them is not taken for the method's.
"""

import dataclasses
import math
import re
from collections.abc import Hashable, Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd
import scipy.stats

from cheapconv.reports.statistics import differences, images
from cheapconv.reports.statistics.images import ByImage


@dataclasses.dataclass(frozen=True)
class Gap:
    """The recovered share of the gap and its 95 % interval, NaN where they cannot be given.

    `note` says why, or what was compared.
    """

    recovered: float = math.nan
    low: float = math.nan
    high: float = math.nan
    note: str = ""


def add_gaps(rows: pd.DataFrame) -> pd.DataFrame:
    """`rows` of `stats.summarise` with the columns `gap_recovered`, `gap_low`, `gap_high` and `gap_note`."""
    compared = rows[rows["is_baseline"] | rows["of_reference"]]  # what a row may be set beside
    gaps = [dataclasses.asdict(gap_recovered(row, compared)) for _, row in rows.iterrows()]
    return rows.join(pd.DataFrame(gaps, index=rows.index).add_prefix("gap_"))


def gap_recovered(row: pd.Series, rows: pd.DataFrame) -> Gap:
    """The gap of a row to the standard network, against the baseline of its own network; both are in `rows`."""
    if row["is_baseline"] or row["changed"]:
        return Gap()
    own = rows[rows["deployed"] == row["deployed"]]
    form = f" in {row['deployed']}" if row["deployed"] else ""
    baseline = preferred(baselines_of(row, own))
    references = own[own["of_reference"]]
    of_family, note = references[references["architecture"] == row["architecture"]], ""
    standard = preferred(by_recipe(of_family, row["variant"]))
    if standard is None and (standard := preferred(of_family)) is not None:
        note = "the standard network was trained by another recipe"
    elif standard is None and len(only := _of_recipe_or_any(references, row["variant"])) == 1:
        standard = only.iloc[0]
        note = f"gap to {standard['architecture']} {standard['conv']}, the only standard network of the sweep"
    if form:
        note = "; ".join(filter(None, (note, f"gap between networks that are all{form}")))
    if baseline is None or standard is None:
        missing = "baseline of this conv and recipe" if baseline is None else "standard network to compare with"
        return Gap(note=f"no gap: the sweep has no {missing}{form}")
    compared = (row, baseline, standard)
    if not all(one["complete"] for one in compared):
        return Gap(note="no gap yet: seeds of this row, its baseline or the standard network are still missing")
    if not all(one["comparable"] for one in compared):
        return Gap(note="no gap: the accuracy of this row, its baseline or the standard network means nothing")
    gap = standard["top1_mean"] - baseline["top1_mean"]
    if gap <= 0 or not differences.differ(baseline, standard):
        p, test = differences.p_value(baseline, standard)
        return Gap(note=f"no gap: standard minus baseline is {100 * gap:.2f} points (p = {p:.2g} {test})")
    if min(one["n"] for one in compared) == 1:
        single = "a single run has no spread over seeds: that of the other rows, pooled, stands in for it"
        if any(math.isnan(differences.spread(one)) for one in compared):
            error = f"the test set's {differences.error_name(row)} alone"
            single = f"a single run has no spread over seeds: the interval is that of {error}"
        note = "; ".join(filter(None, (note, single)))
    return Gap((row["top1_mean"] - baseline["top1_mean"]) / gap, *interval(row, baseline, standard), note)


class Spread(NamedTuple):
    """Variances of a gain and of the gap that it is a share of, and their covariance, by the baseline of both."""

    of_gain: float
    of_gap: float
    both: float

    @classmethod
    def apart(cls, row: float, baseline: float, standard: float) -> "Spread":
        """Of three means whose errors have nothing to do with one another."""
        return cls(row + baseline, standard + baseline, baseline)


def interval(row: pd.Series, baseline: pd.Series, standard: pd.Series) -> tuple[float, float]:
    """95 % interval of (row - baseline) / (standard - baseline)."""
    compared, probability = (row, baseline, standard), 1 - differences.LEVEL / 2
    gain, gap = (one["top1_mean"] - baseline["top1_mean"] for one in (row, standard))
    normal, of_seeds = float(scipy.stats.norm.ppf(probability)), [differences.variance(one) for one in compared]
    several = min(one["n"] for one in compared) > 1
    by_image = [images.difference(one, baseline) if several else None for one in (row, standard)]
    if by_image[0] is not None and by_image[1] is not None:
        quantile = float(scipy.stats.t.ppf(probability, differences.freedom(baseline, standard)))
        whole, spread = image_by_image(by_image[0], by_image[1], baseline)
        seeds, weight = Spread.apart(*of_seeds), (normal / quantile) ** 2  # either error with its own quantile
        both = Spread(*(a + weight * b for a, b in zip(seeds, spread, strict=True)))
        return wider(fieller(gain, gap, whole, normal), fieller(gain, gap, both, quantile))
    pooled = (baseline["top1_mean"] + standard["top1_mean"]) / 2  # as in the test of the gap
    accuracies = (row["top1_mean"], pooled, pooled)
    of_images = [differences.test_error(one, p) ** 2 for p, one in zip(accuracies, compared, strict=True)]
    bounds = [fieller(gain, gap, Spread.apart(*of_images), normal)]
    if not any(map(math.isnan, of_seeds)):
        quantile = scipy.stats.t.ppf(probability, differences.freedom(baseline, standard))
        bounds.append(fieller(gain, gap, Spread.apart(*of_seeds), quantile))
    return wider(*bounds)


def wider(*bounds: tuple[float, float]) -> tuple[float, float]:
    """The outermost of them."""
    lows, highs = zip(*bounds, strict=True)
    return min(lows), max(highs)


def image_by_image(gain: ByImage, gap: ByImage, baseline: pd.Series) -> tuple[Spread, Spread]:
    """Over the images; and without what is in the variances over the seeds too."""
    covariance = float(np.cov(gain.right, gap.right)[0, 1]) / len(gain.right)
    beside_seeds = Spread(gain.beside_seeds, gap.beside_seeds, covariance - baseline[images.COLUMN].rest)
    return Spread(gain.variance, gap.variance, covariance), beside_seeds


def fieller(gain: float, gap: float, spread: Spread, quantile: float) -> tuple[float, float]:
    """Fieller's interval of gain / gap."""
    of_gain, of_gap, shared = spread
    square = (quantile / gap) ** 2
    if square * of_gap >= 1:  # the gap itself may be none
        return -math.inf, math.inf
    share = gain / gap
    inner = of_gain - 2 * share * shared + share**2 * of_gap - square * (of_gain * of_gap - shared**2)
    half = math.sqrt(square * max(inner, 0.0))
    centre = share - square * shared
    return (centre - half) / (1 - square * of_gap), (centre + half) / (1 - square * of_gap)


def with_alone(chosen: pd.DataFrame, rows: pd.DataFrame) -> Iterator[tuple[pd.Series, pd.Series]]:
    """Each of the chosen that is no baseline, with its network trained alone by the same recipe, most plainly."""
    for _, row in chosen[~chosen["is_baseline"].astype(bool)].iterrows():
        if (alone := preferred(baselines_of(row, rows))) is not None:
            yield row, alone


def baselines_of(row: pd.Series, rows: pd.DataFrame) -> pd.DataFrame:
    """Those of the rows that train its network alone by its recipe."""
    own = (rows["architecture"] == row["architecture"]) & (rows["conv"] == row["conv"])
    return by_recipe(rows[own & rows["is_baseline"].astype(bool)], row["variant"])


def by_recipe(rows: pd.DataFrame, variant: str) -> pd.DataFrame:
    """Those that were trained by the recipe of a variant."""
    return rows[rows["variant"].map(of_recipe) == of_recipe(variant)]


def _of_recipe_or_any(rows: pd.DataFrame, variant: str) -> pd.DataFrame:
    """Those that were trained by the recipe of a variant; all, where none was."""
    same = by_recipe(rows, variant)
    return same if len(same) else rows


def of_recipe(variant: str) -> str:
    """`lr=0.05` of `lr=0.05, teacher=WRN-16-2 S`: what a variant says of the recipe (reports/rows/variants.py)."""
    return re.sub(r"(^|, )(teacher=.*|no teacher)$", "", variant)


def preferred(rows: pd.DataFrame) -> pd.Series | None:
    """Of several baselines the one with default settings under the sweep's own recipe, else the plan's first."""
    if rows.empty:
        return None
    rows = rows.sort_values("place")
    return rows.iloc[int(plainness(rows).argmax())]


def alone(rows: pd.DataFrame) -> set[Hashable]:
    """Labels of what each network is set beside: among its comparable rows as trained, the preferred baseline."""
    baselines = rows[rows["is_baseline"].astype(bool) & rows["comparable"] & (rows["deployed"] == "")]
    chosen = (preferred(own) for _, own in baselines.groupby(["architecture", "conv"], sort=False))
    return {row.name for row in chosen if row is not None}


def plainness(baselines: pd.DataFrame) -> pd.Series:
    """How plainly each is trained: 2 with default settings under the sweep's own recipe, less with either missing."""
    return baselines["is_plain"].astype(int) + (baselines["variant"] == "").astype(int)
