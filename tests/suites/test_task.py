"""Classification: counts that add up, and the scores that follow from them."""

import pytest
import torch
from torch.nn.functional import cross_entropy

from cheapconv.suites.digits import Digits
from cheapconv.suites.task import Classification


def logits(samples: int, classes: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits (B, classes) and labels (B,)."""
    generator = torch.Generator().manual_seed(4)
    z = torch.randn(samples, classes, generator=generator)
    return z, torch.randint(classes, (samples,), generator=generator)


def test_a_tally_counts_the_samples_by_the_rank_of_their_label():
    z = -torch.arange(100.0).expand(7, 100)  # class 0 first, then 1, ...
    y = torch.tensor([0, 0, 0, 1, 4, 5, 99])
    assert Classification(100).tally(z, y).tolist()[:6] == [3, 1, 0, 0, 1, 2]
    assert Classification(99).tally(z, y).tolist()[:2] == [3, 4]


def test_a_mistake_is_the_class_that_was_taken_for_the_right_one():
    z = torch.tensor([[0.0, 9.0, 1.0], [5.0, 0.0, 1.0], [0.0, 1.0, 9.0]])
    assert Classification(3).mistakes(z, torch.tensor([1, 1, 0])).tolist() == [0, 1, 3]


@pytest.mark.parametrize("classes", [10, 100])
def test_mistakes_are_counted_by_the_tally_whatever_equal_logits_mean(classes):
    z, y = logits(64, classes)
    z, task = z.round(), Classification(classes)  # many are equal
    assert (task.mistakes(z, y) == 0).sum() == task.tally(z, y)[0]


def test_a_tally_counts_what_samples_are_taken_for_and_those_without_a_finite_answer():
    z = torch.tensor([[0.0, 9.0, 1.0], [5.0, 0.0, 1.0], [0.0, 9.0, 1.0], [0.0, float("nan"), 0.0]])
    z[2, 1] = float("inf")
    assert Classification(3).tally(z, torch.tensor([1, 1, 0, 2])).tolist() == [1, 3, *(1, 3, 0), 2]


@pytest.mark.parametrize(
    ("rows", "flaw"),
    [
        ([[1.0, 0.0], [0.0, 1.0]], None),
        ([[1.0, 0.0], [2.0, 1.0]], "constant"),
        ([[0.0, 0.0], [0.0, 0.0]], "constant"),
        ([[1.0, -float("inf")], [-float("inf"), 1.0]], None),
        ([[1.0, 0.0], [0.0, float("inf")]], "not finite"),
        ([[1.0, 0.0], [-float("inf"), -float("inf")]], "not finite"),
        ([[float("nan"), float("nan")]] * 2, "not finite"),  # and all of one class
    ],
)
def test_the_flaws_of_answers(rows, flaw):
    """Whatever the labels: a constant answer is right for its own class."""
    task, z = Classification(2), torch.tensor(rows)
    for y in ([0, 0], [0, 1]):
        assert task.flaw(task.tally(z, torch.tensor(y))) == flaw


def test_a_flaw_shows_in_the_sum_over_batches_alone():
    task, y = Classification(2), torch.tensor([0, 1])
    first, second = (task.tally(torch.tensor([row, row]), y) for row in ([1.0, 0.0], [0.0, 1.0]))
    assert task.flaw(first) == task.flaw(second) == "constant"
    assert task.flaw(first + second) is None


def test_scores_are_shares():
    assert Classification(10).scores(torch.tensor([3, 1])) == {"top1": 0.75}
    assert Classification(100).scores(torch.tensor([2, 1, 0, 0, 1, 4])) == {"top1": 0.25, "top5": 0.5}


@pytest.mark.parametrize("classes", [10, 100])
def test_tallies_add_up_over_batches(classes):
    """Also where batches have different sizes."""
    (z, y), task = logits(50, classes), Classification(classes)
    parts = sum(task.tally(a, b) for a, b in zip(z.split(16), y.split(16), strict=True))
    assert torch.equal(parts, task.tally(z, y))
    assert task.scores(parts)["top1"] == pytest.approx((z.argmax(dim=1) == y).float().mean().item())


def test_half_precision_is_ranked_as_float():
    z, y = logits(20, 10)
    assert torch.equal(Classification(10).tally(z.bfloat16(), y), Classification(10).tally(z.bfloat16().float(), y))


def test_the_headline_is_a_score_and_its_error_binomial():
    task = Digits().task
    assert task.headline in task.scores(torch.tensor([1, 1]))
    assert task.error(0.9, 100) == pytest.approx(0.03)
    assert task.error(1.0, 100) == 0
    assert (task.chance, Classification(200).chance) == (0.1, 0.005)


def test_the_loss_is_cross_entropy():
    z, y = logits(8, 10)
    assert Classification(10).loss(z, y) == cross_entropy(z, y)
