"""Label smoothing: targets that are not quite certain, the regulariser that distillation is often explained by.

Szegedy et al., "Rethinking the Inception architecture for computer vision", CVPR 2016, arXiv:1512.00567, section 7.
"""

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Lt
from torch import Tensor
from torch.nn.functional import log_softmax

from cheapconv.baselines.scratch import Scratch
from cheapconv.catalog import register
from cheapconv.methods.base import Batch
from cheapconv.methods.parts.precision import wide


def smoothed_cross_entropy(logits: Tensor, labels: Tensor, smoothing: float) -> Tensor:
    """Mean over the batch of -sum_c q_c log p_c with q = (1 - smoothing) one_hot + smoothing / C."""
    log_p = log_softmax(wide(logits), dim=1)  # (B, C)
    right = log_p.gather(1, labels[:, None]).mean()
    return -(1 - smoothing) * right - smoothing * log_p.mean()


@register("method", "label_smoothing", paper="Szegedy et al. 2016, arXiv:1512.00567")
class LabelSmoothing(Scratch):
    """The network alone, cross-entropy with smoothed labels."""

    is_baseline = False  # the gap that distillation recovers starts without it
    soft_labels = False  # one class, made less certain

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """L = (1 - smoothing) CE(s, y) + smoothing mean_c(-log p_c); 0.1 is the paper's."""

        smoothing: Annotated[float, Ge(0), Lt(1)] = 0.1

    def losses(self, batch: Batch, update: int = 0) -> dict[str, Tensor]:
        """Cross-entropy with the smoothed labels."""
        return {"ce": smoothed_cross_entropy(self.student(batch.x), batch.y, self.config.smoothing)}
