"""Correlations in a learned embedding: the form of the code and that of the paper."""

import math

import pytest
import torch
from torch import nn

from cheapconv.methods.cc import consecutive_correlation, kernel_distance
from tests.methods.fixed import BATCH
from tests.methods.known import SAME_WIDTH_VECTOR, STUDENT_VECTOR, TEACHER_VECTOR, known_method, own_term
from tests.methods.world import World


def kernel(rows: list[list[float]], gamma: float, order: int) -> list[list[float]]:
    """exp(-2 gamma) sum_p (2 gamma)^p / p! (x.y)^p of unit vectors, one number at a time."""
    unit = [[x / math.hypot(*row) for x in row] for row in rows]
    dots = [[sum(x * y for x, y in zip(a, b, strict=True)) for b in unit] for a in unit]
    factors = [math.exp(-2 * gamma) * (2 * gamma) ** p / math.factorial(p) for p in range(order + 1)]
    return [[sum(f * d**p for p, f in enumerate(factors)) for d in row] for row in dots]


def test_the_code_s_form_is_a_plain_sum() -> None:
    s, t = STUDENT_VECTOR.tolist(), SAME_WIDTH_VECTOR.tolist()
    delta = [[abs(a - b) for a, b in zip(x, y, strict=True)] for x, y in zip(s, t, strict=True)]
    products = [sum(a * b for a, b in zip(delta[i], delta[i + 1], strict=True)) for i in range(3)]
    assert consecutive_correlation(STUDENT_VECTOR, SAME_WIDTH_VECTOR).item() == pytest.approx(sum(products) / 3)


def test_a_single_sample_has_no_pair_and_costs_nothing() -> None:
    student = STUDENT_VECTOR[:1].clone().requires_grad_()
    loss = consecutive_correlation(student, SAME_WIDTH_VECTOR[:1])
    loss.backward()
    assert loss.item() == 0.0
    assert student.grad is not None
    assert not student.grad.any()


def test_the_paper_s_form_is_a_plain_sum() -> None:
    ours, theirs = (kernel(v.tolist(), 0.4, 2) for v in (STUDENT_VECTOR, TEACHER_VECTOR))
    squares = [(ours[i][j] - theirs[i][j]) ** 2 for i in range(4) for j in range(4)]
    found = kernel_distance(STUDENT_VECTOR, TEACHER_VECTOR, gamma=0.4, order=2)
    assert found.item() == pytest.approx(sum(squares) / 16)


def test_the_expansion_is_of_the_gaussian_kernel() -> None:
    x = nn.functional.normalize(STUDENT_VECTOR, dim=1)
    gaussian = (-0.4 * torch.cdist(x, x).square()).exp()
    expanded = torch.tensor(kernel(STUDENT_VECTOR.tolist(), 0.4, 12), dtype=torch.float64)
    torch.testing.assert_close(expanded, gaussian)


def test_equal_embeddings_have_no_distance() -> None:
    assert consecutive_correlation(STUDENT_VECTOR, STUDENT_VECTOR) == 0
    assert kernel_distance(STUDENT_VECTOR, 2 * STUDENT_VECTOR, gamma=0.4, order=2).item() == pytest.approx(0, abs=1e-15)


@pytest.mark.parametrize("form", ["code", "paper"])
def test_the_embeddings_are_compared_in_the_chosen_form(form: str) -> None:
    method = known_method("cc", form=form, weight=2.0)
    ours, theirs = method.student_embedding(STUDENT_VECTOR), method.teacher_embedding(TEACHER_VECTOR)
    code, paper = consecutive_correlation(ours, theirs), kernel_distance(ours, theirs, gamma=0.4, order=2)
    assert abs(code - paper) > 1e-3
    torch.testing.assert_close(own_term(method, BATCH), 2 * (code if form == "code" else paper))


def test_both_embeddings_are_trained(world: World) -> None:
    method = world.method("cc", dimensions=16)
    assert method.student_embedding.weight.shape == (16, 64)
    assert method.teacher_embedding.weight.shape == (16, 128)
    trained = {id(p) for group in method.param_groups() for p in group["params"]}
    assert {id(p) for p in [*method.student_embedding.parameters(), *method.teacher_embedding.parameters()]} <= trained
