"""Mean ranks, Friedman's test and Nemenyi's critical difference, against Demsar's numbers, scipy's and by hand."""

import math

import numpy as np
import pytest
import scipy.stats

from cheapconv.reports.statistics import ranking
from cheapconv.reports.statistics.blocks import Treatment
from tests.reports import simulated

ALONE, ONE, TWO = (Treatment(name, "") for name in ("alone", "way 1", "way 2"))


def test_critical_difference_of_four_classifiers_on_fourteen_data_sets() -> None:
    """Demsar (2006), section 3.2.4: q / sqrt(2) = 2.569, CD = 1.25; table 5a: 2.728 for five."""
    assert ranking.critical_difference(4, 14) == pytest.approx(2.569 * math.sqrt(4 * 5 / (6 * 14)), abs=5e-4)
    assert ranking.critical_difference(5, 14) == pytest.approx(2.728 * math.sqrt(5 * 6 / (6 * 14)), abs=5e-4)


def test_mean_ranks_with_ties_averaged() -> None:
    top1 = [[0.90, 0.93, 0.92], [0.90, 0.91, 0.91], [0.92, 0.91, 0.90]]  # ranks 3 1 2, 3 1.5 1.5, 1 2 3
    found = ranking.rank(simulated.cells(np.array(top1)[..., None]))
    assert found is not None
    assert found.treatments == (ONE, TWO, ALONE)
    assert found.mean_ranks == pytest.approx((4.5 / 3, 6.5 / 3, 7 / 3))
    assert [network.conv for network in found.networks] == ["conv 0", "conv 1", "conv 2"]
    assert found.groups == ((ONE, TWO, ALONE),)
    assert not found.resolved


def test_groups_overlap_where_neighbours_are_not_distinguishable() -> None:
    assert ranking.groups(np.array([1.0, 1.8, 2.5, 4.7]), 1.0) == [(0, 2), (1, 3)]
    assert ranking.groups(np.array([1.0, 2.0, 3.0]), 1.0) == []
    assert ranking.groups(np.array([1.0, 1.2, 1.4, 3.0, 3.1]), 1.0) == [(0, 3), (3, 5)]


def test_treatments_that_always_keep_their_order_are_told_apart_at_the_ends() -> None:
    top1 = np.array([[0.90, 0.91, 0.92]] * 8)[..., None]
    found = ranking.rank(simulated.cells(top1))
    assert found is not None
    # CD of three in eight networks is 1.17: neighbours are 1 apart, the first and the last 2.
    assert found.critical_difference == pytest.approx(2.344 * math.sqrt(3 * 4 / (6 * 8)), abs=5e-4)
    assert found.groups == ((TWO, ONE), (ONE, ALONE))
    assert found.resolved


def test_two_treatments_are_compared_by_the_sign_test() -> None:
    """Four wins of four have p = 2 / 16, though by Nemenyi's formula, CD = 0.98, they would differ."""
    found = ranking.rank(simulated.cells(np.array([[[0.90], [0.91]]] * 4)))
    assert found is not None
    assert found.critical_difference == pytest.approx(1.96 * math.sqrt(1 / 4), abs=1e-3)
    assert found.p == scipy.stats.binomtest(4, 4).pvalue == 0.125
    assert not found.resolved


def test_p_of_four_networks_is_that_of_the_exact_tables() -> None:
    """Hollander and Wolfe, table of Friedman's test: k = 3, n = 4, P(S >= 6.5) = 0.042, where chi-squared has 0.039;
    P(S >= 6) = 0.069, where it has 0.0498."""
    ranks = np.array([[1, 2, 3], [1, 2, 3], [1, 3, 2], [2, 1, 3]])  # sums 5, 8, 11
    tied = np.array([[1, 2, 3], [1, 3, 2], [1, 2, 3], [1, 3, 2]])  # sums 4, 10, 10
    assert scipy.stats.friedmanchisquare(*ranks.T).statistic == pytest.approx(4.5)
    assert ranking.friedman_p(ranks) == pytest.approx(0.125, abs=5e-4)
    assert scipy.stats.friedmanchisquare(*tied.T).statistic == pytest.approx(6.0)
    assert ranking.friedman_p(tied) == pytest.approx(0.069, abs=5e-4)


def test_p_of_many_networks_is_that_of_scipy() -> None:
    ranks = scipy.stats.rankdata(np.random.default_rng(0).random((20, 5)) + np.linspace(0, 0.4, 5), axis=1)
    assert ranking.friedman_p(ranks) == pytest.approx(scipy.stats.friedmanchisquare(*ranks.T).pvalue, abs=0.01)


def test_scores_that_are_all_equal_rank_alike() -> None:
    found = ranking.rank(simulated.cells(np.full((3, 3, 2), 0.9)))
    assert found is not None
    assert (found.mean_ranks, found.p, found.resolved) == ((2, 2, 2), 1, False)


@pytest.mark.parametrize("shape", [(2, 3, 1), (3, 1, 1)])
def test_two_networks_or_one_treatment_have_no_ranking(shape: tuple[int, int, int]) -> None:
    assert ranking.rank(simulated.cells(np.full(shape, 0.9))) is None


def test_the_part_without_holes_of_most_cells_is_taken() -> None:
    known = np.ones((6, 4), dtype=bool)
    known[:3, 2] = False  # with the third treatment three networks are left: 3 x 3 or 3 x 4 cells instead of 6 x 3
    part = ranking.complete(known)
    assert part is not None
    assert [each.tolist() for each in part] == [[0, 1, 2, 3, 4, 5], [0, 1, 3]]
    known[:, 0] = [True, False, False, False, False, False]
    part = ranking.complete(known)  # 6 x 2 of the others rather than 3 x 3
    assert part is not None
    assert [each.tolist() for each in part] == [[0, 1, 2, 3, 4, 5], [1, 3]]
    assert ranking.complete(np.eye(5, dtype=bool)) is None


def test_a_network_with_a_hole_is_left_out() -> None:
    top1 = np.array([[[0.90], [0.91], [0.92]]] * 5)
    top1[1, 2] = math.nan
    found = ranking.rank(simulated.cells(top1))
    assert found is not None
    assert [network.conv for network in found.networks] == ["conv 0", "conv 2", "conv 3", "conv 4"]
    assert len(found.treatments) == 3


def resolved_by_chance(networks: int, treatments: int, repetitions: int, permutations: int) -> float:
    """Share of sweeps without a difference in which two treatments are told apart."""
    random, found = np.random.default_rng(networks), 0
    for _ in range(repetitions):
        top1 = simulated.scores(random, simulated.ACCURACY, (networks, treatments, 2), 0.004)
        ranked = ranking.rank_blocks(simulated.table(top1), permutations)
        found += ranked is not None and ranked.resolved
    return found / repetitions


@pytest.mark.parametrize(("networks", "treatments"), [(4, 2), (8, 2), (7, 3), (9, 5)])
def test_nothing_is_told_apart_by_chance(networks: int, treatments: int) -> None:
    assert resolved_by_chance(networks, treatments, 100, 99) <= simulated.at_most(0.05, 100)


@pytest.mark.slow
@pytest.mark.parametrize("treatments", [2, 3, 6])
@pytest.mark.parametrize("networks", [4, 7, 8, 9])
def test_nothing_is_told_apart_by_chance_in_many_sweeps(networks: int, treatments: int) -> None:
    assert resolved_by_chance(networks, treatments, 400, 499) <= simulated.at_most(0.05, 400)
