"""Relational distillation: distances between samples, and angles between triples of them, as the teacher sees them.

Park, Kim, Lu, Cho, "Relational Knowledge Distillation", CVPR 2019, arXiv:1904.05068, eqs. 4-9, on pooled embeddings.
Memory grows with the cube of the batch size (a batch of 64 takes 1 MB for each network).
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import normalize, smooth_l1_loss

from cheapconv.catalog import register
from cheapconv.catalog.numbers import Weight
from cheapconv.methods.base import Batch
from cheapconv.methods.losses import exact
from cheapconv.methods.parts.offline import Offline, Seen

EPS = 1e-12  # keeps the root of a squared distance, and its gradient, away from zero


@exact
def distance_loss(student: Tensor, teacher: Tensor) -> Tensor:
    """Smooth L1 between the distance matrices of embeddings (B, D), each in units of its mean distance."""
    return smooth_l1_loss(_distances(student), _distances(teacher))


@exact
def angle_loss(student: Tensor, teacher: Tensor) -> Tensor:
    """Smooth L1 between the cosines of the angles of all triples of embeddings (B, D)."""
    return smooth_l1_loss(_cosines(student), _cosines(teacher))


def _distances(embedding: Tensor) -> Tensor:
    """(B, B) Euclidean distances divided by the mean of those between different samples."""
    squares = embedding.square().sum(dim=1)  # (B,)
    squared = squares[:, None] + squares[None, :] - 2 * embedding @ embedding.T
    others = 1 - torch.eye(len(embedding), device=embedding.device, dtype=embedding.dtype)
    distances = squared.clamp(min=EPS).sqrt() * others
    return distances / (distances.sum() / others.sum().clamp(min=1)).clamp(min=EPS)


def _cosines(embedding: Tensor) -> Tensor:
    """(B, B, B): [i, j, k] is the cosine of the angle at sample i between the directions to j and to k."""
    directions = normalize(embedding[None, :] - embedding[:, None], dim=2)  # (B, B, D)
    return directions @ directions.transpose(1, 2)


@register("method", "rkd", paper="Park et al. 2019, arXiv:1904.05068")
class RKD(Offline):
    """Distances and angles between a batch's embeddings pulled to the teacher's."""

    couples_samples = True

    @dataclass(frozen=True, kw_only=True)
    class Config(Offline.Config):
        """L = ce_weight CE + weight (distance_weight D + angle_weight A) [+ kd_weight KD].

        25 and 50 are RepDistiller's.
        """

        weight: Weight = 1.0
        distance_weight: Weight = 25.0
        angle_weight: Weight = 50.0

    def transfer(self, student: Seen, teacher: Seen, batch: Batch) -> Tensor:
        """The two relations, weighted."""
        ours, theirs = self.gather(student.embedding), self.gather(teacher.embedding)
        distance, angle = distance_loss(ours, theirs), angle_loss(ours, theirs)
        return self.config.distance_weight * distance + self.config.angle_weight * angle
