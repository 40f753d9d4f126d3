"""Correlation congruence: correlations between samples, in a learned embedding, as with the teacher.

Peng et al., "Correlation Congruence for Knowledge Distillation", ICCV 2019, arXiv:1904.01802. RepDistiller's code,
with which the published numbers were made, compares consecutive samples only. Both embeddings are trained.
"""

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from cheapconv.catalog import register
from cheapconv.catalog.numbers import Count, Few, Weight
from cheapconv.methods.base import Batch, Build
from cheapconv.methods.losses import exact
from cheapconv.methods.parts.offline import Offline, Seen


@exact
def consecutive_correlation(student: Tensor, teacher: Tensor) -> Tensor:
    """Mean over b < B of sum_d |e_s - e_t|_{b,d} |e_s - e_t|_{b+1,d}, from embeddings (B, D); 0 of a single sample."""
    difference = (student - teacher).abs()
    if len(difference) == 1:
        return 0 * difference.sum()
    return (difference[:-1] * difference[1:]).sum(dim=1).mean()


@exact
def kernel_distance(student: Tensor, teacher: Tensor, gamma: float, order: int) -> Tensor:
    """||K(e_s) - K(e_t)||_F^2 / B^2 (eqs. 5 and 9), from embeddings (B, D)."""
    return (_kernel(student, gamma, order) - _kernel(teacher, gamma, order)).square().mean()


def _kernel(embedding: Tensor, gamma: float, order: int) -> Tensor:
    """(B, B) Gaussian kernel of unit vectors, exp(-2 gamma) sum_{p <= order} (2 gamma x.y)^p / p!."""
    unit = normalize(embedding, dim=1)
    products = 2 * gamma * unit @ unit.T
    powers = torch.stack([products**p / math.factorial(p) for p in range(order + 1)])
    return math.exp(-2 * gamma) * powers.sum(dim=0)


@register("method", "cc", paper="Peng et al. 2019, arXiv:1904.01802")
class CC(Offline):
    """Correlations of a batch's samples in a learned embedding pulled to the teacher's."""

    couples_samples = True

    @dataclass(frozen=True, kw_only=True)
    class Config(Offline.Config):
        """L = ce_weight CE + weight CC(e_s, e_t) [+ kd_weight KD], e = Linear(pooled -> `dimensions`), both trained.

        `form`: `code` is RepDistiller's product of consecutive samples' differences, with its weight 0.02; `paper` is
        the distance of the Gaussian kernels of all pairs, expanded to `order`, with the paper's `gamma`.
        """

        weight: Weight = 0.02
        form: Literal["code", "paper"] = "code"
        dimensions: Count = 128
        gamma: Weight = 0.4
        order: Few = 2

    def __init__(self, build: Build, config: Config) -> None:
        super().__init__(build, config)
        self.student_embedding = nn.Linear(self.student.features, config.dimensions)
        self.teacher_embedding = nn.Linear(self.teacher.features, config.dimensions)

    def transfer(self, student: Seen, teacher: Seen, batch: Batch) -> Tensor:
        """The chosen form of the loss on the embeddings."""
        c = self.config
        ours = self.gather(self.student_embedding(student.embedding))
        theirs = self.gather(self.teacher_embedding(teacher.embedding))
        if c.form == "code":
            return consecutive_correlation(ours, theirs)
        return kernel_distance(ours, theirs, gamma=c.gamma, order=c.order)
