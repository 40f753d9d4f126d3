"""Similarity-preserving distillation: samples that are alike to the teacher are alike to the student.

Tung, Mori, "Similarity-Preserving Knowledge Distillation", ICCV 2019, arXiv:1907.09682, eqs. 2-4, on the last map.
"""

from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import normalize

from cheapconv.catalog import register
from cheapconv.catalog.numbers import Weight
from cheapconv.methods.base import Batch
from cheapconv.methods.losses import exact
from cheapconv.methods.parts.map_gradients import keep_layout
from cheapconv.methods.parts.offline import Offline, Seen


@exact
def similarity_distance(student: Tensor, teacher: Tensor) -> Tensor:
    """||G_t - G_s||_F^2 / B^2, where row b of G are the inner products of sample b with all others, scaled to 1."""
    return (_similarities(teacher) - _similarities(student)).square().mean()


def _similarities(features: Tensor) -> Tensor:
    """(B, ...) -> (B, B) with rows of unit length."""
    flat = features.flatten(1)
    return normalize(flat @ flat.T, dim=1)


@register("method", "sp", paper="Tung and Mori 2019, arXiv:1907.09682")
class SP(Offline):
    """The similarities of a batch's last maps pulled to the teacher's."""

    couples_samples = True

    @dataclass(frozen=True, kw_only=True)
    class Config(Offline.Config):
        """L = ce_weight CE + weight ||G_t - G_s||_F^2 / B^2 [+ kd_weight KD]; weight 3000 is RepDistiller's.

        Rows have unit length, so that an entry's size, and with it the loss, falls with the batch size B.
        """

        weight: Weight = 3000.0

    def transfer(self, student: Seen, teacher: Seen, batch: Batch) -> Tensor:
        """Distance of the similarity matrices."""
        return similarity_distance(self.gather(keep_layout(student.maps[-1])), self.gather(teacher.maps[-1]))
