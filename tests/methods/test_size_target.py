"""Meeting a budget: lowest scores first, never above it, and a reason where it cannot be met."""

import pytest
import torch

from cheapconv import catalog
from cheapconv.catalog.errors import UserError
from cheapconv.methods.parts.size_target import units_to_remove


def cost_of(kept: object) -> int:
    a, b = kept  # type: ignore[misc]
    return 10 * a + 3 * b


SCORES = [torch.tensor([0.1, 0.5, 0.9]), torch.tensor([0.2, 0.3, 0.8, 0.4])]


def test_lowest_scores_go_first_until_it_is_met() -> None:
    removed = units_to_remove(SCORES, [1, 1], cost_of, limit=30, tolerance=0.2)  # 42 - 10 - 3 = 29
    assert removed == [[0], [0]]


def test_a_unit_that_would_undercut_it_too_far_is_kept() -> None:
    removed = units_to_remove(SCORES, [1, 1], cost_of, limit=40, tolerance=0.05)
    assert removed == [[], [0]]  # 39, although unit 0 of the first group has the lowest score
    assert cost_of([3, 3]) == 39


def test_where_no_step_is_near_enough_the_nearest_below_is_taken() -> None:
    assert units_to_remove(SCORES, [1, 1], cost_of, limit=38) == [[], [0, 1]]  # 36: the other way is 32 or 29
    assert units_to_remove(SCORES, [1, 4], cost_of, limit=41) == [[0], []]  # there are no others


def test_a_limit_that_only_the_least_number_meets_is_met_although_shares_are_rounded() -> None:
    assert units_to_remove(SCORES, [1, 1], cost_of, limit=13 - 1e-12) == [[0, 1], [0, 1, 3]]


def test_what_cannot_be_met_is_said_with_what_can() -> None:
    with pytest.raises(ValueError, match=r"budget of 12 cannot be met: with the least .* 13 are left"):
        units_to_remove(SCORES, [1, 1], cost_of, limit=12)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"keep": 0.0}, r"keep must be greater than 0, not 0\.0"),
        ({"keep": 1.0}, r"keep must be less than 1, not 1\.0"),
        ({"limit": 0}, "limit must be greater than or equal to 1, not 0"),
        ({"limit": 5, "like": "G(4)"}, "give limit or like, not both"),
    ],
)
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, object], sentence: str) -> None:
    catalog.load()
    with pytest.raises(UserError, match=sentence):
        catalog.build("method", "fpgm", wrong)
