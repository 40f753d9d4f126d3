"""Methods compared over networks, against numbers worked out by hand and simulated sweeps without a difference."""

import math

import numpy as np
import pandas as pd
import pytest
import scipy.stats

from cheapconv.reports.answers.content import build
from cheapconv.reports.statistics import paired
from cheapconv.reports.statistics.blocks import Treatment
from tests.reports import simulated
from tests.reports.store import Store

MANY = 10**9  # test images, whose own error is then nothing
ALONE, ONE, TWO = (Treatment(name, "") for name in ("alone", "way 1", "way 2"))
NAN = math.nan


def single(*differences: float, **options: float) -> paired.Comparison:
    """Of one way that is so much better than training alone in each network, one seed each."""
    top1 = np.array([[[0.9], [0.9 + difference]] for difference in differences])
    [found] = paired.against_baseline(simulated.cells(top1, **options))
    return found


def test_mean_interval_p_and_effect_of_three_networks() -> None:
    found = single(0.01, 0.02, 0.03, images=MANY)
    assert found.treatment == ONE
    # t(0.975, 2) = 4.3027 standard errors of 0.01 / sqrt(3); t = 3.4641.
    assert (found.mean, found.low, found.high) == pytest.approx((0.02, 0.02 - 0.024841, 0.02 + 0.024841), abs=1e-6)
    assert found.p == pytest.approx(scipy.stats.ttest_1samp([0.01, 0.02, 0.03], 0).pvalue)
    assert found.p == pytest.approx(0.07418, abs=1e-5)
    assert found.test == "by the paired t test over networks"
    assert (found.d_z, found.effect_text) == (pytest.approx(2), "d_z = 2")
    assert (found.p_adjusted, found.resolved) == (found.p, False)


def test_wins_are_networks_in_which_the_score_is_higher() -> None:
    assert single(0.01, 0.02, 0.0, -0.01).wins_text == "better in 2 of 4 networks"
    assert single(0.01).wins_text == "better in 1 of 1 network"


def test_two_networks_have_a_mean_but_neither_interval_nor_p() -> None:
    found = single(0.01, 0.02, images=MANY)
    assert found.mean == pytest.approx(0.015)
    assert all(math.isnan(number) for number in (found.low, found.high, found.p, found.p_adjusted, found.d_z))
    assert not found.resolved


def test_the_test_set_is_the_least_error_there_is() -> None:
    # Of a difference in one network sqrt(2 * 0.9 * 0.1 / 10,000) = 0.0042 at 90 %, of the mean of three 0.00245.
    found = single(0.0009, 0.0010, 0.0011, images=10_000)
    assert found.p == pytest.approx(2 * scipy.stats.norm.sf(0.001 / 0.00245), abs=0.002)
    assert (found.high - found.low) / 2 == pytest.approx(1.96 * 0.00245, abs=2e-5)
    assert found.test == "by the test set's own error"


def test_an_error_that_was_counted_with_the_score_is_taken() -> None:
    found = single(0.0009, 0.0010, 0.0011, error=0.002)
    assert (found.high - found.low) / 2 == pytest.approx(1.95996 * math.sqrt(2) * 0.002 / math.sqrt(3), rel=1e-5)


def test_networks_that_agree_exactly_are_resolved_by_the_test_set_alone() -> None:
    found = single(0.03125, 0.03125, 0.03125)
    assert (found.d_z, found.resolved, found.test) == (math.inf, True, "by the test set's own error")
    assert single(0.0, 0.0, 0.0).p == 1


def test_seeds_are_paired_and_each_network_counts_once() -> None:
    top1 = [
        [[0.90, 0.80, NAN], [NAN, 0.81, 0.95]],  # one seed in common
        [[0.90, NAN, NAN], [NAN, 0.92, 0.94]],  # none: the means, 0.93 and 0.90
        [[0.80, 0.90, 0.70], [0.82, 0.91, 0.73]],
    ]
    [found] = paired.against_baseline(simulated.cells(np.array(top1)))
    assert found.differences == pytest.approx((0.01, 0.03, 0.02))
    assert found.mean == pytest.approx(0.02)


def test_only_comparable_cells_of_the_network_itself_count() -> None:
    """One network each whose way has failed, whose score means nothing, that was changed; all were deployed too."""
    cells = simulated.cells(np.array([[[0.90], [0.91]]] * 5))
    ways = cells.index[cells["method"] == "way 1"]
    cells.loc[ways[0], "state"] = "failed"
    cells["warnings"] = cells["warnings"].astype(object)
    cells.loc[ways[1], "warnings"] = "guesses"
    cells.loc[ways[2], "changed"] = True
    deployed = cells.assign(deployed="int8", top1=0.5)
    [found] = paired.against_baseline(pd.concat([cells, deployed], ignore_index=True))
    assert [network.conv for network in found.networks] == ["conv 3", "conv 4"]


def test_of_several_baselines_the_plain_one_is_training_alone() -> None:
    """The other one is a treatment like any, and so is the plain one nowhere."""
    cells = simulated.cells(np.array([[[0.80], [0.90], [0.93]]] * 3), images=MANY)
    cells.loc[cells["method"] == "way 1", "is_baseline"] = True
    cells.loc[cells["method"] == "alone", "is_plain"] = False
    found = paired.against_baseline(cells)
    assert [(each.treatment, round(each.mean, 6)) for each in found] == [(ALONE, -0.1), (TWO, 0.03)]


