"""Knowledge distillation from a frozen teacher's softened logits.

Hinton, Vinyals, Dean, "Distilling the Knowledge in a Neural Network", 2015, arXiv:1503.02531; the two Moonshine forms
from Crowley et al. 2018, arXiv:1711.02613, eq. 1 and released code.
"""

from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from cheapconv.catalog import register
from cheapconv.catalog.numbers import Temperature, Weight
from cheapconv.methods.base import Batch, Build, Method, Trained
from cheapconv.methods.losses import kl, soft_cross_entropy

Form = Literal["batchmean", "moonshine_code", "moonshine_paper"]


def soft_target_loss(student: Tensor, teacher: Tensor, temperature: float, form: Form) -> Tensor:
    """The distillation term with its T^2, without its weight, in one of its three published forms."""
    t2 = temperature**2
    if form == "batchmean":
        return t2 * kl(student, teacher, temperature)
    if form == "moonshine_code":  # the bare default of kl_div: divided by the number of classes as well
        return 2 * t2 * kl(student, teacher, temperature, reduction="mean")
    return 2 * t2 * soft_cross_entropy(student, teacher, temperature)


@register("method", "kd", paper="Hinton et al. 2015, arXiv:1503.02531; Crowley et al. 2018, eq. 1")
class KD(Method):
    """The teacher's softened outputs as additional targets; of every pixel, where every pixel has a label."""

    needs_teacher = True
    soft_labels = True
    answers = frozenset({"image", "pixel"})

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """L = ce_weight CE(s, y) + kd_weight T^2 KL(p_t^T || p_s^T).

        `form`: `batchmean` averages KL over samples (RepDistiller, attention-transfer); `moonshine_code` is
        2 T^2 KL averaged over samples and classes, as the numbers of Moonshine's Table 2 were made;
        `moonshine_paper` is 2 T^2 times the soft cross-entropy, eq. 1 as printed.
        """

        temperature: Temperature = 4.0
        kd_weight: Weight = 0.9
        ce_weight: Weight = 0.1
        form: Form = "batchmean"

    def __init__(self, build: Build, config: Config) -> None:
        super().__init__(build, config)
        self.student = build.network()
        self.teacher = build.teacher()
        self.loss = build.loss

    def losses(self, batch: Batch, update: int = 0) -> dict[str, Tensor]:
        """Cross-entropy with the labels and the distillation term."""
        c = self.config
        student, teacher = self.student(batch.x), self.teacher(batch.x)
        return {
            "ce": c.ce_weight * self.loss(student, batch.y),
            "kd": c.kd_weight * soft_target_loss(student, teacher, c.temperature, c.form),
        }

    def networks(self) -> list[Trained]:
        """The student."""
        return [Trained("student", self.student)]
