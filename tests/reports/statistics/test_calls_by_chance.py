"""How often a report calls a difference between rows that are equal: `not_worse`, `places`, and the gap it prints."""

import numpy as np
import pytest
import scipy.stats

from cheapconv.reports.statistics import differences, gap
from tests.reports import simulated

NOISES = [(1, 0.0), (2, 0.001), (2, 0.01), (3, 0.001), (3, 0.01), (5, 0.004)]  # seeds, their spread
QUALITY = [0.0, 0.06]  # spread of the seeds beside that of single images: none, or 1 point


def called_worse(rows: int, seeds: int, quality: float, repetitions: int) -> float:
    """Share of reports of equal rows, scored on the same images, in which one is called worse than the best."""
    random = np.random.default_rng(rows + seeds)
    drawn = (simulated.on_shared_images(random, rows, seeds, quality) for _ in range(repetitions))
    return float(np.mean([differences.worse(simulated.rows(top1, simulated.FEW)).any() for top1 in drawn]))


@pytest.mark.parametrize("quality", QUALITY)
@pytest.mark.parametrize(("rows", "seeds"), [(2, 1), (2, 2), (5, 2), (5, 3), (5, 5)])
def test_an_equal_row_is_not_called_worse(rows: int, seeds: int, quality: float) -> None:
    quality = quality if seeds > 1 else 0.0
    assert called_worse(rows, seeds, quality, 60) <= simulated.at_most(differences.LEVEL, 60)


@pytest.mark.slow
@pytest.mark.parametrize("quality", QUALITY)
@pytest.mark.parametrize("seeds", [2, 3, 5])
@pytest.mark.parametrize("rows", [2, 5, 20])
def test_an_equal_row_is_not_called_worse_in_many_reports(rows: int, seeds: int, quality: float) -> None:
    assert called_worse(rows, seeds, quality, 400) <= simulated.at_most(differences.LEVEL, 400)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rows", "seeds", "limit"), [(5, 2, 0.05), (5, 5, 0.05), (20, 2, 0.09), (60, 2, 0.125), (60, 5, 0.09)]
)
def test_of_many_rows_few_seeds_alone_call_more_than_the_level(rows: int, seeds: int, limit: float) -> None:
    """On a test set without error; what `differences` says of itself."""
    top1 = np.random.default_rng(rows).normal(simulated.ACCURACY, 0.001, (2000, rows, seeds))
    called = np.mean([differences.worse(simulated.rows(scores, 10**12)).any() for scores in top1])
    assert called <= simulated.at_most(limit, 2000)


@pytest.mark.slow
@pytest.mark.parametrize("spreads", ["one thrice the others'", "within a factor of 1.6"])
def test_rows_that_spread_differently_are_called_no_oftener(spreads: str) -> None:
    """ADR 22: spreads that borrow from each other would call 15 to 30 of 100 reports, at as many rows and seeds."""
    wide = np.ones(40)
    if spreads == "one thrice the others'":
        wide[0] = 3
    else:
        wide = np.exp(0.5 * scipy.stats.norm.ppf((np.arange(40) + 0.5) / 40))
    top1 = simulated.ACCURACY + 0.001 * wide[:, None] * np.random.default_rng(40).normal(size=(1000, 40, 3))
    called = np.mean([differences.worse(simulated.rows(scores, 10**12)).any() for scores in top1])
    assert called <= simulated.at_most(0.1, 1000)


def test_rows_that_are_not_called_worse_share_the_first_place() -> None:
    random = np.random.default_rng(0)
    top1 = simulated.scores(random, simulated.ACCURACY, (40, 8, 3), 0.004)
    apart = sum(differences.places(simulated.rows(scores))["rank"].max() > 1 for scores in top1)
    assert apart / 40 <= simulated.at_most(differences.LEVEL, 40)


@pytest.mark.parametrize("seeds", [1, 2, 3])
def test_all_rows_at_once_are_told_apart_as_one_by_one(seeds: int) -> None:
    random = np.random.default_rng(seeds)
    for _ in range(10):
        top1 = simulated.scores(random, random.uniform(0.85, 0.95, 6), (6, seeds), 0.01)
        rows = simulated.rows(top1)
        best = rows.loc[rows["top1_mean"].idxmax()]
        one_by_one = [differences.differ(row, best, len(rows)) for _, row in rows.iterrows()]
        assert differences.worse(rows).tolist() == one_by_one


def gaps_printed(seeds: int, std: float, repetitions: int) -> float:
    """Share of sweeps whose cheap network costs nothing, in which a gap to the standard network is printed."""
    random, found = np.random.default_rng(seeds), 0
    names = {"architecture": "WRN-16-2", "conv": ["S", "G(4)", "G(4)"], "deployed": "", "variant": "", "changed": False}
    flags = {"is_baseline": [True, True, False], "of_reference": [True, False, False], "is_plain": True}
    for top1 in simulated.scores(random, simulated.ACCURACY, (repetitions, 3, seeds), std):
        rows = simulated.rows(top1).assign(**names, **flags, place=range(3), complete=True, comparable=True)
        found += not np.isnan(gap.gap_recovered(rows.iloc[2], rows).recovered)
    return found / repetitions


@pytest.mark.parametrize(("seeds", "std"), [(2, 0.01), (3, 0.01), (5, 0.004)])
def test_no_gap_is_printed_where_there_is_none(seeds: int, std: float) -> None:
    assert gaps_printed(seeds, std, 100) <= simulated.at_most(differences.LEVEL, 100)


@pytest.mark.slow
@pytest.mark.parametrize(("seeds", "std"), NOISES)
def test_no_gap_is_printed_where_there_is_none_in_many_sweeps(seeds: int, std: float) -> None:
    assert gaps_printed(seeds, std, 1000) <= simulated.at_most(differences.LEVEL, 1000)
