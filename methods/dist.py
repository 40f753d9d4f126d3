"""DIST: the student's probabilities correlate with the teacher's, within each sample and within each class.

Huang et al., "Knowledge Distillation from A Stronger Teacher", NeurIPS 2022, arXiv:2205.10536, eqs. 8-10.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from cheapconv.catalog import register
from cheapconv.catalog.numbers import Weight
from cheapconv.methods.base import Batch
from cheapconv.methods.losses import exact
from cheapconv.methods.parts.offline import Offline, Seen

EPS = 1e-8


@exact
def inter_loss(student: Tensor, teacher: Tensor) -> Tensor:
    """1 - the correlation of two rows (B, C) of probabilities, mean over the samples."""
    return 1 - _correlation(student, teacher).mean()


@exact
def intra_loss(student: Tensor, teacher: Tensor) -> Tensor:
    """1 - the correlation of two columns (B, C) of probabilities, mean over the classes; constant for B = 1."""
    return 1 - _correlation(student.T, teacher.T).mean()


def _correlation(a: Tensor, b: Tensor) -> Tensor:
    """Pearson's correlation of the rows of two matrices: (N, M) -> (N,)."""
    a, b = (x - x.mean(dim=1, keepdim=True) for x in (a, b))
    norms = torch.linalg.vector_norm(a, dim=1) * torch.linalg.vector_norm(b, dim=1)
    return (a * b).sum(dim=1) / (norms + EPS)


@register("method", "dist", paper="Huang et al. 2022, arXiv:2205.10536")
class DIST(Offline):
    """Correlation with the teacher's probabilities, over classes and over samples."""

    couples_samples = True

    @dataclass(frozen=True, kw_only=True)
    class Config(Offline.Config):
        """L = ce_weight CE + weight T^2 (inter_weight inter + intra_weight intra) [+ kd_weight KD].

        Weight 2 and the weights of 1 are the paper's; T = 4 is for CIFAR, 1 for ImageNet.
        """

        weight: Weight = 2.0
        inter_weight: Weight = 1.0
        intra_weight: Weight = 1.0

    def transfer(self, student: Seen, teacher: Seen, batch: Batch) -> Tensor:
        """The two correlations of the softened probabilities, weighted."""
        c = self.config
        every = (self.gather(seen.logits) for seen in (student, teacher))
        ours, theirs = (_probabilities(logits, temperature=c.temperature) for logits in every)
        loss = c.inter_weight * inter_loss(ours, theirs) + c.intra_weight * intra_loss(ours, theirs)
        return c.temperature**2 * loss


@exact
def _probabilities(logits: Tensor, temperature: float) -> Tensor:
    return (logits / temperature).softmax(dim=1)
