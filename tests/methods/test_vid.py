"""Predictions of the teacher's maps with a learned variance."""

import math

import pytest
import torch

from cheapconv.methods.vid import Predictor, gaussian_loss
from tests.methods.fixed import BATCH
from tests.methods.inputs import STUDENT_MAP, TEACHER_MAP
from tests.methods.known import SAME_WIDTH_MAP, known_method, own_term
from tests.methods.world import World

FIVE = torch.full((3,), 5.0, dtype=torch.float64)


def test_the_loss_is_a_fixed_number_and_a_plain_mean() -> None:
    found = gaussian_loss(STUDENT_MAP, SAME_WIDTH_MAP, FIVE).item()
    assert found == pytest.approx(0.89490737, abs=6e-9)
    pairs = zip(STUDENT_MAP.flatten().tolist(), SAME_WIDTH_MAP.flatten().tolist(), strict=True)
    assert found == pytest.approx(sum(0.5 * ((a - b) ** 2 / 5 + math.log(5)) for a, b in pairs) / 192)


def test_it_is_the_density_s_logarithm_without_its_constant() -> None:
    variance = torch.tensor([0.5, 1.0, 2.0], dtype=torch.float64)
    density = torch.distributions.Normal(STUDENT_MAP, variance.sqrt()[:, None, None])
    expected = -density.log_prob(SAME_WIDTH_MAP).mean() - math.log(2 * math.pi) / 2
    torch.testing.assert_close(gaussian_loss(STUDENT_MAP, SAME_WIDTH_MAP, variance), expected)


def test_good_predictions_go_below_zero() -> None:
    assert gaussian_loss(STUDENT_MAP, STUDENT_MAP, torch.full((3,), 0.01)) < 0


def test_a_predictor_is_three_pointwise_convolutions_and_a_variance_of_five() -> None:
    predictor = Predictor(3, 6)
    assert [tuple(p.shape) for p in predictor.mean.parameters()] == [(6, 3, 1, 1), (6, 6, 1, 1), (6, 6, 1, 1)]
    torch.testing.assert_close(predictor.variance(), torch.full((6,), 5.0))
    wide = predictor.double().variance()
    assert wide.detach().sub(5).abs().max() < 1e-5


@pytest.mark.parametrize(("side", "target"), [(8, 4), (4, 8)])
def test_the_larger_map_is_pooled_to_the_smaller(side: int, target: int) -> None:
    predictor, student = Predictor(3, 6), torch.randn(2, 3, side, side)
    teacher = torch.randn(2, 6, target, target)
    small = [torch.nn.functional.adaptive_avg_pool2d(m, 4) for m in (student, teacher)]
    torch.testing.assert_close(predictor(student, teacher), predictor(*small))


def test_all_stages_are_summed() -> None:
    method = known_method("vid", maps=2)
    assert len(method.predictors) == 2
    expected = [predictor(STUDENT_MAP, TEACHER_MAP) for predictor in method.predictors]
    torch.testing.assert_close(own_term(method, BATCH), expected[0] + expected[1])


def test_means_and_variances_are_trained(world: World) -> None:
    method = world.method("vid")
    trained = {id(p) for group in method.param_groups() for p in group["params"]}
    assert all({id(p) for p in predictor.parameters()} <= trained for predictor in method.predictors)
    assert [predictor.rho.shape[0] for predictor in method.predictors] == [32, 64, 128]
