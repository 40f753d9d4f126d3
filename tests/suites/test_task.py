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
    assert Classification(100).tally(z, y).tolist() == [3, 1, 0, 0, 1, 2]
    assert Classification(99).tally(z, y).tolist() == [3, 4]


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


def test_the_loss_is_cross_entropy():
    z, y = logits(8, 10)
    assert Classification(10).loss(z, y) == cross_entropy(z, y)
