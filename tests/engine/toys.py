"""Methods that are small enough to check by hand, and one that draws random numbers as it trains."""

import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, dropout

from cheapconv.methods.base import Batch, Clock, Context, Method, Phase, Trained
from cheapconv.suites.place import Place


def builder(classes: int = 10) -> Any:
    """What a toy without networks of the catalog needs to be built from."""
    return SimpleNamespace(clock=Clock.start(torch.device("cpu")), classes=classes)


class Noisy(Method):
    """Cross-entropy with dropout before the classifier: every step draws from torch's global generator."""

    soft_labels = True

    def __init__(self, build: Any, config: Any) -> None:
        super().__init__(build, config)
        self.student = build.network()

    def losses(self, batch: Batch, update: int = 0) -> dict[str, Tensor]:
        """Cross-entropy of the thinned embedding."""
        embedding = self.student.embed(self.student.stages(batch.x)[-1])  # (B, D)
        logits = self.student.classify(dropout(embedding, 0.5, self.training))
        return {"ce": cross_entropy(logits, batch.y)}

    def networks(self) -> list[Trained]:
        """The network."""
        return [Trained("student", self.student)]


class FailsBeside(Noisy):
    """One that raises in every process but the first of several that train it together."""

    def losses(self, batch: Batch, update: int = 0) -> dict[str, Tensor]:
        """Those of its base."""
        if getattr(self.gather, "place", Place(torch.device("cpu"))).rank:
            raise RuntimeError("only here")
        return super().losses(batch, update)


class Diverging(Noisy):
    """Its term `drift` becomes NaN or infinite in one epoch."""

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """When, and to what."""

        epoch: int = 1
        value: str = "nan"

    def losses(self, batch: Batch, update: int = 0) -> dict[str, Tensor]:
        """The cross-entropy, and a term that is 0 before the epoch."""
        broken = int(self.clock.epoch) >= self.config.epoch
        drift = torch.tensor(float(self.config.value) if broken else 0.0, requires_grad=True)
        return super().losses(batch) | {"drift": drift}


class Spoiled(Noisy):
    """Its classifier's weights become a number after the last step, all of whose losses were finite."""

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """The number."""

        weight: str = "nan"

    def finish(self, context: Context) -> None:
        """Replace the weights."""
        nn.init.constant_(self.student.classifier.weight, float(self.config.weight))


class Raising(Noisy):
    """Fails with an exception at its first step, as long as `broken`."""

    broken: ClassVar[bool] = True

    def losses(self, batch: Batch, update: int = 0) -> dict[str, Tensor]:
        """Raise."""
        if self.broken:
            raise ArithmeticError("seven is not a number\nand neither is eight")
        return super().losses(batch)


class Interrupting(Noisy):
    """Sends its own process SIGINT in the second step of the training, once: a resumed run does not take it again."""

    def losses(self, batch: Batch, update: int = 0) -> dict[str, Tensor]:
        """The cross-entropy."""
        if self.training and 0 < self.clock.epoch < 0.5:
            os.kill(os.getpid(), signal.SIGINT)
        return super().losses(batch)


class Pruned(Noisy):
    """Halves its classifier's input for the second half of the training; the kept half is drawn at random."""

    def __init__(self, build: Any, config: Any) -> None:
        super().__init__(build, config)
        self.kept: list[int] | None = None

    def phases(self) -> list[Phase]:
        """Whole, then pruned at a rate of its own."""
        return [Phase("whole", 0.5), Phase("pruned", 0.5, self._prune, lr=0.02)]

    def losses(self, batch: Batch, update: int = 0) -> dict[str, Tensor]:
        """Cross-entropy from the kept features."""
        return {"ce": cross_entropy(self.student(batch.x), batch.y)}

    def structure(self) -> Mapping[str, Any] | None:
        """The kept features."""
        return None if self.kept is None else {"kept": self.kept}

    def restructure(self, structure: Mapping[str, Any]) -> None:
        """Thin the classifier again."""
        self._keep(structure["kept"])

    def _prune(self, context: Context) -> None:
        self._keep(torch.randperm(self.student.classifier.in_features)[::2].tolist())

    def _keep(self, kept: list[int]) -> None:
        self.kept = kept
        old = self.student.classifier
        thin = nn.Linear(len(kept), old.out_features)
        thin.weight = nn.Parameter(old.weight.detach()[:, kept].clone())
        thin.bias = nn.Parameter(old.bias.detach().clone())
        self.student.classifier = nn.Sequential(_Pick(kept), thin)


