"""The pure losses: against fixed numbers, independent implementations, and what their formulas imply."""

import math

import pytest
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, kl_div, log_softmax, softmax

from cheapconv.methods.losses import attention, attention_distance, cross_entropy, kl, soft_cross_entropy
from tests.methods.inputs import LABELS, STUDENT, STUDENT_MAP, TEACHER, TEACHER_MAP, THIRD, filled

EIGHT_DIGITS = {"rtol": 0, "atol": 6e-9}  # the numbers are rounded to eight


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def by_loop(student: Tensor, teacher: Tensor, temperature: float) -> list[list[float]]:
    """p_t (log p_t - log p_s) of every sample and class, one number at a time."""
    rows = []
    for s, t in zip(student.tolist(), teacher.tolist(), strict=True):
        exp_s, exp_t = ([math.exp(z / temperature) for z in row] for row in (s, t))
        p_s, p_t = ([e / sum(row) for e in row] for row in (exp_s, exp_t))
        rows.append([p * (math.log(p) - math.log(q)) for p, q in zip(p_t, p_s, strict=True)])
    return rows


def attention_by_loop(feature_map: Tensor) -> list[list[float]]:
    """Q of every sample, one number at a time."""
    rows = []
    for sample in feature_map.tolist():
        channels = [[value for line in channel for value in line] for channel in sample]
        sums = [sum(channel[i] ** 2 for channel in channels) for i in range(len(channels[0]))]
        norm = math.sqrt(sum(s**2 for s in sums))
        rows.append([s / norm for s in sums])
    return rows


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (cross_entropy(STUDENT, LABELS), 1.04724098),
        (cross_entropy(TEACHER, LABELS), 3.08477976),
        (cross_entropy(THIRD, LABELS), 3.33434616),
        (kl(STUDENT, TEACHER, 4.0), 0.14820130),
        (4**2 * kl(STUDENT, TEACHER, 4.0), 2.37122082),
        (attention_distance(STUDENT_MAP, TEACHER_MAP), 0.00330040),
        (attention_distance(STUDENT_MAP, TEACHER_MAP, "norm"), 0.22882048),
    ],
)
def test_fixed_numbers(value: Tensor, expected: float) -> None:
    assert value.dtype == torch.float64
    torch.testing.assert_close(value.item(), expected, **EIGHT_DIGITS)


@pytest.mark.parametrize("reduction", ["batchmean", "mean"])
@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_kl_is_the_library_s(reduction: str, temperature: float) -> None:
    log_q, p = log_softmax(STUDENT / temperature, dim=1), softmax(TEACHER / temperature, dim=1)
    # The bare "mean" of kl_div means the mean over all elements, and warns that it will not for ever.
    library = kl_div(log_q, p, reduction="sum") / (4 if reduction == "batchmean" else 4 * 5)
    torch.testing.assert_close(kl(STUDENT, TEACHER, temperature, reduction), library)


def test_kl_is_a_plain_sum() -> None:
    rows = by_loop(STUDENT, TEACHER, 4.0)
    assert kl(STUDENT, TEACHER, 4.0).item() == pytest.approx(sum(map(sum, rows)) / 4)
    assert kl(STUDENT, TEACHER, 4.0, "mean").item() == pytest.approx(sum(map(sum, rows)) / (4 * 5))


def test_student_and_teacher_cannot_be_swapped() -> None:
    swapped = kl(TEACHER, STUDENT, 4.0)
    assert abs(swapped - kl(STUDENT, TEACHER, 4.0)) > 1e-3
    assert swapped.item() == pytest.approx(sum(map(sum, by_loop(TEACHER, STUDENT, 4.0))) / 4)
    assert abs(soft_cross_entropy(TEACHER, STUDENT, 4.0) - soft_cross_entropy(STUDENT, TEACHER, 4.0)) > 1e-3


@pytest.mark.parametrize("classes", [2, 5, 10, 100])
def test_the_two_reductions_differ_by_the_number_of_classes(classes: int) -> None:
    student, teacher = random(6, classes), random(6, classes, seed=1)
    ratio = kl(student, teacher, 4.0) / kl(student, teacher, 4.0, "mean")
    assert ratio.item() == pytest.approx(classes, rel=1e-14)


