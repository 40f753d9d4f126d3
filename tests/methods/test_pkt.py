"""Neighbourhoods of a batch as probabilities."""

import math

import pytest
import torch
from torch import Tensor

from cheapconv.methods.pkt import neighbour_divergence
from tests.methods.fixed import BATCH
from tests.methods.known import STUDENT_VECTOR, TEACHER_VECTOR, known_method, own_term


def probabilities(rows: list[list[float]]) -> list[list[float]]:
    """Cosine kernel brought to [0, 1], rows summing to 1."""
    found = []
    for a in rows:
        dots = [sum(x * y for x, y in zip(a, b, strict=True)) / (math.hypot(*a) * math.hypot(*b)) for b in rows]
        kernel = [(d + 1) / 2 for d in dots]
        found.append([k / sum(kernel) for k in kernel])
    return found


def test_the_loss_is_a_fixed_number_and_a_plain_mean() -> None:
    found = neighbour_divergence(STUDENT_VECTOR, TEACHER_VECTOR).item()
    assert found == pytest.approx(0.01041097, abs=6e-9)
    p, q = probabilities(TEACHER_VECTOR.tolist()), probabilities(STUDENT_VECTOR.tolist())
    terms = [p[i][j] * math.log(p[i][j] / q[i][j]) for i in range(4) for j in range(4)]
    assert found == pytest.approx(sum(terms) / 16, rel=1e-4)  # without the epsilons


def test_the_pooled_embeddings_are_compared() -> None:
    assert own_term(known_method("pkt"), BATCH).item() == pytest.approx(30000 * 0.01041097, abs=30000 * 6e-9)


def test_student_and_teacher_cannot_be_swapped_and_are_left_as_they_were() -> None:
    student, teacher = STUDENT_VECTOR.clone(), TEACHER_VECTOR.clone()
    there, back = neighbour_divergence(student, teacher), neighbour_divergence(teacher, student)
    assert abs(there - back) > 1e-4
    assert torch.equal(student, STUDENT_VECTOR)
    assert torch.equal(teacher, TEACHER_VECTOR)


def test_a_vector_of_zeros_is_no_one_s_neighbour_and_breaks_nothing() -> None:
    student: Tensor = (STUDENT_VECTOR * torch.tensor([1.0, 0.0, 1.0, 1.0])[:, None]).requires_grad_()
    loss = neighbour_divergence(student, TEACHER_VECTOR)
    loss.backward()
    assert loss.isfinite()
    assert student.grad is not None
    assert student.grad.isfinite().all()
