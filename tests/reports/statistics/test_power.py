"""Seeds, images and differences that can be resolved: against statsmodels, formulas, and simulated pairs of rows."""

import math

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from statsmodels.stats.power import TTestIndPower

from cheapconv.reports.statistics import differences, power
from tests.reports import simulated

MANY = 10**12  # test images, whose own error is then nothing
NONE = power.OfImages(0.0)


def row(mean: float, std: float = 0.01, n: int = 3, images: float = MANY, **more: float) -> pd.Series:
    return pd.Series({"top1_mean": mean, "top1_std": std, "n": n, "test_images": images, **more})


def drawn_anew(images: float, accuracy: float) -> power.OfImages:
    """The error of two samples of so many images."""
    return power.OfImages(math.sqrt(2) * differences.binomial_error(accuracy, images))


@pytest.mark.parametrize(("n", "above"), [(10, 0.005), (20, 0.002), (100, 0.001)])
def test_of_many_seeds_the_power_is_that_of_the_t_test(n: int, above: float) -> None:
    effect = TTestIndPower().solve_power(nobs1=n, alpha=differences.LEVEL, power=0.8)
    assert power.chance(effect, 1.0, n, NONE) == pytest.approx(0.8 - above / 2, abs=above / 2 + 0.002)


@pytest.mark.parametrize("effect", [0.3, 0.5, 1.0, 1.5])
def test_seeds_are_those_of_the_t_test_or_one_more(effect: float) -> None:
    found = power.seeds_to_resolve(row(0.5), row(0.5 + 0.01 * effect))
    asked = TTestIndPower().solve_power(effect_size=effect, alpha=differences.LEVEL, power=0.8)
    assert found is not None
    assert 0 <= found - math.ceil(asked) <= 1


@pytest.mark.parametrize("effect", [0.6, 2.0, 4.0, 12.0])
def test_they_are_the_fewest_that_have_the_power(effect: float) -> None:
    found = power.seeds_to_resolve(row(0.5), row(0.5 + 0.01 * effect), power=0.9)
    assert found is not None
    assert power.chance(0.01 * effect, 0.01, found, NONE) >= 0.9
    assert found == 2 or power.chance(0.01 * effect, 0.01, found - 1, NONE) < 0.9


def test_stds_of_both_rows_are_pooled() -> None:
    assert power.pooled_std(pd.DataFrame([row(0.9, 0.01, n=3), row(0.8, 0.03, n=2)])) == pytest.approx(
        math.sqrt((2 * 0.01**2 + 0.03**2) / 3)
    )
    assert power.pooled_std(pd.DataFrame([row(0.9, math.nan, n=1)])) is None
    one, other = row(0.50, 0.002), row(0.51, math.sqrt(2 * 0.01**2 - 0.002**2))
    assert power.seeds_to_resolve(one, other) == power.seeds_to_resolve(row(0.50), row(0.51)) == 17


def test_a_single_seed_has_the_spread_of_the_sweep() -> None:
    single = row(0.51, math.nan, n=1)
    assert power.seeds_to_resolve(row(0.50), single) is None
    assert power.seeds_to_resolve(row(0.50), single, sweep_std=0.01) == 17


def test_images_that_hide_a_difference_are_counted() -> None:
    """Half a point at 90 %: (1.960 + 0.842)^2 * 2 * 0.9 * 0.1 / 0.005^2 = 56,512 images."""
    a, b = (row(mean, 0.001, images=10_000) for mean in (0.8975, 0.9025))
    assert power.seeds_to_resolve(a, b) is None
    needed = power.images_to_resolve(a, b)
    assert needed == math.ceil(7.84888 * 2 * 0.09 / 0.005**2)
    assert power.seeds_to_resolve(row(0.8975, 0.001, images=needed), row(0.9025, 0.001, images=needed)) is not None
    fewer = int(0.99 * needed)
    assert power.seeds_to_resolve(row(0.8975, 0.001, images=fewer), row(0.9025, 0.001, images=fewer)) is None


def test_an_error_that_was_counted_shrinks_with_the_root_of_the_images() -> None:
    a, b = (row(mean, images=100, top1_error_mean=0.01) for mean in (0.600, 0.605))
    assert power.images_to_resolve(a, b) == math.ceil(7.84888 * 2 * 0.01**2 * 100 / 0.005**2)


def test_no_difference_is_never_resolved() -> None:
    assert power.seeds_to_resolve(row(0.9), row(0.9)) is None
    assert power.images_to_resolve(row(0.9), row(0.9)) is None