def test_kl_is_zero_for_equal_distributions_and_positive_otherwise() -> None:
    assert kl(STUDENT, STUDENT + 3, 4.0).item() == pytest.approx(0, abs=1e-15)
    assert all(kl(random(4, 5, seed=i), random(4, 5, seed=i + 1), 2.0) > 0 for i in range(20))


def test_the_student_s_gradient_is_the_difference_of_the_distributions() -> None:
    student = STUDENT.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(kl(student, TEACHER, 4.0), student)
    difference = softmax(STUDENT / 4, dim=1) - softmax(TEACHER / 4, dim=1)
    torch.testing.assert_close(gradient, difference / (4 * len(STUDENT)))


def test_soft_cross_entropy_is_kl_and_the_teacher_s_entropy() -> None:
    p = softmax(TEACHER / 4, dim=1)
    entropy = -(p * p.log()).sum(dim=1).mean()
    torch.testing.assert_close(soft_cross_entropy(STUDENT, TEACHER, 4.0), kl(STUDENT, TEACHER, 4.0) + entropy)


def test_at_high_temperature_kl_matches_centred_logits() -> None:
    """T^2 KL -> 1/2 mean_c ((s_c - mean s) - (t_c - mean t))^2 (Hinton et al. 2015, section 2.1)."""
    difference = (STUDENT - STUDENT.mean(dim=1, keepdim=True)) - (TEACHER - TEACHER.mean(dim=1, keepdim=True))
    limit = difference.square().mean(dim=1).mean() / 2
    torch.testing.assert_close(1e4**2 * kl(STUDENT, TEACHER, 1e4), limit, rtol=1e-3, atol=0)


def test_confident_logits_stay_finite() -> None:
    student = torch.tensor([[-1000.0, 1000.0, 0.0]], requires_grad=True)
    loss = kl(student, torch.tensor([[1000.0, -1000.0, 0.0]]), 1.0)
    loss.backward()
    assert loss.item() == 2000
    assert student.grad is not None
    torch.testing.assert_close(student.grad, torch.tensor([[-1.0, 1.0, 0.0]]))


def test_gradients_flow_into_the_target_unless_it_is_detached() -> None:
    teacher = TEACHER.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(kl(STUDENT, teacher, 4.0), teacher)
    assert gradient.abs().sum() > 0
    assert not kl(STUDENT, teacher.detach(), 4.0).requires_grad


def test_attention_is_a_plain_sum() -> None:
    expected = torch.tensor(attention_by_loop(TEACHER_MAP), dtype=torch.float64)
    torch.testing.assert_close(attention(TEACHER_MAP), expected)


def test_attention_has_unit_norm_and_forgets_scale_and_number_of_channels() -> None:
    q = attention(STUDENT_MAP)
    assert q.shape == (4, 16)
    torch.testing.assert_close(q.norm(dim=1), torch.ones(4, dtype=torch.float64))
    torch.testing.assert_close(attention(3 * STUDENT_MAP), q)
    torch.testing.assert_close(attention(torch.cat([STUDENT_MAP, -STUDENT_MAP], dim=1)), q)


def test_attention_is_normalised_per_sample() -> None:
    one_is_louder = STUDENT_MAP * torch.tensor([1.0, 10.0, 1.0, 1.0])[:, None, None, None]
    torch.testing.assert_close(attention(one_is_louder), attention(STUDENT_MAP))


def test_sum_over_positions_is_their_number_times_the_mean() -> None:
    difference = attention(STUDENT_MAP) - attention(TEACHER_MAP)
    summed = difference.square().sum(dim=1).mean()
    torch.testing.assert_close(summed.item(), 0.05280634, **EIGHT_DIGITS)
    assert (summed / attention_distance(STUDENT_MAP, TEACHER_MAP)).item() == pytest.approx(4 * 4, rel=1e-14)


def test_finer_maps_weigh_less_in_the_mean_and_the_same_in_the_norm() -> None:
    finer = [m.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3) for m in (STUDENT_MAP, TEACHER_MAP)]
    torch.testing.assert_close(4 * attention_distance(*finer), attention_distance(STUDENT_MAP, TEACHER_MAP))
    torch.testing.assert_close(attention_distance(*finer, "norm"), attention_distance(STUDENT_MAP, TEACHER_MAP, "norm"))


