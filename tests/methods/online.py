"""Stand-ins for the groups of networks that online methods train, with given logits."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from cheapconv import catalog
from cheapconv.methods.base import Clock, Method
from cheapconv.methods.one import gated
from cheapconv.models.build import build_network

GATE = torch.tensor([[0.2, 0.5, 0.1], [0.0, 0.3, 0.9], [1.0, 0.2, 0.4], [0.6, 0.6, 0.1]]).double().softmax(dim=1)
ATTENTION = torch.tensor([[0.3, 0.1], [0.2, 0.8]]).double().softmax(dim=1).expand(4, 2, 2)  # (B, m, m)


class Answering(nn.Module):
    """A network that embeds what it is given as zeros and answers with its logits."""

    def __init__(self, logits: Tensor) -> None:
        super().__init__()
        self.logits = logits

        self.hidden = nn.Identity()

    def pooled(self, last_map: Any) -> Tensor:
        return torch.zeros(len(self.logits), 8, dtype=torch.float64)

    def classify(self, embedding: Tensor) -> Tensor:
        return self.logits


class AnsweringGroup(nn.Module):
    """A group whose networks have given logits, whatever they see."""

    def __init__(self, *logits: Tensor) -> None:
        super().__init__()
        self.networks = nn.ModuleList(Answering(z) for z in logits)

    def stages(self, x: Any, divide_gradient: bool = False) -> list[list[Any]]:
        return [[None] for _ in self.networks]

    def heads(self, maps: Sequence[Any]) -> list[Tensor]:
        return [network.logits for network in self.networks]


class Predicting(nn.Module):
    """Branches with their ensemble, all with given logits."""

    def __init__(self, logits: Sequence[Tensor], ensemble: Tensor) -> None:
        super().__init__()
        self.logits, self.ensemble = list(logits), ensemble

    def predict(self, x: Any) -> tuple[list[Tensor], Tensor]:
        return self.logits, self.ensemble


class PlainBuild:
    """`methods.base.Build` of fresh networks of any architecture."""

    epochs = 300
    loss = staticmethod(cross_entropy)

    def __init__(self, architecture: str, conv: str = "standard", classes: int = 10) -> None:
        self.classes = classes
        self.clock = Clock.start(torch.device("cpu"))
        self._architecture, self._conv = architecture, conv

    def network(self, architecture: str | None = None, conv: str | None = None) -> nn.Module:
        return build_network(architecture or self._architecture, conv or self._conv, self.classes)


def built(name: str, build: PlainBuild, **settings: Any) -> Method:
    """The registered method of that name on the networks of a build."""
    catalog.load()
    return catalog.entry("method", name).cls(build, catalog.build("method", name, settings))


def gated_branches(*logits: Tensor) -> Predicting:
    """Three branches weighed by `GATE`."""
    return Predicting(logits, gated(logits, GATE))


def at_the_end(method: Method) -> Method:
    """The method with its clock at the end, where every ramp has reached 1."""
    method.clock.progress.fill_(1)
    return method


def gradients(method: Method, term: Tensor) -> dict[str, Tensor]:
    """Gradient of a term by parameter, of those that it reaches."""
    names, parameters = zip(*method.named_parameters(), strict=True)
    found = torch.autograd.grad(term, parameters, allow_unused=True, retain_graph=True)
    return {name: g for name, g in zip(names, found, strict=True) if g is not None}


def leaves(*logits: Tensor) -> list[Tensor]:
    """Copies that record a gradient."""
    return [z.clone().requires_grad_() for z in logits]


def trainable(method: Method) -> int:
    """Parameters while training."""
    return sum(p.numel() for p in method.parameters())
