"""Attention transfer: the student's feature maps look where the teacher's look.

Zagoruyko, Komodakis, ICLR 2017, arXiv:1612.03928; in Moonshine's form, Crowley et al. 2018, arXiv:1711.02613, eq. 2
and released code. Taps are the outputs of all stages of `Network.stages` (for WRN the residual sums).
"""

from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from cheapconv.catalog import register
from cheapconv.catalog.numbers import Count, Temperature, Weight
from cheapconv.methods.base import Batch, Build, Method, Trained
from cheapconv.methods.kd import soft_target_loss
from cheapconv.methods.losses import attention_distance

REFERENCE_TAPS = 3  # beta is quoted for three taps: 1000 on CIFAR, 750 on ImageNet's four, 600 on five


@register("method", "at", paper="Zagoruyko and Komodakis 2017, arXiv:1612.03928; Crowley et al. 2018, eq. 2")
class AT(Method):
    """Attention maps of every stage pulled to the teacher's."""

    needs_teacher = True
    soft_labels = True
    answers = frozenset({"image", "pixel"})

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """L = CE(s, y) + beta' sum_l distance(Q_l^s, Q_l^t) [+ kd_weight T^2 KL(p_t^T || p_s^T)].

        `form`: `code` takes the mean over samples and positions of the squared difference, as the published numbers
        were made; `paper` the un-squared 2-norm, eq. 2 as printed. `scale_taps`: beta' = beta 3 / (number of taps).
        `last`: only the last so many stages of both networks, where they have different numbers of them.
        """

        beta: Weight = 1000.0
        form: Literal["code", "paper"] = "code"
        scale_taps: bool = True
        last: Count | None = None
        kd_weight: Weight = 0.0
        temperature: Temperature = 4.0

    def __init__(self, build: Build, config: Config) -> None:
        super().__init__(build, config)
        self.student = build.network()
        self.teacher = build.teacher()
        self.loss = build.loss
        stages = (len(self.student.channels), len(self.teacher.channels))
        if config.last is None and stages[0] != stages[1]:
            raise ValueError(
                f"at pairs the stages of student and teacher, but they have {stages[0]} and {stages[1]}: `last` pairs "
                "the last so many alone"
            )
        self.taps = config.last or stages[0]
        if self.taps > min(stages):
            raise ValueError(
                f"at has no last {self.taps} stages where student and teacher have {stages[0]} and {stages[1]}"
            )
        self.beta = config.beta * (REFERENCE_TAPS / self.taps if config.scale_taps else 1.0)

    def losses(self, batch: Batch, update: int = 0) -> dict[str, Tensor]:
        """Cross-entropy, the attention term and, where its weight is not zero, distillation of the logits."""
        c = self.config
        maps, teacher_maps = self.student.stages(batch.x), self.teacher.stages(batch.x)
        logits = self.student.head(maps[-1])
        form: Literal["mean_square", "norm"] = "mean_square" if c.form == "code" else "norm"
        pairs = zip(maps[-self.taps :], teacher_maps[-self.taps :], strict=True)
        distances = [attention_distance(s, t, form) for s, t in pairs]
        terms = {
            "ce": self.loss(logits, batch.y),
            "at": self.beta * sum(distances[1:], distances[0]),
        }
        if c.kd_weight:
            target = self.teacher.head(teacher_maps[-1])
            terms["kd"] = c.kd_weight * soft_target_loss(logits, target, c.temperature, "batchmean")
        return terms

    def networks(self) -> list[Trained]:
        """The student."""
        return [Trained("student", self.student)]
