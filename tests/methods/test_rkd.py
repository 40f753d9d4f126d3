"""Relations between samples: distances and angles."""

import math
from itertools import product

import pytest
import torch
from torch import Tensor

from cheapconv.methods.rkd import angle_loss, distance_loss
from tests.methods.fixed import BATCH
from tests.methods.known import STUDENT_VECTOR, TEACHER_VECTOR, known_method, own_term

DISTANCE, ANGLE = 0.01364082, 0.01117432


def smooth_l1(a: float, b: float) -> float:
    difference = abs(a - b)
    return difference**2 / 2 if difference < 1 else difference - 0.5


def distances(rows: list[list[float]]) -> dict[tuple[int, int], float]:
    found = {(i, j): math.dist(a, b) for i, a in enumerate(rows) for j, b in enumerate(rows)}
    positive = [d for d in found.values() if d > 0]
    return {pair: d / (sum(positive) / len(positive)) for pair, d in found.items()}


def cosine(rows: list[list[float]], i: int, j: int, k: int) -> float:
    """Of the angle at i; 0 where two of the three are one."""
    if i in (j, k):
        return 0.0
    a, b = ([x - y for x, y in zip(rows[other], rows[i], strict=True)] for other in (j, k))
    return sum(x * y for x, y in zip(a, b, strict=True)) / (math.hypot(*a) * math.hypot(*b))


def test_distances_are_a_fixed_number_and_a_plain_sum() -> None:
    found = distance_loss(STUDENT_VECTOR, TEACHER_VECTOR).item()
    assert found == pytest.approx(DISTANCE, abs=6e-9)
    s, t = distances(STUDENT_VECTOR.tolist()), distances(TEACHER_VECTOR.tolist())
    assert found == pytest.approx(sum(smooth_l1(s[p], t[p]) for p in s) / 4**2)


def test_angles_are_a_fixed_number_and_a_plain_sum() -> None:
    found = angle_loss(STUDENT_VECTOR, TEACHER_VECTOR).item()
    assert found == pytest.approx(ANGLE, abs=6e-9)
    s, t = STUDENT_VECTOR.tolist(), TEACHER_VECTOR.tolist()
    triples = product(range(4), repeat=3)
    assert found == pytest.approx(sum(smooth_l1(cosine(s, *p), cosine(t, *p)) for p in triples) / 4**3)


def test_both_are_weighted() -> None:
    expected = 25 * DISTANCE + 50 * ANGLE
    assert own_term(known_method("rkd"), BATCH).item() == pytest.approx(expected, abs=75 * 6e-9)
    alone = own_term(known_method("rkd", distance_weight=0.0, angle_weight=1.0), BATCH)
    assert alone.item() == pytest.approx(ANGLE, abs=6e-9)


@pytest.mark.parametrize("loss", [distance_loss, angle_loss])
def test_it_forgets_scale_shift_and_rotation(loss: object) -> None:
    q, _ = torch.linalg.qr(torch.randn(6, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0)))
    moved = 3 * STUDENT_VECTOR @ q + 1
    assert loss(moved, STUDENT_VECTOR).item() == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("loss", [distance_loss, angle_loss])
def test_equal_samples_and_a_batch_of_one_have_finite_gradients(loss: object) -> None:
    for embedding in (torch.ones(4, 6), torch.ones(1, 6)):
        student = embedding.clone().requires_grad_()
        value: Tensor = loss(student, TEACHER_VECTOR[: len(embedding)].float())
        value.backward()
        assert value.isfinite()
        assert student.grad is not None
        assert student.grad.isfinite().all()
