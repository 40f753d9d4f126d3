"""Which rows differ, against scipy's own tests and numbers worked out by hand."""

import statistics
from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from statsmodels.stats.multitest import multipletests

from cheapconv.reports.statistics import differences
from tests.reports import simulated

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


def test_rows_that_do_not_differ_share_their_places() -> None:
    frame = rows((0.70,), (0.902,), (0.805,), (0.90,), (0.80,), images=10_000)
    assert places(frame) == [(5, 5), (1, 2), (3, 4), (1, 2), (3, 4)]


def test_places_are_those_that_rows_behind_and_before_leave() -> None:
    """Two points apart at 90 % of 10,000 images is told from the best of four, one point is not."""
    assert places(rows((0.92,), (0.91,), (0.90,), (0.89,), images=10_000)) == [(1, 2), (1, 3), (2, 4), (3, 4)]
    assert places(rows((0.92,), (0.90,), images=10_000)) == [(1, 1), (2, 2)]


def test_a_row_that_scatters_may_have_any_place() -> None:
    frame = rows((0.900, 0.901, 0.902), (0.86, 0.80, 0.91), (0.890, 0.891, 0.892))
    assert places(frame) == [(1, 2), (1, 3), (2, 3)]


def test_the_spread_of_the_others_stands_in_for_that_of_a_single_run() -> None:
    """Variances 1, 4 and 9 of 3, 3 and 2 seeds: (2 * 1 + 2 * 4 + 1 * 9) / 5. Rows that mean nothing and those in int8
    have no part in it."""
    frame = rows((0.9,), (0.91, 0.9, 0.89), (0.92, 0.9, 0.88), (0.9, 0.9 + 0.03 * 2**0.5), (0.1, 0.9), (0.2, 0.8))
    frame = frame.assign(comparable=[True] * 4 + [False, True], deployed=[""] * 5 + ["int8"])
    found = differences.stand_in(frame)
    assert found[differences.SPREAD].tolist() == pytest.approx([0.01 * 3.8**0.5] + [float("nan")] * 5, nan_ok=True)
    single, other = (row for _, row in frame.join(found).iloc[:2].iterrows())
    assert differences.freedom(single, other) == pytest.approx((3.8 + 1 / 3) ** 2 / (3.8**2 / 5 + (1 / 3) ** 2 / 2))
    half = scipy.stats.t.ppf(0.975, 5) * 0.01 * 3.8**0.5
    assert differences.interval(single) == pytest.approx((0.9 - half, 0.9 + half))
    alone = differences.stand_in(frame[frame["n"] == 1])
    assert alone[differences.SPREAD].isna().all()


def test_two_single_runs_have_one_estimate_of_their_spread_between_them() -> None:
    """One of two degrees of freedom: t is 4.303, and not 2.776 of four."""
    frame = rows((0.9,), (0.95,), (0.91, 0.9, 0.89)).assign(comparable=True, deployed="")
    frame = frame.join(differences.stand_in(frame))
    a, b, _ = (row for _, row in frame.iterrows())
    assert differences.freedom(a, b) == 2
    assert differences.half_width(a, b) == pytest.approx(scipy.stats.t.ppf(0.975, 2) * 0.01 * 2**0.5)
    assert differences.worse(frame.iloc[:2]).tolist() == [differences.differ(a, b), False]


def test_a_single_run_is_told_from_others_by_that_spread() -> None:
    """Of 10^9 images the error is nothing, and a third of a point apart was everything."""
    frame = rows((0.91,), (0.90, 0.91, 0.905), (0.90, 0.905, 0.90)).assign(comparable=True, deployed="")
    assert differences.worse(frame).tolist() == [False, True, True]
    frame = frame.join(differences.stand_in(frame))
    assert differences.worse(frame).tolist() == [False, False, False]
    first, *others = (row for _, row in frame.iterrows())
    assert [differences.differ(first, other, 3) for other in others] == [False, False]
    assert "Welch" in differences.p_value(first, others[0], 3)[1]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("count", "seeds", "limit"), [(10, 2, 0.14), (20, 2, 0.33), (60, 2, 0.78), (20, 3, 0.2), (60, 3, 0.5), (20, 5, 0.1)]
)
def test_ties_are_parted_as_often_as_is_said(count: int, seeds: int, limit: float) -> None:
    """Of equal rows on a test set without error: what `differences` and ADR 29 say of ranks."""
    top1 = np.random.default_rng(count).normal(simulated.ACCURACY, 0.001, (400, count, seeds))
    parted = np.mean([differences.worse_of_all(simulated.rows(scores, MANY)).any() for scores in top1])
    assert parted <= simulated.at_most(limit, 400)


def test_every_true_rank_is_among_those_of_its_row_in_most_reports() -> None:
    """Eight rows, each two thirds of a point better than the one before, of three seeds that spread by 0.4 points."""
    true, random = simulated.ACCURACY + 0.0066 * np.arange(8), np.random.default_rng(0)
    missed = 0
    for _ in range(200):
        top1 = true[:, None] + random.normal(0, 0.004, (8, 3))
        found = differences.places(simulated.rows(top1, MANY)).to_numpy()
        ranks = 8 - np.arange(8)
        missed += not ((found[:, 0] <= ranks) & (ranks <= found[:, 1])).all()
    assert missed / 200 <= simulated.at_most(differences.LEVEL, 200)


def test_no_rows_have_no_places() -> None:
    assert places(rows((0.9,)).iloc[:0]) == []
