"""How far rows have moved: against scipy's own test, Holm by hand, and chance."""

import numpy as np
import pandas as pd
import pytest
import scipy.stats

from cheapconv.reports.statistics import differences
from cheapconv.reports.statistics.shifts import shifts

MANY = 10**9  # test images, whose own error is then nothing


def row(*top1: float, images: int = MANY) -> pd.Series:
    """A row of these seeds."""
    std = float(np.std(top1, ddof=1)) if len(top1) > 1 else float("nan")
    return pd.Series({"top1_mean": np.mean(top1), "top1_std": std, "n": len(top1), "test_images": images})


def test_interval_and_p_are_welchs_where_the_seeds_are_wider() -> None:
    a, b = (0.91, 0.92, 0.94), (0.90, 0.87)
    [found] = shifts([(row(*a), row(*b))])
    welch = scipy.stats.ttest_ind(b, a, equal_var=False)
    assert found.p == pytest.approx(welch.pvalue)
    assert (found.low, found.high) == pytest.approx(tuple(welch.confidence_interval(0.95)))


def test_the_p_values_of_all_tested_rows_are_corrected_together() -> None:
    """p of z = 2.5, 2.0 and 0.1: Holm multiplies them by 3, 2 and 1."""
    pairs = [(row(0.5, images=10_000), row(0.5 + z * 0.005 * 2**0.5, images=10_000)) for z in (2.5, 2.0, 0.1)]
    found = shifts(pairs)
    raw = [each.p for each in found]
    assert raw == pytest.approx([0.0124, 0.0455, 0.9203], rel=0.02)  # the pooled share moves the error a little
    assert [each.p_holm for each in found] == pytest.approx([3 * raw[0], 2 * raw[1], raw[2]])
    assert [each.is_significant for each in found] == [True, False, False]


def test_noise_is_called_noise() -> None:
    """400 pairs of stores of equal truth, 20 rows of three seeds, of which the test set tells nothing.

    Holm calls none of 20 rows whose smallest p is above LEVEL / 20; those with one below twice that are looked at.
    """
    random = np.random.default_rng(7)
    spread = random.uniform(0.001, 0.006, (400, 20, 1))
    before, after = (0.9 + spread * random.normal(size=(400, 20, 3)) for _ in range(2))
    p = scipy.stats.ttest_ind(before, after, axis=2, equal_var=False).pvalue
    assert (p <= differences.LEVEL).any(axis=1).sum() > 0.3 * 400  # which are called without him
    tempting = np.flatnonzero((p <= 2 * differences.LEVEL / 20).any(axis=1))
    called = 0
    for one in tempting:
        found = shifts([(row(*a), row(*b)) for a, b in zip(before[one], after[one], strict=True)])
        assert [each.p for each in found] == pytest.approx(list(p[one]))
        called += any(each.is_significant for each in found)
    assert 0 < called <= 0.05 * 400
