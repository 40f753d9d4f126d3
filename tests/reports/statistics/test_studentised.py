"""The studentised range, against scipy's."""

import numpy as np
import pytest
import scipy.stats

from cheapconv.reports.statistics import studentised


@pytest.mark.parametrize(
    ("compared", "degrees"), [(2, 4), (3, 1.3), (5, 4), (20, 2), (100, 60), (1000, 7), (1000, 500)]
)
def test_it_is_that_of_scipy(compared: int, degrees: float) -> None:
    ranges = np.array([4.0, 10.0, 30.0])
    by_scipy = scipy.stats.studentized_range.sf(ranges, compared, degrees)
    assert studentised.exceeds(ranges, np.full(3, degrees), compared) == pytest.approx(by_scipy, abs=2e-5)


def test_nothing_is_exceeded_surely_and_everything_never() -> None:
    found = studentised.exceeds(np.array([0.0, np.inf, np.inf]), np.array([3.0, 3.0, np.inf]), 5)
    assert found == pytest.approx([1, 0, 0], abs=1e-6)


def test_the_critical_range_of_two_is_that_of_the_normal() -> None:
    assert studentised.critical(2, 0.05) / np.sqrt(2) == pytest.approx(1.959964, abs=1e-6)
    assert studentised.critical(10, 0.05) == pytest.approx(4.474, abs=1e-3)  # printed tables
