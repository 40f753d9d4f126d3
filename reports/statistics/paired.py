"""Methods compared over the networks of a sweep, by paired differences.

In each network (a block) that two treatments have both trained, their seeds are paired: a seed fixes what both begin
with and the order of the images. Of the seeds that both have the differences are taken, where they share none that of
the means; the mean of these is the network's difference. Over B networks their mean has a t interval with B - 1 degrees
of freedom, so three networks are the least.

The interval speaks of networks like these, as if they were drawn at random from all that one might have taken, trained
by this recipe on this one data set: not of other data. How a method fits a network (their interaction) and the spread
over seeds are in the spread of the differences, which are assumed to be independent and about normal. Networks of one
architecture, or that share a teacher, are less independent than that.

A mean difference is never more certain than the test set allows: its standard error is at least that of the images;
the larger p and the wider interval count. Where the mistakes of all rows are known it is that of the mean over the
networks image by image. Else it is taken as drawn anew for each row, as in `differences`: what a method gains on the
same images in every network does not average out as that supposes.

The intervals are those of single comparisons. `p_adjusted` and `resolved` hold for all of them together (Holm, 1979):
if no treatment differs, one or more is called different in at most LEVEL of all reports.
"""

import dataclasses
import itertools
import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
import scipy.stats

from cheapconv.reports.statistics import blocks, differences
from cheapconv.reports.statistics.blocks import Blocks, Network, Treatment

LEAST = 3  # networks


@dataclasses.dataclass(frozen=True)
class Comparison:
    """A treatment minus training alone, as fractions of the test set.

    `differences` are those of `networks`. With fewer than LEAST of them there is neither an interval nor a p: NaN.
    `d_z` is Cohen's effect size of paired differences: their mean over their standard deviation.
    """

    treatment: Treatment
    networks: tuple[Network, ...]
    differences: tuple[float, ...]
    low: float = math.nan
    high: float = math.nan
    p: float = math.nan
    test: str = ""  # which gave that p
    d_z: float = math.nan
    p_adjusted: float = math.nan
    resolved: bool = False

    @property
    def mean(self) -> float:
        """Over the networks, each counted once."""
        return sum(self.differences) / len(self.differences)

    @property
    def wins(self) -> int:
        """Networks in which the treatment has the higher score."""
        return sum(difference > 0 for difference in self.differences)

    @property
    def wins_text(self) -> str:
        """`better in 7 of 9 networks`."""
        return f"better in {self.wins} of {len(self.networks)} network{'' if len(self.networks) == 1 else 's'}"

    @property
    def effect_text(self) -> str:
        """`d_z = 1.3`."""
        return f"d_z = {self.d_z:.2g}"


def against_baseline(cells: pd.DataFrame) -> list[Comparison]:
    """Every treatment against training alone in the same networks, p adjusted over all of these comparisons.

    Of several baselines of a network the plain one is taken, as `gap` takes it, and the others are treatments like any;
    a method of another recipe is set beside those of its own.
    """
    return against_alone(blocks.read(cells))


def against_alone(table: Blocks) -> list[Comparison]:
    """`against_baseline` of cells that are read."""
    return adjusted([compare(table, place, table.alone[:, place]) for place in range(len(table.treatments))])


def compare(table: Blocks, place: int, others: np.ndarray) -> Comparison:
    """The treatment at `place` minus the one at `others` in each network, -1 for none; p of this alone."""
    rows = np.arange(len(table.networks))
    a, b = table.top1[:, place], table.top1[rows, others]  # (networks, seeds)
    means = blocks.mean_of_known(a), blocks.mean_of_known(b)
    of_seeds = blocks.mean_of_known(a - b)
    found = np.where(np.isnan(of_seeds), means[0] - means[1], of_seeds)
    own = np.full_like(others, place)
    errors = [table.test_errors(row, (means[0] + means[1]) / 2) for row in (own, others)]
    met = (others >= 0) & (others != place) & ~np.isnan(found)
    networks = tuple(itertools.compress(table.networks, met))
    compared = Comparison(table.treatments[place], networks, tuple(found[met].tolist()))
    if len(networks) < LEAST:
        return compared
    shared, apart = table.image_error(own, others, met), math.sqrt((np.hypot(*errors)[met] ** 2).sum()) / len(networks)
    return tested(compared, apart if shared is None else shared)


def tested(compared: Comparison, error_of_images: float) -> Comparison:
    """With its interval, p and effect; the test set gives its mean that error."""
    count, found = len(compared.networks), np.array(compared.differences)
    mean, std, probability = compared.mean, float(found.std(ddof=1)), 1 - differences.LEVEL / 2
    tests = []
    for name, error, degrees in (
        ("by the paired t test over networks", std / math.sqrt(count), count - 1),
        ("by the test set's own error", error_of_images, math.inf),
    ):
        p = float(2 * scipy.stats.t.sf(differences.quotient(abs(mean), error), degrees))
        tests.append((p, float(scipy.stats.t.ppf(probability, degrees) * error), name))
    p, _, test = max(tests)
    half = max(half for _, half, _ in tests)
    d_z = math.copysign(differences.quotient(abs(mean), std), mean)
    return dataclasses.replace(compared, low=mean - half, high=mean + half, p=p, test=test, d_z=d_z)


def adjusted(found: Sequence[Comparison]) -> list[Comparison]:
    """Those that have a network, with the p that Holm's method gives each among all that have a p."""
    p = [compared.p for compared in found if not math.isnan(compared.p)]
    by_holm = iter(differences.holm(p))
    of_all = (math.nan if math.isnan(compared.p) else next(by_holm) for compared in found)
    return [
        dataclasses.replace(compared, p_adjusted=p, resolved=p <= differences.LEVEL)
        for compared, p in zip(found, of_all, strict=True)
        if compared.networks
    ]