def test_what_more_epochs_bring_is_not_taken_for_what_a_method_does() -> None:
    """In each network 80 % alone, 88 % in twice the epochs, and by a method 83 and 89 %."""
    cells = simulated.cells(np.array([[[0.80], [0.88], [0.83], [0.89]]] * 3))
    ways = {
        "alone": ("alone", ""),
        "way 1": ("alone", "epochs=14"),
        "way 2": ("way", ""),
        "way 3": ("way", "epochs=14"),
    }
    named = cells.assign(variant=cells["method"].map(lambda name: ways[name][1]))
    named["is_baseline"] |= named["method"] == "way 1"
    named["is_plain"] = named["is_baseline"]
    named["method"] = named["method"].map(lambda name: ways[name][0])
    found = {each.treatment: each for each in paired.against_baseline(named)}
    assert {treatment: each.mean for treatment, each in found.items()} == {
        Treatment("alone", "epochs=14"): pytest.approx(0.08),
        Treatment("way", ""): pytest.approx(0.03),
        Treatment("way", "epochs=14"): pytest.approx(0.01),
    }
    fewer = named[(named["method"] != "alone") | (named["variant"] == "") | (named["conv"] != "conv 1")]
    longer = {each.treatment: each for each in paired.against_baseline(fewer)}[Treatment("way", "epochs=14")]
    assert [network.conv for network in longer.networks] == ["conv 0", "conv 2"]  # and not 9 points in conv 1
    assert longer.mean == pytest.approx(0.01)
    none = named[(named["method"] != "alone") | (named["variant"] == "")]
    longer = {each.treatment: each for each in paired.against_baseline(none)}[Treatment("way", "epochs=14")]
    assert longer.mean == pytest.approx(0.09)  # as of a method that has a rate of its own


def test_a_network_without_training_alone_is_left_out() -> None:
    cells = simulated.cells(np.array([[[0.80], [0.90]]] * 3))
    found = paired.against_baseline(cells[(cells["method"] != "alone") | (cells["conv"] != "conv 1")])
    assert [network.conv for network in found[0].networks] == ["conv 0", "conv 2"]
    assert paired.against_baseline(cells[cells["method"] != "alone"]) == []


def test_p_is_adjusted_over_all_that_have_one_by_holm() -> None:
    random = np.random.default_rng(0)
    top1 = 0.9 + random.normal(0, 0.004, (5, 5, 1)) + np.array([0, 0.004, 0.007, 0.012, 0.0])[:, None]
    top1[1:, 4] = NAN  # of one network: no p
    found = paired.against_baseline(simulated.cells(top1, images=MANY))
    p = sorted(each.p for each in found if not math.isnan(each.p))
    by_hand = [min(1, 3 * p[0]), min(1, max(3 * p[0], 2 * p[1])), min(1, max(3 * p[0], 2 * p[1], p[2]))]
    assert sorted(each.p_adjusted for each in found)[:3] == pytest.approx(by_hand)
    assert [each.resolved for each in found] == [each.p_adjusted <= 0.05 for each in found]


def test_of_one_way_nothing_is_compared() -> None:
    assert paired.against_baseline(simulated.cells(np.array([[[0.90]]] * 3))) == []


def test_the_cells_of_a_report_can_be_compared(small: Store) -> None:
    found = {each.treatment.method: each for each in paired.against_baseline(build(small.plan(), "quick").cells)}
    assert {name: round(each.mean, 6) for name, each in found.items()} == {"kd": 0.03, "online": 0.016}


def called_different(seeds: int, interaction: float, std: float, repetitions: int) -> float:
    """Share of sweeps of three ways that differ from training alone in nothing but how they fit a network, in which
    one is called better or worse."""
    random, found = np.random.default_rng(seeds), 0
    for repetition in range(repetitions):
        networks = 3 + repetition % 7
        true = simulated.ACCURACY + random.normal(0, interaction, (networks, 4))
        top1 = simulated.scores(random, true, (networks, 4, seeds), std)
        top1 += random.normal(0, 0.01, (networks, 1, seeds))  # what a network and a seed have in common
        found += any(each.resolved for each in paired.against_alone(simulated.table(top1)))
    return found / repetitions


@pytest.mark.parametrize(("interaction", "std"), [(0.0, 0.004), (0.01, 0.004)])
@pytest.mark.parametrize("seeds", [2, 3, 5])
def test_no_method_is_called_better_by_chance(seeds: int, interaction: float, std: float) -> None:
    assert called_different(seeds, interaction, std, 150) <= simulated.at_most(0.05, 150)


@pytest.mark.slow
@pytest.mark.parametrize(("interaction", "std"), [(0.0, 0.002), (0.0, 0.03), (0.01, 0.004), (0.02, 0.004)])
@pytest.mark.parametrize("seeds", [2, 3, 5])
def test_no_method_is_called_better_by_chance_in_many_sweeps(seeds: int, interaction: float, std: float) -> None:
    assert called_different(seeds, interaction, std, 600) <= simulated.at_most(0.05, 600)


def test_a_method_that_is_better_everywhere_is_found() -> None:
    """Two points in nine networks, at a spread of 0.5 and an interaction of 0.5 points."""
    random, found = np.random.default_rng(0), 0
    for _ in range(50):
        true = simulated.ACCURACY + random.normal(0, 0.005, (9, 2)) + np.array([0, 0.02])
        [compared] = paired.against_alone(simulated.table(simulated.scores(random, true, (9, 2, 3), 0.005)))
        found += compared.resolved and compared.low > 0
    assert found >= 48
