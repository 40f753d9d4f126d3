"""What trainings took, in words and shares."""

import math

import pytest

from cheapconv.engine.store.bills import duration, saved


@pytest.mark.parametrize(("seconds", "text"), [(59.4, "59 s"), (90, "1.5 min"), (3599, "60.0 min"), (9000, "2.5 h")])
def test_a_duration_is_said_in_its_unit(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("alone", "spent", "share"),
    [(10.0, 6.5, 0.35), (10.0, 9.97, 0.0), (10.0, 12.0, 0.0), (0.0, 0.0, 0.0), (10.0, math.nan, 0.0)],
)
def test_what_sharing_saved_is_more_than_noise(alone: float, spent: float, share: float) -> None:
    assert saved(alone, spent) == pytest.approx(share)
