"""Logit standardisation: distillation of logits whose mean and scale are taken out, sample by sample.

Sun et al., "Logit Standardization in Knowledge Distillation", CVPR 2024, arXiv:2403.01427, algorithm 1.
"""

from dataclasses import dataclass

from torch import Tensor

from cheapconv.catalog import register
from cheapconv.catalog.numbers import Temperature, Weight
from cheapconv.methods.base import Batch
from cheapconv.methods.kd import soft_target_loss
from cheapconv.methods.losses import exact
from cheapconv.methods.parts.offline import Offline, Seen

EPS = 1e-7


@exact
def standardise(logits: Tensor) -> Tensor:
    """(z - mean_c z) / (std_c z + eps) of logits (B, C), with the unbiased standard deviation."""
    return (logits - logits.mean(dim=1, keepdim=True)) / (logits.std(dim=1, keepdim=True) + EPS)


@register("method", "kd_ls", paper="Sun et al. 2024, arXiv:2403.01427")
class KDLS(Offline):
    """Softened outputs of the teacher as targets, both sides' logits standardised first."""

    @dataclass(frozen=True, kw_only=True)
    class Config(Offline.Config):
        """L = ce_weight CE + weight T^2 KL(p_t^T || p_s^T) of standardised logits [+ kd_weight KD].

        The paper's base temperature and weight depend on the pair of networks: (2, 9) for most, as here; (3, 9) for
        VGG-13 -> VGG-8, ResNet-32x4 -> WRN and pairs with MobileNetV2; (4, 12) for ResNet-110 -> ResNet-20.
        """

        weight: Weight = 9.0
        ce_weight: Weight = 0.1
        temperature: Temperature = 2.0

    def transfer(self, student: Seen, teacher: Seen, batch: Batch) -> Tensor:
        """Distillation of standardised logits; the gradient also flows through the student's mean and scale."""
        ours, theirs = standardise(student.logits), standardise(teacher.logits)
        return soft_target_loss(ours, theirs, self.config.temperature, "batchmean")
