"""Rows compared image by image: against McNemar, two-way clustered errors, and how often equal rows are told apart."""

import math

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from statsmodels.regression.linear_model import OLS
from statsmodels.stats.sandwich_covariance import cov_cluster_2groups

from cheapconv.reports.statistics import blocks, differences, gap, images, paired, power
from cheapconv.reports.statistics.images import ByImage, Seed
from tests.reports import simulated


def seed(right: list[int], test_set: str = "test") -> Seed:
    return Seed(test_set, np.array(right))


def test_single_runs_are_compared_by_their_counts() -> None:
    """Nobody knows how far their seeds lie apart: the wider error leaves some room for it."""
    right = np.array([[[1] * 12 + [0] * 4 + [1] * 60 + [0] * 24], [[0] * 12 + [1] * 4 + [1] * 60 + [0] * 24]])
    a, b = (row for _, row in simulated.answered(right).iterrows())
    assert images.difference(a, b) is not None
    assert differences.p_value(a, b) == differences.p_value(a.drop(images.COLUMN), b.drop(images.COLUMN))
    assert power.error_of(a, b) == power.error_of(a.drop(images.COLUMN), b.drop(images.COLUMN))


def test_the_typical_error_is_of_the_rows_that_are_known() -> None:
    """A row in another precision takes nothing from it."""
    rows = simulated.answered(simulated.answers(np.random.default_rng(0), 4, 3, 0.0))
    best = int(rows["top1_mean"].idxmax())
    before = power.typical_error(rows.drop(index=(best + 1) % 4))
    rows.at[(best + 1) % 4, images.COLUMN] = None
    assert power.typical_error(rows) == before
    assert before.shared
    assert not power.typical_error(rows.drop(columns=images.COLUMN)).shared


def test_rows_without_any_spread_are_told_apart_at_once_as_one_by_one() -> None:
    rows = simulated.rows(np.array([[0.9, 0.9], [0.5, 0.5]]))
    assert differences.worse(rows).tolist() == [False, True]
    assert differences.differ(rows.iloc[0], rows.iloc[1])


def test_what_seeds_and_images_do_together_is_not_counted_twice() -> None:
    """Seeds that are right on (1, 1, 0) and (1, 0, 0): variances 0, 1/2, 0 over two seeds and three images."""
    row = images.of_seeds([seed([1, 1, 0]), seed([1, 0, 0])])
    assert row is not None
    assert row.right.tolist() == [1, 0.5, 0]
    assert row.rest == pytest.approx(0.5 / 2 / 9)
    assert row.variance == pytest.approx(0.25 / 3)
    other = images.of_seeds([seed([0, 1, 1])])
    assert other is not None
    assert ((row - other).right.tolist(), (row - other).rest) == ([1, -0.5, -1], pytest.approx(0.5 / 18))


def test_the_variance_is_that_of_data_clustered_by_seeds_and_by_images() -> None:
    """Against statsmodels, which corrects for no small numbers here."""
    random = np.random.default_rng(0)
    effects = random.normal(0, 0.4, (40, 1)) + random.normal(0, 1, 200) + random.normal(0, 1, (40, 200))
    right = (effects > -1).astype(int)
    row = images.of_seeds([seed(each) for each in right.tolist()])
    assert row is not None
    of_seeds = float(right.mean(axis=1).var(ddof=1) / 40)
    found = of_seeds + row.beside_seeds
    groups = (grid.ravel() for grid in np.meshgrid(np.arange(40), np.arange(200), indexing="ij"))
    fitted = OLS(right.ravel().astype(float), np.ones(right.size)).fit()
    (expected,), *_ = cov_cluster_2groups(fitted, *groups, use_correction=False)
    assert found == pytest.approx(float(expected[0]), rel=0.03)
    assert found > 1.2 * max(of_seeds, row.variance)  # neither of them alone


@pytest.mark.parametrize(
    "seeds",
    [
        [],
        [None],
        [seed([1, 0]), None],
        [seed([1, 0]), seed([1, 0], "another")],
        [seed([1, 0]), seed([1, 0, 1])],
    ],
)
def test_a_row_is_known_image_by_image_where_all_of_its_cells_are(seeds: list[Seed | None]) -> None:
    assert images.of_seeds(seeds) is None


def test_rows_of_other_images_are_compared_by_their_counts() -> None:
    rows = simulated.answered(simulated.answers(np.random.default_rng(0), 2, 3, 0.06))
    a, b = (row.copy() for _, row in rows.iterrows())
    assert differences.p_value(a, b)[1] == "over seeds and images"
    b[images.COLUMN] = ByImage("another", b[images.COLUMN].right, 0.0)
    assert differences.p_value(a, b) == differences.p_value(a.drop(images.COLUMN), b.drop(images.COLUMN))