class _Pick(nn.Module):
    """Some columns of a matrix."""

    def __init__(self, columns: list[int]) -> None:
        super().__init__()
        self.columns = columns

    def forward(self, x: Tensor) -> Tensor:
        return x[:, self.columns]


class Quadratic(Method):
    """L = |w - target|^2 / 2 with a known gradient, w - target; the network guesses class 0."""

    target: ClassVar[Tensor] = torch.tensor([1.0, -2.0, 0.5])

    def __init__(self, build: Any = None, config: Any = None) -> None:
        super().__init__(build or builder(), config)
        self.w = nn.Parameter(torch.tensor([0.5, 0.25, -1.0]))

    def losses(self, batch: Batch, update: int = 0) -> dict[str, Tensor]:
        """The parabola."""
        return {"pull": (self.w - self.target).square().sum() / 2}

    def networks(self) -> list[Trained]:
        """A network without weights."""
        return [Trained("student", Guess())]


def by_hand(w: Tensor, rates: list[float], decay: float = 0.01, momentum: float = 0.9) -> Tensor:
    """v = momentum v + g + decay w; w -= lr v, in float64, for the quadratic's gradient."""
    w, v = w.double(), torch.zeros(3, dtype=torch.float64)
    for lr in rates:
        v = momentum * v + (w - Quadratic.target.double()) + decay * w
        w = w - lr * v
    return w


class Diary(Quadratic):
    """Writes down everything that the trainer does with it."""

    updates_per_batch = 2
    views = 2

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[Any] = []
        self.clocks: list[tuple[float, float, float]] = []
        self.calls: list[Any] = []

    def losses(self, batch: Any, update: int = 0) -> dict[str, Tensor]:
        """The parabola, and two terms whose averages are known."""
        self.batches.append(batch)
        self.clocks.append((float(self.clock.progress), float(self.clock.phase_progress), float(self.clock.epoch)))
        self.calls.append(("losses", update, self.training))
        losses = super().losses(batch)
        nothing = 0 * torch.stack([*losses.values()]).sum()  # but a gradient, as every term has to have
        return losses | {"label": nothing + batch.y.float().mean(), "second": nothing + float(update)}

    def after_update(self) -> None:
        """Its rate."""
        self.calls.append(("after_update", self.clock.lr.item()))

    def end_epoch(self, context: Context) -> None:
        """Its epoch."""
        self.calls.append(("end_epoch", context.epoch, [b.index.tolist() for b in context.batches()]))

    def finish(self, context: Context) -> None:
        """Its epoch."""
        self.calls.append(("finish", context.epoch, context.device))

    def eval(self) -> Self:
        """An evaluation begins."""
        self.calls.append("evaluation")
        return super().eval()


class Guess(nn.Module):
    """Logits that always favour class 0, then 1, and so on."""

    def __init__(self, classes: int = 10) -> None:
        super().__init__()
        self.classes = classes

    def forward(self, x: Tensor) -> Tensor:
        return -torch.arange(float(self.classes)).expand(len(x), self.classes)


METHODS: dict[str, type[Method]] = {
    "noisy": Noisy,
    "diverging": Diverging,
    "spoiled": Spoiled,
    "raising": Raising,
    "interrupting": Interrupting,
    "pruned": Pruned,
    "fails_beside": FailsBeside,
}