@pytest.mark.parametrize("form", ["mean_square", "norm"])
def test_the_larger_map_is_pooled_before_the_squares(form: str) -> None:
    large = filled(lambda i: torch.cos(0.03 * i), 4, 6, 8, 8)
    expected = attention_distance(STUDENT_MAP, avg_pool2d(large, 2), form)
    torch.testing.assert_close(attention_distance(STUDENT_MAP, large, form), expected)
    torch.testing.assert_close(attention_distance(large, STUDENT_MAP, form), expected)
    squared_first = attention(avg_pool2d(large.square().mean(dim=1, keepdim=True).sqrt(), 2))
    assert not torch.allclose(squared_first, attention(avg_pool2d(large, 2)))


@pytest.mark.parametrize("form", ["mean_square", "norm"])
def test_equal_and_empty_maps_have_a_finite_gradient(form: str) -> None:
    for values in (TEACHER_MAP, torch.zeros_like(TEACHER_MAP)):
        student = values.clone().requires_grad_()
        loss = attention_distance(student, values, form)
        (gradient,) = torch.autograd.grad(loss, student)
        assert loss.item() == 0
        assert gradient.isfinite().all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_width_inputs_are_computed_in_float32(dtype: torch.dtype) -> None:
    student, teacher = (1000 * STUDENT_MAP).to(dtype), (1000 * TEACHER_MAP).to(dtype)  # 1000^2 overflows float16
    distance = attention_distance(student, teacher)
    assert distance.dtype == torch.float32
    assert torch.equal(distance, attention_distance(student.float(), teacher.float()))
    torch.testing.assert_close(distance.item(), 0.0033004, rtol=0.1, atol=0)
    s, t = STUDENT.to(dtype), TEACHER.to(dtype)
    assert torch.equal(kl(s, t, 4.0), kl(s.float(), t.float(), 4.0))
    assert torch.equal(soft_cross_entropy(s, t, 4.0), soft_cross_entropy(s.float(), t.float(), 4.0))
    assert torch.equal(cross_entropy(s, LABELS), cross_entropy(s.float(), LABELS))


def test_autocast_does_not_narrow_the_losses() -> None:
    s, t, f, g = (x.float() for x in (STUDENT, TEACHER, STUDENT_MAP, TEACHER_MAP))

    def losses() -> list[Tensor]:
        return [cross_entropy(s, LABELS), kl(s, t, 4.0), soft_cross_entropy(s, t, 4.0), attention_distance(f, g)]

    with torch.autocast("cpu", torch.bfloat16):
        narrow = losses()
    assert [x.dtype for x in narrow] == [torch.float32] * 4
    assert all(torch.equal(a, b) for a, b in zip(narrow, losses(), strict=True))


def test_a_repeated_batch_has_the_same_loss() -> None:
    s, t, y, f, g = (torch.cat([x, x, x]) for x in (STUDENT, TEACHER, LABELS, STUDENT_MAP, TEACHER_MAP))
    torch.testing.assert_close(cross_entropy(s, y), cross_entropy(STUDENT, LABELS))
    torch.testing.assert_close(kl(s, t, 4.0), kl(STUDENT, TEACHER, 4.0))
    torch.testing.assert_close(kl(s, t, 4.0, "mean"), kl(STUDENT, TEACHER, 4.0, "mean"))
    for form in ("mean_square", "norm"):
        torch.testing.assert_close(attention_distance(f, g, form), attention_distance(STUDENT_MAP, TEACHER_MAP, form))


def test_classes_that_nobody_believes_in_change_the_mean_only() -> None:
    s, t = (torch.cat([z, torch.full((4, 5), -1e3, dtype=z.dtype)], dim=1) for z in (STUDENT, TEACHER))
    torch.testing.assert_close(kl(s, t, 4.0), kl(STUDENT, TEACHER, 4.0))
    torch.testing.assert_close(2 * kl(s, t, 4.0, "mean"), kl(STUDENT, TEACHER, 4.0, "mean"))
