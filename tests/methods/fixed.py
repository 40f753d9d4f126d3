"""Networks whose maps and logits are given: through them a method's own loss can be compared with numbers on paper."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from cheapconv import catalog
from cheapconv.methods.base import Clock, Method
from tests.methods.inputs import LABELS

BATCH = SimpleNamespace(x=None, y=LABELS, index=torch.arange(len(LABELS)), views=())


class Fixed(nn.Module):
    """A network that has seen its batch: `maps` and `logits` whatever it is given; `heads` counts the calls of head."""

    def __init__(self, logits: Tensor, maps: Sequence[Tensor] = ()) -> None:
        super().__init__()
        self.logits = logits
        self.maps = list(maps) or [logits[:, :, None, None]]
        self.channels = [m.shape[1] for m in self.maps]
        self.heads = 0

    def stages(self, x: Any) -> list[Tensor]:
        return self.maps

    def head(self, last_map: Tensor) -> Tensor:
        assert last_map is self.maps[-1]
        self.heads += 1
        return self.logits

    def forward(self, x: Any) -> Tensor:
        return self.logits


class Answer(nn.Module):
    """An online teacher with given logits, whatever maps it sees."""

    def __init__(self, logits: Tensor) -> None:
        super().__init__()
        self.logits = logits

    def forward(self, maps: list[Tensor]) -> Tensor:
        return self.logits


class FixedBuild:
    """`methods.base.Build` that hands out the given networks, the students in turn."""

    classes, epochs = 5, 1
    loss = staticmethod(cross_entropy)

    def __init__(self, students: Sequence[Fixed], teacher: Fixed | None = None) -> None:
        self.clock = Clock.start(torch.device("cpu"))
        self._students, self._teacher = iter(students), teacher

    def network(self, architecture: str | None = None, conv: str | None = None) -> Fixed:
        return next(self._students)

    def teacher(self, copy: bool = False) -> Fixed:
        assert self._teacher is not None
        return self._teacher


def fixed_method(name: str, students: Sequence[Fixed], teacher: Fixed | None = None, /, **settings: Any) -> Method:
    """The registered method of that name on given networks."""
    catalog.load()
    config = catalog.build("method", name, settings)
    return catalog.entry("method", name).cls(FixedBuild(students, teacher), config)


def total(terms: dict[str, Tensor]) -> Tensor:
    """What the trainer minimises."""
    return torch.stack([*terms.values()]).sum()
