"""A recipe: every number of a training run that a method may not change silently.

Schedules are pure functions of the position in the run, in fractions of it, so that a run with another number of
epochs keeps the schedule's shape. "Drop at 0.3 of 200" means that epochs 0..59 use the old rate (recipes of the
papers count from 0).
"""

from dataclasses import dataclass, replace
from typing import Any, Literal, Self

Precision = Literal["fp32", "bf16"]
WeightDecayScale = Literal["compression"]


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """Factor on the learning rate: `multistep` multiplies by `drop` at each milestone, `onecycle` rises linearly to 1
    at `peak` and falls linearly to 0."""

    kind: Literal["multistep", "onecycle"]
    milestones: tuple[float, ...] = ()  # fractions of the run
    drop: float = 0.1
    peak: float = 0.3  # fraction of the run

    def factor(self, epochs_done: float, epochs: int) -> float:
        """Factor at a position of a run: `epochs_done` counts finished epochs and the part of the current one."""
        if self.kind == "multistep":
            epoch = int(epochs_done)
            return self.drop ** sum(epoch >= round(m * epochs) for m in self.milestones)
        progress = epochs_done / epochs
        return progress / self.peak if progress < self.peak else (1 - progress) / (1 - self.peak)


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """Zero-pad by `pad` pixels and crop back at random; mirror left-right with probability 1/2 when `flip`."""

    pad: int
    flip: bool


@dataclass(frozen=True, kw_only=True)
class Normalisation:
    """Per-channel mean and standard deviation, in units of the [0, 1] pixel range."""

    mean: tuple[float, float, float]
    std: tuple[float, float, float]


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Momentum SGD, `v = momentum v + g + weight_decay w; w -= lr v`, weight decay on every parameter.

    With `weight_decay_scale: compression` that of the structured parameters of cheap convolutions is multiplied by the
    network's params over those of the same network with standard convolutions (models/structured.py). `validation`
    training images are held out, so that an epoch or a student can be chosen without looking at the test set.
    """

    name: str
    epochs: int
    batch: int
    lr: float  # at the schedule's factor 1
    weight_decay: float
    schedule: Schedule
    augmentation: Augmentation
    normalisation: Normalisation
    momentum: float = 0.9
    nesterov: bool = False
    precision: Precision = "fp32"
    weight_decay_scale: WeightDecayScale | None = None
    validation: int | None = None

    def __post_init__(self) -> None:
        for field in ("epochs", "batch"):
            if getattr(self, field) < 1:
                raise ValueError(f"{field} must be at least 1, not {getattr(self, field)}")
        for field in ("lr", "weight_decay"):
            if not 0 <= getattr(self, field) < float("inf"):
                raise ValueError(f"{field} must be a finite number of at least 0, not {getattr(self, field)}")

    def override(
        self,
        *,
        epochs: int | None = None,
        batch: int | None = None,
        lr: float | None = None,
        weight_decay: float | None = None,
        precision: Precision | None = None,
        weight_decay_scale: WeightDecayScale | None = None,
        validation: int | None = None,
    ) -> Self:
        """The recipe with other numbers; a changed batch alone scales the learning rate linearly with it."""
        if batch is not None and lr is None:
            lr = self.lr * batch / self.batch
        given: dict[str, Any] = {
            "epochs": epochs,
            "batch": batch,
            "lr": lr,
            "weight_decay": weight_decay,
            "precision": precision,
            "weight_decay_scale": weight_decay_scale,
            "validation": validation,
        }
        return replace(self, **{name: value for name, value in given.items() if value is not None})
