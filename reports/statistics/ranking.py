"""Mean ranks of treatments over networks: Friedman's test, and Nemenyi's critical difference (Demsar, 2006).

In each network the treatments are ranked by their mean score, 1 the best, ties averaged. Two of k treatments differ
where their mean ranks over N networks are at least CD = (q / sqrt(2)) sqrt(k (k + 1) / (6 N)) apart, q being what the
range of k standard normal variables exceeds with a probability of LEVEL, and only where Friedman's test finds a
difference at all. Ranks ask in how many networks one is ahead, not by how much, and know nothing of the test set's
error.

p of Friedman's statistic is that of permutations within the networks, all of them or 9,999 at random: by its
chi-squared distribution, which is for many networks, three treatments in four networks would differ in 7 % of all
reports where none does.
"""

import dataclasses
import math

import numpy as np
import pandas as pd
import scipy.stats

from cheapconv.reports.statistics import blocks, differences, studentised
from cheapconv.reports.statistics.blocks import Blocks, Network, Treatment

LEAST = 3  # networks
PERMUTATIONS = 9999


@dataclasses.dataclass(frozen=True)
class Ranking:
    """Treatments from the best mean rank to the worst. `groups` are the largest sets, of two or more neighbours, within
    which no two are distinguishable; they may overlap."""

    treatments: tuple[Treatment, ...]
    mean_ranks: tuple[float, ...]
    networks: tuple[Network, ...]
    critical_difference: float
    p: float
    groups: tuple[tuple[Treatment, ...], ...]

    @property
    def resolved(self) -> bool:
        """Whether any two treatments are distinguishable."""
        return self.groups != (self.treatments,)


def rank(cells: pd.DataFrame) -> Ranking | None:
    """The ranking over a complete part of `collect.frame`; None below two treatments or LEAST networks."""
    return rank_blocks(blocks.read(cells))


def rank_blocks(table: Blocks, permutations: int = PERMUTATIONS) -> Ranking | None:
    """`rank` of cells that are read."""
    part = complete(~np.isnan(table.scores))
    if part is None:
        return None
    networks, treatments = part
    ranks = scipy.stats.rankdata(-table.scores[np.ix_(networks, treatments)], axis=1)  # (networks, treatments)
    means, limit = ranks.mean(axis=0), critical_difference(len(treatments), len(networks))
    order, p = np.argsort(means, kind="stable"), friedman_p(ranks, permutations)
    named = tuple(table.treatments[treatments[place]] for place in order)
    spans = groups(means[order], limit) if p <= differences.LEVEL else [(0, len(named))]
    return Ranking(
        named,
        tuple(means[order].tolist()),
        tuple(table.networks[place] for place in networks),
        limit,
        p,
        tuple(named[first:end] for first, end in spans),
    )


def complete(known: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Networks and treatments of a large part of a (networks, treatments) table that has no hole.

    Treatments join one by one, always the one that leaves the most networks without a hole, of equals the first. Of the
    parts on this way with at least two treatments and LEAST networks the one of most cells is taken, of equals that of
    more networks. Deterministic, and mostly, not always, the largest there is.
    """
    joined: list[int] = []
    parts: list[tuple[np.ndarray, np.ndarray]] = []
    whole = np.full(len(known), True)
    while len(joined) < known.shape[1]:
        left = (known & whole[:, None]).sum(axis=0)
        left[joined] = -1
        joined = [*joined, int(left.argmax())]
        whole = whole & known[:, joined[-1]]
        if len(joined) > 1 and whole.sum() >= LEAST:
            parts.append((np.flatnonzero(whole), np.sort(joined)))
    return max(parts, key=lambda part: (len(part[0]) * len(part[1]), len(part[0])), default=None)


def critical_difference(treatments: int, networks: int) -> float:
    """Nemenyi's, of mean ranks."""
    q = studentised.critical(treatments, differences.LEVEL)
    return q / math.sqrt(2) * math.sqrt(treatments * (treatments + 1) / (6 * networks))


def friedman_p(ranks: np.ndarray, permutations: int = PERMUTATIONS) -> float:
    """P of ranks (networks, treatments) whose means are as far apart, if no treatment differs."""

    def spread(*of_treatments: np.ndarray, axis: int) -> np.ndarray:
        """Grows with Friedman's statistic, whose other terms no permutation within a network changes."""
        return np.var([own.mean(axis=axis) for own in of_treatments], axis=0)

    test = scipy.stats.permutation_test(
        tuple(ranks.T),
        spread,
        permutation_type="samples",
        vectorized=True,
        n_resamples=permutations,
        alternative="greater",
        rng=np.random.default_rng(0),
    )
    return float(test.pvalue)


def groups(means: np.ndarray, limit: float) -> list[tuple[int, int]]:
    """First and end of the largest runs of ascending mean ranks that are less than `limit` apart."""
    ends = [int(np.searchsorted(means, mean + limit)) for mean in means]
    longest = [(first, end) for first, end in enumerate(ends) if first == 0 or end > ends[first - 1]]
    return [(first, end) for first, end in longest if end - first > 1]
