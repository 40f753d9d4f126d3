"""Similarities of a batch."""

import math

import pytest
import torch
from torch import Tensor

from cheapconv.methods.sp import similarity_distance
from tests.methods.fixed import BATCH
from tests.methods.inputs import STUDENT_MAP, TEACHER_MAP
from tests.methods.known import known_method, own_term


def by_loop(student: Tensor, teacher: Tensor) -> float:
    """||G_t - G_s||_F^2 / B^2, one number at a time."""
    matrices = []
    for features in (student, teacher):
        rows = features.flatten(1).tolist()
        products = [[sum(a * b for a, b in zip(x, y, strict=True)) for y in rows] for x in rows]
        norms = [math.sqrt(sum(g * g for g in row)) for row in products]
        matrices.append([[g / norm for g in row] for row, norm in zip(products, norms, strict=True)])
    count = len(student)
    squares = [(matrices[0][i][j] - matrices[1][i][j]) ** 2 for i in range(count) for j in range(count)]
    return sum(squares) / count**2


def test_the_loss_is_a_fixed_number_and_a_plain_sum() -> None:
    found = similarity_distance(STUDENT_MAP, TEACHER_MAP).item()
    assert found == pytest.approx(0.41817667, abs=6e-9)
    assert found == pytest.approx(by_loop(STUDENT_MAP, TEACHER_MAP))


def test_the_last_maps_are_compared() -> None:
    method = known_method("sp")
    torch.testing.assert_close(own_term(method, BATCH).item(), 3000 * 0.41817667, rtol=0, atol=3000 * 6e-9)
    method.student.maps = [*[TEACHER_MAP] * 2, STUDENT_MAP]
    assert own_term(method, BATCH) > 0
    method.student.maps = [*[STUDENT_MAP] * 2, TEACHER_MAP]
    assert own_term(method, BATCH) == 0


def test_it_forgets_scale_and_rotation() -> None:
    flipped = 7 * STUDENT_MAP.flip(2)
    torch.testing.assert_close(similarity_distance(flipped, STUDENT_MAP), torch.zeros((), dtype=torch.float64))
