"""Decoupled distillation: both terms, confident logits, and standardised ones."""

import math

import pytest
import torch

from cheapconv.methods.dkd import non_target_loss, target_loss
from cheapconv.methods.kd_ls import standardise
from cheapconv.methods.losses import kl
from tests.methods.fixed import BATCH
from tests.methods.inputs import LABELS, STUDENT, TEACHER
from tests.methods.known import known_method, own_term

TARGET, NON_TARGET = 0.85632827, 1.73866556


def by_loop(temperature: float) -> tuple[float, float]:
    """Both terms, one number at a time."""
    target = rest = 0.0
    for s, t, y in zip(STUDENT.tolist(), TEACHER.tolist(), LABELS.tolist(), strict=True):
        exps = [[math.exp(z / temperature) for z in row] for row in (s, t)]
        q, p = ([e / sum(row) for e in row] for row in exps)
        target += p[y] * math.log(p[y] / q[y]) + (1 - p[y]) * math.log((1 - p[y]) / (1 - q[y]))
        hat_p, hat_q = ([v / (1 - row[y]) for c, v in enumerate(row) if c != y] for row in (p, q))
        rest += sum(a * math.log(a / b) for a, b in zip(hat_p, hat_q, strict=True))
    return temperature**2 * target / 4, temperature**2 * rest / 4


def test_the_terms_are_fixed_numbers_and_plain_sums() -> None:
    found = [loss(STUDENT, TEACHER, LABELS, temperature=4.0).item() for loss in (target_loss, non_target_loss)]
    assert found == pytest.approx([TARGET, NON_TARGET], abs=6e-9)
    assert found == pytest.approx(by_loop(4.0))


def test_weighted_by_the_teacher_s_doubt_they_are_distillation() -> None:
    """KD = TCKD + (1 - p_y) NCKD for every sample (eq. 6)."""
    for b in range(4):
        s, t, y = STUDENT[b : b + 1], TEACHER[b : b + 1], LABELS[b : b + 1]
        doubt = 1 - t.div(4).softmax(dim=1)[0, y]
        parts = target_loss(s, t, y, temperature=4.0) + doubt * non_target_loss(s, t, y, temperature=4.0)
        assert parts.item() == pytest.approx((16 * kl(s, t, 4.0)).item())


def test_the_loss_is_their_weighted_sum() -> None:
    method = known_method("dkd", epochs=1)
    assert own_term(method, BATCH).item() == pytest.approx(14.76565279, abs=6e-8)
    only = known_method("dkd", epochs=1, target_weight=2.0, non_target_weight=0.0)
    assert own_term(only, BATCH).item() == pytest.approx(2 * TARGET, abs=2e-8)


@pytest.mark.parametrize("gap", [80.0, 500.0, 5000.0])
def test_confident_logits_stay_finite(gap: float) -> None:
    student = torch.tensor([[gap, 0.0, 1.0], [0.0, gap, 1.0]], requires_grad=True)
    teacher = torch.tensor([[0.0, gap, 2.0], [2.0, gap, 0.0]])
    labels = torch.tensor([0, 1])
    parts = [loss(student, teacher, labels, temperature=4.0) for loss in (target_loss, non_target_loss)]
    sum(parts).backward()
    assert all(part.isfinite() and part >= 0 for part in parts)
    assert student.grad is not None
    assert student.grad.isfinite().all()


def test_the_target_s_logit_has_no_part_in_the_ranking_of_the_others() -> None:
    student = STUDENT.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(non_target_loss(student, TEACHER, LABELS, temperature=4.0), student)
    assert (gradient.gather(1, LABELS[:, None]) == 0).all()
    assert (gradient != 0).sum() == 4 * (5 - 1)


def test_logits_can_be_standardised_first() -> None:
    found = own_term(known_method("dkd", epochs=1, standardise=True), BATCH)
    s, t = standardise(STUDENT), standardise(TEACHER)
    parts = [loss(s, t, LABELS, temperature=4.0) for loss in (target_loss, non_target_loss)]
    torch.testing.assert_close(found, parts[0] + 8 * parts[1])


def test_two_classes_have_no_ranking() -> None:
    with pytest.raises(ValueError, match="dkd ranks the wrong classes, and with 2 classes there is only one"):
        known_method("dkd", classes=2)
