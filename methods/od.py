"""Online distillation with cheap convolutions: students of one architecture and the teacher made of their last maps.

Xie, Lin, Zhang, Luo, "Training convolutional neural networks with cheap convolutions and online distillation", 2019,
arXiv:1909.13063, and released code. The teacher is BN-ReLU-pool-linear on the concatenated last feature maps; it
exists in training only. Nothing is detached by default: the distillation gradient also reaches the teacher's head and,
through the maps, every student. That is all the code has for the paper's mutual learning.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from cheapconv.catalog import register
from cheapconv.catalog.numbers import Few, Temperature
from cheapconv.methods.base import Batch, Build, Method, TrainableNetwork, Trained, module_list
from cheapconv.methods.losses import Reduction, cross_entropy, kl


class OnlineTeacher(nn.Module):
    """Classifier on the concatenated last maps: (B, sum of channels, H, W) -> (B, C)."""

    def __init__(self, channels: int, classes: int, head: Literal["bn_relu", "plain"]) -> None:
        super().__init__()
        self.norm = nn.Sequential(nn.BatchNorm2d(channels), nn.ReLU()) if head == "bn_relu" else nn.Identity()
        self.classifier = nn.Linear(channels, classes)

    def forward(self, maps: list[Tensor]) -> Tensor:
        """Logits from the students' last maps, each (B, C_i, H, W)."""
        together = torch.cat(maps, dim=1)
        return self.classifier(self.norm(together).mean(dim=(2, 3)))


class Ensemble(nn.Module):
    """The students and the online teacher as one network from image to logits, for evaluation."""

    def __init__(self, students: Sequence[TrainableNetwork], teacher: OnlineTeacher) -> None:
        super().__init__()
        self.students = students
        self.teacher = teacher

    def forward(self, x: Tensor) -> Tensor:
        """Logits of the online teacher."""
        return self.teacher([student.stages(x)[-1] for student in self.students])


@register("method", "od", paper="Xie et al. 2019, arXiv:1909.13063")
class OD(Method):
    """Students that learn together from a teacher made of their own last feature maps."""

    soft_labels = True

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """L = CE(t, y) + sum_i [ CE(s_i, y) + T^2 KL(p_t^T || p_{s_i}^T) ], all weights 1, no ramp.

        `form`: `corrected` averages KL over samples; `code` over samples and classes, as released. `od_mutual`:
        `symmetric` adds T^2 KL(p_{s_i} || p_t) with the student detached (our reading, off by default).
        """

        students: Few = 4
        temperature: Temperature = 4.0
        form: Literal["corrected", "code"] = "corrected"
        detach_teacher: bool = False
        od_head: Literal["bn_relu", "plain"] = "bn_relu"
        od_mutual: Literal["code", "symmetric"] = "code"

    def __init__(self, build: Build, config: Config) -> None:
        super().__init__(build, config)
        students = [build.network() for _ in range(config.students)]
        self.students = module_list(students)
        channels = sum(student.channels[-1] for student in students)
        self.teacher = OnlineTeacher(channels, build.classes, config.od_head)

    def losses(self, batch: Batch, update: int = 0) -> dict[str, Tensor]:
        """Cross-entropy of students and teacher, and distillation from the teacher to every student."""
        maps = [student.stages(batch.x)[-1] for student in self.students]
        logits = [student.head(m) for student, m in zip(self.students, maps, strict=True)]
        teacher = self.teacher(maps)
        return {
            "teacher_ce": cross_entropy(teacher, batch.y),
            "ce": torch.stack([cross_entropy(s, batch.y) for s in logits]).sum(),
            "kd": torch.stack([self._distil(s, teacher) for s in logits]).sum(),
        }

    def networks(self) -> list[Trained]:
        """Every student counts; the ensemble is shown apart."""
        students = [Trained(f"student_{i}", student) for i, student in enumerate(self.students)]
        return [*students, Trained("ensemble", Ensemble(self.students, self.teacher), "ensemble", headline=False)]

    def _distil(self, student: Tensor, teacher: Tensor) -> Tensor:
        """T^2 KL from the online teacher to one student."""
        c = self.config
        reduction: Reduction = "batchmean" if c.form == "corrected" else "mean"
        target = teacher.detach() if c.detach_teacher else teacher
        loss = c.temperature**2 * kl(student, target, c.temperature, reduction)
        if c.od_mutual == "symmetric":
            loss = loss + c.temperature**2 * kl(teacher, student.detach(), c.temperature, reduction)
        return loss
