"""Networks whose maps, embedding and logits are given, for the methods with a frozen teacher."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from cheapconv import catalog
from cheapconv.methods.base import Method
from cheapconv.methods.parts.offline import Offline
from tests.methods.fixed import Fixed, FixedBuild
from tests.methods.inputs import LABELS, STUDENT, STUDENT_MAP, TEACHER, TEACHER_MAP, filled

STUDENT_VECTOR = filled(lambda i: torch.sin(0.4 * i + 0.2), 4, 6)  # (B, D)
TEACHER_VECTOR = filled(lambda i: torch.cos(0.3 * i + 0.1), 4, 8)  # (B, D): a teacher may be wider
SAME_WIDTH_VECTOR = filled(lambda i: torch.cos(0.5 * i), 4, 6)  # (B, D)
SAME_WIDTH_MAP = TEACHER_MAP[:, :3]  # (B, 3, H, W)

catalog.load()
OFFLINE = [name for name in catalog.names("method") if issubclass(catalog.entry("method", name).cls, Offline)]


class Known(Fixed):
    """A network that has seen its batch."""

    post_activation = False

    def __init__(self, logits: Tensor, maps: Sequence[Tensor], embedding: Tensor) -> None:
        super().__init__(logits, maps)
        self.embedding = embedding
        self.features = embedding.shape[1]

    def stages(self, x: Any, pre_activation: bool = False) -> list[Tensor]:
        return self.maps

    def before_relu(self, maps: Sequence[Tensor]) -> list[Tensor]:
        return [*maps]

    def embed(self, last_map: Tensor) -> Tensor:
        return self.embedding

    def classify(self, embedding: Tensor) -> Tensor:
        return self.logits


class KnownBuild(FixedBuild):
    """A build that also knows the images and their labels."""

    image = (3, 4, 4)
    labels = LABELS

    def __init__(self, student: Known, teacher: Known, epochs: int = 240) -> None:
        super().__init__([student], teacher)
        self.epochs = epochs

    def pair(self) -> tuple[str, str]:
        return "known teacher", "known student"


def known_method(name: str, *, maps: int = 3, classes: int = 5, epochs: int = 240, **settings: Any) -> Method:
    """The registered method in float64 on a student and a teacher with the same map at all of `maps` stages."""
    student = Known(STUDENT, [STUDENT_MAP] * maps, STUDENT_VECTOR)
    teacher = Known(TEACHER, [TEACHER_MAP] * maps, TEACHER_VECTOR)
    build = KnownBuild(student, teacher, epochs)
    build.classes = classes
    return catalog.entry("method", name).cls(build, catalog.build("method", name, settings)).double()


def own_term(method: Method, batch: Any) -> Tensor:
    """The method's own loss term, weighted."""
    return method.losses(batch)[method.registered_name]
