"""The ramp of online distillation: its published shape, on runs of any length."""

import math

import pytest
import torch

from cheapconv.methods.parts.ramp import PAPER_SHARE, ramp


def at(progress: float, share: float = PAPER_SHARE) -> float:
    return ramp(torch.tensor(progress, dtype=torch.float64), share).item()


def test_it_starts_at_exp_of_minus_five() -> None:
    assert at(0) == pytest.approx(0.0067, abs=1e-4)


@pytest.mark.parametrize("epoch", [0, 1, 20, 79, 80, 81, 299])
def test_it_is_the_papers_of_80_in_300_epochs(epoch: int) -> None:
    assert at(epoch / 300) == pytest.approx(math.exp(-5 * (1 - min(epoch, 80) / 80) ** 2))


def test_it_scales_with_the_run() -> None:
    assert at(0.5, share=1.0) == pytest.approx(math.exp(-1.25))
    assert at(0.3) == 1


def test_without_a_share_there_is_no_ramp() -> None:
    assert at(0, share=0) == 1


def test_it_only_rises() -> None:
    weights = [at(i / 100) for i in range(101)]
    assert weights == sorted(weights)
