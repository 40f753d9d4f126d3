"""Variational information distillation: the student's maps predict the teacher's, with a learned uncertainty.

Ahn et al., "Variational Information Distillation for Knowledge Transfer", CVPR 2019, arXiv:1904.05835, eqs. 5 and 6.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from cheapconv.catalog import register
from cheapconv.catalog.numbers import Weight
from cheapconv.methods.base import Batch, Build
from cheapconv.methods.losses import exact, fit
from cheapconv.methods.parts.map_gradients import keep_layout
from cheapconv.methods.parts.offline import Offline, Seen, check_same_stages

INITIAL_VARIANCE, EPS = 5.0, 1e-5


@exact
def gaussian_loss(mean: Tensor, target: Tensor, variance: Tensor) -> Tensor:
    """Mean of ((mean - target)^2 / v + log v) / 2: -log of a normal density without its constant.

    Maps are (B, C, H, W), the variance is (C,). Below zero where the prediction is good and sure of it.
    """
    v = variance[:, None, None]
    return ((mean - target).square() / v + v.log()).mean() / 2


class Predictor(nn.Module):
    """Mean, by three 1x1 convolutions, and variance of each channel of the teacher's map, from the student's."""

    def __init__(self, student: int, teacher: int) -> None:
        super().__init__()
        widths = [student, teacher, teacher, teacher]
        first, second, third = (nn.Conv2d(widths[i], widths[i + 1], 1, bias=False) for i in range(3))
        self.mean = nn.Sequential(first, nn.ReLU(), second, nn.ReLU(), third)
        self.rho = nn.Parameter(torch.full((teacher,), math.log(math.expm1(INITIAL_VARIANCE - EPS))))

    def variance(self) -> Tensor:
        """(C_t,): log(1 + exp(rho)) + eps, at first 5."""
        return softplus(self.rho.float()) + EPS

    def forward(self, student: Tensor, teacher: Tensor) -> Tensor:
        """The loss of one pair of maps; the larger one is average-pooled to the size of the smaller."""
        return gaussian_loss(keep_layout(self.mean(fit(student, teacher))), fit(teacher, student), self.variance())


@register("method", "vid", paper="Ahn et al. 2019, arXiv:1904.05835")
class VID(Offline):
    """The teacher's maps predicted from the student's, stage by stage."""

    @dataclass(frozen=True, kw_only=True)
    class Config(Offline.Config):
        """L = ce_weight CE + weight sum_l mean(((mu(F_s) - F_t)^2 / v + log v) / 2) [+ kd_weight KD].

        Predictors and variances are trained with the student. Weight 1 is RepDistiller's.
        """

        weight: Weight = 1.0

    def __init__(self, build: Build, config: Config) -> None:
        super().__init__(build, config)
        check_same_stages("vid", self.student, self.teacher)
        pairs = zip(self.student.channels, self.teacher.channels, strict=True)
        self.predictors = nn.ModuleList(Predictor(*widths) for widths in pairs)

    def transfer(self, student: Seen, teacher: Seen, batch: Batch) -> Tensor:
        """Sum over the stages."""
        stages = zip(self.predictors, student.maps, teacher.maps, strict=True)
        return torch.stack([predictor(s, t) for predictor, s, t in stages]).sum()
