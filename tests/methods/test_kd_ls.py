"""Distillation of standardised logits."""

import statistics

import pytest
import torch

from cheapconv.methods.kd import soft_target_loss
from cheapconv.methods.kd_ls import standardise
from tests.methods.fixed import BATCH
from tests.methods.inputs import STUDENT, TEACHER
from tests.methods.known import known_method


def test_every_sample_has_mean_zero_and_unbiased_deviation_one() -> None:
    for row, expected in zip(standardise(STUDENT).tolist(), STUDENT.tolist(), strict=True):
        mean, deviation = statistics.mean(expected), statistics.stdev(expected)
        assert row == pytest.approx([(z - mean) / (deviation + 1e-7) for z in expected])


def test_the_loss_is_distillation_of_standardised_logits() -> None:
    terms = known_method("kd_ls").losses(BATCH)
    expected = 9 * soft_target_loss(standardise(STUDENT), standardise(TEACHER), 2.0, "batchmean")
    torch.testing.assert_close(terms["kd_ls"], expected)
    assert terms["ce"].item() == pytest.approx(0.1 * 1.04724098, abs=6e-10)


def test_mean_and_scale_of_either_side_do_not_matter() -> None:
    method = known_method("kd_ls")
    before = method.losses(BATCH)["kd_ls"]
    method.student.logits, method.teacher.logits = 3 * STUDENT - 1, TEACHER / 2 + 7
    torch.testing.assert_close(method.losses(BATCH)["kd_ls"], before, rtol=1e-6, atol=0)


def test_the_gradient_flows_through_mean_and_scale() -> None:
    """So that it pushes neither the mean nor the scale: it is orthogonal to constants and to the centred logits."""
    student = STUDENT.clone().requires_grad_()
    loss = soft_target_loss(standardise(student), standardise(TEACHER), 2.0, "batchmean")
    (gradient,) = torch.autograd.grad(loss, student)
    assert gradient.abs().max() > 1e-3
    torch.testing.assert_close(gradient.sum(dim=1), torch.zeros(4, dtype=torch.float64))
    centred = STUDENT - STUDENT.mean(dim=1, keepdim=True)
    torch.testing.assert_close((gradient * centred).sum(dim=1), torch.zeros(4, dtype=torch.float64), rtol=0, atol=1e-6)


def test_equal_logits_break_nothing() -> None:
    logits = torch.ones(2, 5, requires_grad=True)
    standardise(logits).sum().backward()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()