@pytest.mark.parametrize("compared", [3, 8])
@pytest.mark.parametrize("seeds", [2, 5])
def test_p_of_the_best_of_several_is_where_its_resolution_turns(compared: int, seeds: int) -> None:
    """By the exact ranges of scipy: at p the ranges of seeds and images come to the difference."""
    errors = differences.Errors(0.004**2, 2.0 * (seeds - 1), 0.003**2, "both")
    for difference in (0.008, 0.015, 0.03):
        p = errors.p_value(difference, compared)
        q = [scipy.stats.studentized_range.isf(p, compared, degrees) for degrees in (errors.degrees, np.inf)]
        found = math.hypot(q[0] * 0.004, q[1] * 0.003) / math.sqrt(2)
        assert found == pytest.approx(difference, rel=0.005 if p > 1e-3 else 0.03)
        assert found <= 1.005 * difference  # what is not exact is on the safe side
        assert errors.resolve(difference, compared) == (p <= differences.LEVEL)


def called_worse(rows: int, seeds: int, quality: float, repetitions: int) -> float:
    """Share of reports of equal rows in which one is called worse than the best."""
    random = np.random.default_rng(10 * rows + seeds)
    drawn = (simulated.answers(random, rows, seeds, quality) for _ in range(repetitions))
    return float(np.mean([differences.worse(simulated.answered(right)).any() for right in drawn]))


@pytest.mark.parametrize(("rows", "seeds", "quality"), [(2, 2, 0.06), (5, 3, 0.0), (5, 3, 0.06), (5, 5, 0.06)])
def test_an_equal_row_is_not_called_worse(rows: int, seeds: int, quality: float) -> None:
    assert called_worse(rows, seeds, quality, 60) <= simulated.at_most(differences.LEVEL, 60)


@pytest.mark.slow
@pytest.mark.parametrize("quality", [0.0, 0.03, 0.06])
@pytest.mark.parametrize("seeds", [2, 3, 5])
@pytest.mark.parametrize("rows", [2, 5, 20])
def test_an_equal_row_is_not_called_worse_in_many_reports(rows: int, seeds: int, quality: float) -> None:
    assert called_worse(rows, seeds, quality, 400) <= simulated.at_most(differences.LEVEL, 400)


@pytest.mark.parametrize("seeds", [1, 2, 3])
def test_all_rows_at_once_are_told_apart_as_one_by_one(seeds: int) -> None:
    """Also where some are not known image by image."""
    random = np.random.default_rng(seeds)
    for _ in range(10):
        better = random.normal(0, 0.1, (6, 1, 1))
        rows = simulated.answered(simulated.answers(random, 6, seeds, 0.03, better))
        rows.at[random.integers(6), images.COLUMN] = None
        best = rows.loc[rows["top1_mean"].idxmax()]
        one_by_one = [differences.differ(row, best, len(rows)) for _, row in rows.iterrows()]
        assert differences.worse(rows).tolist() == one_by_one


def test_the_power_is_what_simulated_pairs_show() -> None:
    random, better, found, expected = np.random.default_rng(0), np.array([[[0.1]], [[0.0]]]), [], []
    for _ in range(200):
        rows = simulated.answered(simulated.answers(random, 2, 3, 0.03, better))
        a, b = (row for _, row in rows.iterrows())
        found.append(differences.differ(a, b))
        expected.append((rows["top1_std"] ** 2).mean())
    errors = [power.error_of(*(row for _, row in simulated.answered(simulated.answers(random, 2, 3, 0.03)).iterrows()))]
    assert errors[0].shared
    share = power.chance(true_difference(0.1), math.sqrt(np.mean(expected)), 3, errors[0])
    assert np.mean(found) == pytest.approx(share, abs=3.1 * math.sqrt(0.25 / 200))


def true_difference(better: float) -> float:
    """Of rows one of which is better by so much."""
    at = scipy.stats.norm.cdf
    return float(at(-simulated.BAR + better) - at(-simulated.BAR))


def test_a_gap_has_an_interval_that_is_as_narrow_as_its_test() -> None:
    """Resolved image by image and not by counts, which have no bounds for it."""
    random = np.random.default_rng(2)
    rows = simulated.answered(simulated.answers(random, 3, 3, 0.0, np.array([0.06, 0.0, 0.12])[:, None, None]))
    row, baseline, standard = (each for _, each in rows.iterrows())
    assert differences.differ(baseline, standard)
    low, high = gap.interval(row, baseline, standard)
    share = (row["top1_mean"] - baseline["top1_mean"]) / (standard["top1_mean"] - baseline["top1_mean"])
    assert low < share < high
    by_counts = gap.interval(*(each.drop(images.COLUMN) for each in (row, baseline, standard)))
    assert high - low < (by_counts[1] - by_counts[0]) / 2


