"""Which rows differ, against scipy's own tests and numbers worked out by hand."""

import statistics
from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from statsmodels.stats.multitest import multipletests

from cheapconv.reports.statistics import differences

MANY = 10**9  # test images, whose own error is then nothing


def row(*top1: float, images: int = MANY) -> pd.Series:
    """A row of these seeds."""
    std = statistics.stdev(top1) if len(top1) > 1 else float("nan")
    return pd.Series({"top1_mean": statistics.mean(top1), "top1_std": std, "n": len(top1), "test_images": images})


def rows(*of_seeds: Sequence[float], images: int = MANY) -> pd.DataFrame:
    return pd.DataFrame([row(*seeds, images=images) for seeds in of_seeds])


def places(frame: pd.DataFrame) -> list[tuple[int, int]]:
    return [(int(first), int(last)) for first, last in differences.places(frame).to_numpy()]


@pytest.mark.parametrize("count", [1, 2, 7, 40])
def test_holm_is_that_of_statsmodels(count: int) -> None:
    """Ties, ones and zeros among them."""
    p = [*np.random.default_rng(count).uniform(size=count).round(1)]
    assert differences.holm(p) == pytest.approx(multipletests(p, method="holm")[1])
    assert differences.holm([]) == []
    assert differences.holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])


def test_binomial_error() -> None:
    assert differences.binomial_error(0.9, 10_000) == pytest.approx(0.003)


def test_two_rows_are_compared_by_welch() -> None:
    a, b = (0.91, 0.92, 0.94), (0.90, 0.87)
    welch = scipy.stats.ttest_ind(a, b, equal_var=False)
    p, test = differences.p_value(row(*a), row(*b))
    assert p == pytest.approx(welch.pvalue)
    assert "Welch" in test
    assert differences.freedom(row(*a), row(*b)) == pytest.approx(welch.df)


@pytest.mark.parametrize(
    "degrees", [2.0, float.fromhex("0x1.38612b6dd804ap+1"), float.fromhex("0x1.6b03f2e5d74dap+1"), 60.0]
)
def test_p_over_seeds_and_images_is_that_of_the_half_width(degrees: float) -> None:
    """At any degrees of freedom, though scipy's quantile of t at p = exp(-690) is NaN at the second and the third."""
    errors = differences.Errors(1e-5, degrees, 1e-5, "over seeds and images")
    found = [errors.p_value(difference) for difference in (0.001, 0.01, 0.02)]
    assert [errors.half_width(p) for p in found] == pytest.approx([0.001, 0.01, 0.02], rel=1e-6)
    assert found == sorted(found, reverse=True)


def test_quantiles_of_t_are_right_as_far_as_p_is_asked_for() -> None:
    degrees = np.random.default_rng(0).uniform(1, 60, 20_000)
    furthest = scipy.stats.t.isf(np.exp(differences.LOWEST) / 2, degrees)
    assert np.log(2 * scipy.stats.t.sf(furthest, degrees)) == pytest.approx(differences.LOWEST, abs=1e-6)


def test_several_rows_are_compared_by_games_and_howell() -> None:
    # p of scipy.stats.tukey_hsd(*seeds, equal_var=False), scipy 1.17
    seeds = [(0.91, 0.92, 0.94), (0.90, 0.87, 0.88), (0.85, 0.80, 0.83)]
    first, *others = [row(*of_row) for of_row in seeds]
    assert [differences.p_value(first, other, 3)[0] for other in others] == pytest.approx(
        [0.06878991, 0.01727585], rel=1e-4
    )
    assert [differences.differ(first, other, 3) for other in others] == [False, True]


@pytest.mark.parametrize("compared", [2, 3, 12, 40])
def test_whether_rows_differ_is_whether_their_p_value_is_small(compared: int) -> None:
    one = row(0.900, 0.902, 0.904, images=10_000)
    for top1 in (0.9, 0.91, 0.915, 0.92, 0.93, 0.95):
        other = row(top1, top1 + 0.002, top1 + 0.003, images=10_000)
        small = differences.p_value(one, other, compared)[0] <= differences.LEVEL
        assert differences.differ(one, other, compared) == small


def test_a_difference_below_the_error_of_the_test_set_is_none() -> None:
    """Seeds agree to a hundredth of a point, which 10,000 images cannot resolve."""
    assert differences.differ(row(0.9000, 0.9001), row(0.9050, 0.9051))
    assert not differences.differ(row(0.9000, 0.9001, images=10_000), row(0.9050, 0.9051, images=10_000))
    assert differences.differ(row(0.9000, 0.9001, images=10_000), row(0.9150, 0.9151, images=10_000))


def test_a_difference_below_the_spread_over_seeds_is_none() -> None:
    assert not differences.differ(row(0.86, 0.94), row(0.91, 0.97))


@pytest.mark.parametrize(("top1", "differs"), [(0.913, True), (0.907, False)])
def test_of_a_single_run_the_test_set_alone_decides(top1: float, differs: bool) -> None:
    # 1.96 errors of a difference at 90 % are 0.83 points.
    assert differences.differ(row(top1, images=10_000), row(0.9, images=10_000)) == differs
    assert differences.differ(row(top1, images=10_000), row(0.90001, 0.89999, images=10_000)) == differs


@pytest.mark.parametrize(("a", "b"), [((0.9, 0.9), (0.9, 0.9)), ((1.0,), (1.0,)), ((0.0, 0.0), (0.0,))])
def test_equal_rows_do_not_differ(a: Sequence[float], b: Sequence[float]) -> None:
    assert not differences.differ(row(*a), row(*b))


def test_seeds_that_agree_exactly_differ_from_others_by_the_test_set_alone() -> None:
    assert differences.differ(row(0.9, 0.9), row(0.8, 0.8))
    assert not differences.differ(row(0.900, 0.900, images=100), row(0.899, 0.899, images=100))


def test_the_best_of_many_is_not_better_by_chance() -> None:
    """One point apart at 90 % of 10,000 images is 2.4 errors: enough for two rows, too little for the best of ten."""
    best, other = (0.91,), (0.90,)
    assert list(differences.not_worse(rows(best, other, images=10_000))) == [0]
    assert list(differences.not_worse(rows(*[other] * 9, best, images=10_000))) == list(range(10))


def test_rows_that_do_not_differ_share_their_places_group_by_group() -> None:
    frame = rows((0.70,), (0.902,), (0.805,), (0.90,), (0.80,), images=10_000)
    assert places(frame) == [(5, 5), (1, 2), (3, 4), (1, 2), (3, 4)]


def test_a_wide_row_may_be_the_best_below_one_that_is_not() -> None:
    frame = rows((0.900, 0.901, 0.902), (0.86, 0.80, 0.91), (0.890, 0.891, 0.892))
    assert places(frame) == [(1, 2), (1, 2), (3, 3)]


def test_no_rows_have_no_places() -> None:
    assert places(rows((0.9,)).iloc[:0]) == []
