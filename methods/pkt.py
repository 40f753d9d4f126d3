"""Probabilistic knowledge transfer: the chance of picking one sample as another's neighbour, as with the teacher.

Passalis, Tefas, "Learning Deep Representations with Probabilistic Knowledge Transfer", ECCV 2018, arXiv:1803.10837,
with the cosine kernel, on pooled embeddings.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from cheapconv.catalog import register
from cheapconv.catalog.numbers import Weight
from cheapconv.methods.base import Batch
from cheapconv.methods.losses import exact
from cheapconv.methods.parts.offline import Offline, Seen

EPS = 1e-7


@exact
def neighbour_divergence(student: Tensor, teacher: Tensor) -> Tensor:
    """Mean over the B^2 pairs of P_t log(P_t / P_s), from embeddings (B, D_s) and (B, D_t)."""
    p, q = _neighbours(teacher), _neighbours(student)
    return (p * ((p + EPS) / (q + EPS)).log()).mean()


def _neighbours(embedding: Tensor) -> Tensor:
    """(B, B): cosine similarities brought to [0, 1], rows scaled to sum to 1."""
    unit = embedding / (torch.linalg.vector_norm(embedding, dim=1, keepdim=True) + EPS)
    similarity = (unit @ unit.T + 1) / 2
    return similarity / similarity.sum(dim=1, keepdim=True)


@register("method", "pkt", paper="Passalis and Tefas 2018, arXiv:1803.10837")
class PKT(Offline):
    """The neighbourhoods of a batch's embeddings pulled to the teacher's."""

    couples_samples = True

    @dataclass(frozen=True, kw_only=True)
    class Config(Offline.Config):
        """L = ce_weight CE + weight mean_{B x B} P_t log(P_t / P_s) [+ kd_weight KD].

        The mean over B^2 pairs, as in RepDistiller, is why the weight is as large as 30000.
        """

        weight: Weight = 30000.0

    def transfer(self, student: Seen, teacher: Seen, batch: Batch) -> Tensor:
        """Divergence of the neighbourhoods."""
        return neighbour_divergence(self.gather(student.embedding), self.gather(teacher.embedding))