@pytest.mark.slow
def test_the_interval_of_a_gap_covers_it_as_often_as_it_says() -> None:
    random, covered = np.random.default_rng(0), []
    true = true_difference(0.1) / true_difference(0.2)
    for _ in range(400):
        right = simulated.answers(random, 3, 3, 0.03, np.array([0.1, 0.0, 0.2])[:, None, None])
        low, high = gap.interval(*(row for _, row in simulated.answered(right).iterrows()))
        covered.append(low <= true <= high)
    assert 1 - np.mean(covered) <= simulated.at_most(differences.LEVEL, 400)


def test_what_a_method_wins_is_known_image_by_image() -> None:
    rows = simulated.answered(simulated.answers(np.random.default_rng(1), 2, 2, 0.0))
    a, b = (row for _, row in rows.iterrows())
    won = images.difference(a, b)
    assert won is not None
    assert float(won.right.mean()) == pytest.approx(a["top1_mean"] - b["top1_mean"], abs=1e-6)
    assert pd.isna(images.difference(a, b.drop(images.COLUMN)))


def test_seeds_that_agree_take_nothing_of_the_images_error() -> None:
    """Two seeds of each row that have as many right as one another, and never the same images: no spread over seeds,
    and half of the error of single images is in neither row's `beside_seeds`."""
    right = np.zeros((2, 2, 1000), dtype=int)
    right[0, 0, :500] = right[0, 1, 500:] = right[1, 0, :440] = right[1, 1, 500:940] = 1
    a, b = (row for _, row in simulated.answered(right).iterrows())
    assert a["top1_std"] == b["top1_std"] == 0
    apart = np.repeat([0.0, 0.5, 0.0, 0.5], [440, 60, 440, 60])  # by image
    half = scipy.stats.norm.ppf(0.975) * math.sqrt(apart.var(ddof=1) / 1000)
    assert differences.half_width(a, b) == pytest.approx(half)
    p, test = differences.p_value(a, b)
    assert (p, test) == (pytest.approx(2 * scipy.stats.norm.sf(0.06 / half * 1.959963985), rel=1e-6), "over the images")
    of_images = power.OfImages(0.003, shared=True, rest=4 * 0.004**2)  # of four seeds 0.003 and 0.004 are 0.005
    assert power.chance(scipy.stats.norm.ppf(0.975) * 0.005, 0.0, 4, of_images) == pytest.approx(0.5)


def test_variances_of_all_pairs_are_those_of_each() -> None:
    """Also where some rows are of other images, or not known."""
    rows = simulated.answered(simulated.answers(np.random.default_rng(0), 5, 3, 0.03))
    rows.at[1, images.COLUMN] = None
    other = rows.at[3, images.COLUMN]
    rows.at[3, images.COLUMN] = ByImage("another", other.right, other.rest)
    whole, beside = (each.reshape(5, 5) for each in images.all_differences(rows))
    for place in range(5):
        one = images.differences(rows, rows.iloc[place])
        np.testing.assert_allclose(whole[:, place], one.whole, rtol=1e-5, atol=1e-12)  # of float32
        np.testing.assert_allclose(beside[:, place], one.beside_seeds, rtol=1e-5, atol=1e-10)


def cells_of(right: np.ndarray) -> pd.DataFrame:
    """Cells whose mistakes are known, of what they have right (networks, treatments, seeds, N)."""
    found = [Seed("test", each) for each in right.reshape(-1, right.shape[-1])]
    return simulated.cells(right.mean(axis=-1), right.shape[-1]).assign(
        **{images.COLUMN: pd.Series(found, dtype=object)}
    )


def test_what_a_method_wins_on_the_same_images_in_every_network_does_not_average_out() -> None:
    """On 1 of 25 images it is right and training alone is not, in all four networks: the error of the mean is that of
    one network, sqrt(0.04 * 0.96 / 1999)."""
    alone = np.ones((4, 1, 2, 2000), dtype=int)
    alone[..., :1000] = 0
    taught = alone.copy()
    taught[..., :80] = 1
    (found,) = paired.against_baseline(cells_of(np.concatenate([alone, taught], axis=1)))
    half = scipy.stats.norm.ppf(0.975) * math.sqrt(0.04 * 0.96 / 1999)
    assert (found.low, found.high) == (pytest.approx(0.04 - half, rel=1e-4), pytest.approx(0.04 + half, rel=1e-4))
    assert found.test == "by the test set's own error"


def test_methods_are_compared_by_counts_where_a_row_is_not_known() -> None:
    right = np.random.default_rng(0).random((3, 2, 2, 500)) < 0.8
    cells = cells_of(right)
    known = blocks.read(cells)
    assert known.image_error(np.ones(3, int), np.zeros(3, int), np.ones(3, bool)) is not None
    other_seeds = cells.drop(index=1)
    assert blocks.read(other_seeds).image_error(np.ones(3, int), np.zeros(3, int), np.ones(3, bool)) is None
    cells.at[0, images.COLUMN] = None
    assert blocks.read(cells).image_error(np.ones(3, int), np.zeros(3, int), np.ones(3, bool)) is None
