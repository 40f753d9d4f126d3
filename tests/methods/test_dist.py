"""Correlations with the teacher's probabilities."""

import numpy as np
import pytest
import torch

from cheapconv.methods.dist import inter_loss, intra_loss
from tests.methods.fixed import BATCH
from tests.methods.inputs import STUDENT, TEACHER
from tests.methods.known import known_method, own_term

INTER, BOTH = 0.84064154, 2.07025934


def test_the_loss_is_a_fixed_number_at_temperature_one() -> None:
    found = own_term(known_method("dist", temperature=1.0, weight=1.0), BATCH)
    assert found.item() == pytest.approx(BOTH, abs=6e-9)
    inter = own_term(known_method("dist", temperature=1.0, weight=1.0, intra_weight=0.0), BATCH)
    assert inter.item() == pytest.approx(INTER, abs=6e-9)


def test_correlations_are_pearson_s() -> None:
    s, t = STUDENT.softmax(dim=1), TEACHER.softmax(dim=1)
    rows = [np.corrcoef(a, b)[0, 1] for a, b in zip(s.numpy(), t.numpy(), strict=True)]
    columns = [np.corrcoef(a, b)[0, 1] for a, b in zip(s.T.numpy(), t.T.numpy(), strict=True)]
    assert inter_loss(s, t).item() == pytest.approx(1 - np.mean(rows), rel=1e-5)  # without the epsilon
    assert intra_loss(s, t).item() == pytest.approx(1 - np.mean(columns), rel=1e-5)


def test_temperature_softens_and_its_square_keeps_the_scale() -> None:
    s, t = STUDENT.div(4).softmax(dim=1), TEACHER.div(4).softmax(dim=1)
    expected = 2 * 16 * (inter_loss(s, t) + intra_loss(s, t))
    torch.testing.assert_close(own_term(known_method("dist"), BATCH), expected)


def test_a_linear_relation_is_enough() -> None:
    assert inter_loss(0.5 * TEACHER + 2, TEACHER).item() == pytest.approx(0, abs=1e-8)
    assert inter_loss(-TEACHER, TEACHER).item() == pytest.approx(2, abs=1e-8)


def test_one_sample_has_no_relation_within_classes() -> None:
    student = STUDENT[:1].clone().requires_grad_()
    loss = intra_loss(student, TEACHER[:1])
    loss.backward()
    assert loss == 1
    assert student.grad is not None
    assert (student.grad == 0).all()