def test_rows_without_spread_are_told_apart_by_two_seeds() -> None:
    assert power.seeds_to_resolve(row(0.9, 0.0), row(0.8, 0.0)) == 2


def test_the_smallest_difference_of_single_seeds_without_spread_is_that_of_the_images() -> None:
    # (1.960 + 0.842) sqrt(2 * 0.9 * 0.1 / 10,000) = 1.19 points.
    assert power.detectable(0.0, 1, drawn_anew(10_000, 0.9)) == pytest.approx(2.80159 * math.sqrt(0.18) / 100, rel=1e-4)
    assert power.detectable(0.0, 5, drawn_anew(10_000, 0.9)) == pytest.approx(
        power.detectable(0.0, 1, drawn_anew(10_000, 0.9)), abs=1e-6
    )
    assert power.detectable(0.0, 3, drawn_anew(MANY, 1.0)) == pytest.approx(0, abs=1e-6)


def test_more_seeds_and_more_images_show_smaller_differences() -> None:
    found = [
        power.detectable(0.004, n, drawn_anew(images, 0.9)) for n, images in [(2, 1e4), (3, 1e4), (5, 1e4), (5, 1e6)]
    ]
    assert found == sorted(found, reverse=True)
    # Two seeds have 1 to 2 degrees of freedom: ten standard deviations; five have about 2.08.
    assert power.detectable(0.01, 2, drawn_anew(MANY, 0.5)) == pytest.approx(0.104, abs=0.002)
    assert power.detectable(0.01, 5, drawn_anew(MANY, 0.5)) == pytest.approx(0.0208, abs=0.0002)


def share_found(std: float, n: int, images: int, repetitions: int, compared: int = 2) -> float:
    """Share of pairs of rows, as far apart as is said to be detectable, that `differ` tells apart the right way."""
    random, accuracy = np.random.default_rng(n), simulated.ACCURACY
    apart = power.detectable(std, n, drawn_anew(images, accuracy), compared=compared)
    true = accuracy + apart * np.array([-0.5, 0.5])
    top1 = simulated.scores(random, true, (repetitions, 2, n), std, images)
    found = 0
    for scores in top1:
        (_, low), (_, high) = simulated.rows(scores, images).iterrows()
        found += bool(low["top1_mean"] < high["top1_mean"] and differences.differ(low, high, compared))
    return found / repetitions


@pytest.mark.parametrize(("std", "n"), [(0.004, 1), (0.004, 2), (0.004, 3), (0.001, 3), (0.006, 5)])
def test_a_detectable_difference_is_found_as_often_as_is_said(std: float, n: int) -> None:
    assert share_found(std, n, 10_000, 600) == pytest.approx(0.8, abs=0.05)


@pytest.mark.parametrize(
    ("std", "n", "compared"),
    [(0.004, 1, 30), (0.004, 2, 5), pytest.param(0.004, 3, 30, marks=pytest.mark.slow), (0.002, 5, 30)],
)
def test_nor_more_seldom_of_a_pair_among_many(std: float, n: int, compared: int) -> None:
    """The test that a report makes, in which the best of all its rows was picked by the numbers it is compared with."""
    assert share_found(std, n, 10_000, 300, compared) == pytest.approx(0.8, abs=0.07)


def test_a_pair_among_many_takes_more_seeds_and_more_images() -> None:
    one, other = row(0.50), row(0.52)
    found = [power.seeds_to_resolve(one, other, compared=compared) for compared in (2, 5, 30)]
    assert found[0] == power.seeds_to_resolve(one, other)
    assert found == sorted({*found})
    hidden = [power.images_to_resolve(row(0.8975), row(0.9025), compared=compared) for compared in (2, 30)]
    assert hidden[0] == power.images_to_resolve(row(0.8975), row(0.9025)) < hidden[1]
    for n in (2, 3, 10):
        exact = scipy.stats.studentized_range.isf(differences.LEVEL, 30, 2 * (n - 1)) / math.sqrt(2)
        largest = power.welch_limits(n, 30)[0] / power.welch_limits(n)[0]  # of equal variances, the smallest
        assert largest == pytest.approx(exact / scipy.stats.t.isf(differences.LEVEL / 2, 2 * (n - 1)), rel=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("images", [2_000, 10_000, 1_000_000])
@pytest.mark.parametrize(("std", "n"), [(0.004, 2), (0.004, 3), (0.001, 3), (0.006, 5), (0.004, 10)])
def test_a_detectable_difference_is_found_as_often_as_is_said_of_many(std: float, n: int, images: int) -> None:
    assert share_found(std, n, images, 4000) == pytest.approx(0.8, abs=0.025)
