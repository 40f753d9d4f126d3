"""A recipe: every number of a training run that a method may not change silently."""

import tomllib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import TypeAdapter

from cheapconv.suites.augmentation import (
    NORMALISATIONS,
    Augmentation,
    Growth,
    Mix,
    MixKind,
    Normalisation,
    Padding,
    Strong,
    View,
)
from cheapconv.suites.schedule import Schedule, ScheduleKind, ends

Precision = Literal["fp32", "bf16"]
WeightDecayScale = Literal["compression"]
Optimiser = Literal["adam"]


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Momentum SGD, `v = momentum v + g + weight_decay w; w -= lr v`, weight decay on every parameter; or `adam`
    (Kingma and Ba, 2015, betas 0.9 and 0.999, eps 1e-8), whose gradient is g + weight_decay w.

    With `weight_decay_scale: compression` that of the structured parameters of cheap convolutions is multiplied by the
    network's params over those of the same network with standard convolutions (models/structured.py). `validation`
    training images are held out, so that an epoch or a student can be chosen without looking at the test set. `lr_of`
    is gone from the recipe of a cell, whose `lr` it has become.
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
    lr_of: tuple[tuple[str, float], ...] | None = None  # families of architectures that take another lr
    mix: Mix | None = None
    optimiser: Optimiser | None = None  # momentum SGD
    growth: Growth | None = None  # of training crops
    smoothing: float | None = None  # share of a label that is spread evenly over all classes
    evaluate_every: int | None = None  # n: at every n-th epoch and the last, which alone counts; None: at each
    ghost_batches: int | None = None  # equal parts of a batch, each normalised by its own statistics; None: one

    def __post_init__(self) -> None:
        if self.ghost_batches is not None and not 2 <= self.ghost_batches <= self.batch // 2:
            raise ValueError(f"ghost_batches must be from 2 to half of a batch, not {self.ghost_batches}")
        for field in ("epochs", "batch"):
            if getattr(self, field) < 1:
                raise ValueError(f"{field} must be at least 1, not {getattr(self, field)}")
        for field in ("lr", "weight_decay"):
            if not 0 <= getattr(self, field) < float("inf"):
                raise ValueError(f"{field} must be a finite number of at least 0, not {getattr(self, field)}")

    def side(self, whole: int, epoch: int) -> int:
        """Side of an epoch's training crops, where images are `whole` at an evaluation."""
        return whole if self.growth is None else self.growth.side(epoch / self.epochs)

    def evaluates(self, epoch: int) -> bool:
        """Whether networks are scored at the end of an epoch, counted from 0."""
        return (epoch + 1) % (self.evaluate_every or 1) == 0 or epoch + 1 == self.epochs

    def joins_last(self, samples: int) -> bool:
        """Whether the last batch of an epoch would be a single image, which then joins the batch before it: there are
        no statistics of one image, neither those of a batch norm over maps of 1x1 nor those of pairs."""
        return samples > self.batch and samples % self.batch == 1

    def steps(self, samples: int) -> int:
        """Number of batches of an epoch."""
        return -(-samples // self.batch) - self.joins_last(samples)

    def override(
        self,
        *,
        epochs: int | None = None,
        batch: int | None = None,
        lr: float | None = None,
        weight_decay: float | None = None,
        nesterov: bool | None = None,
        schedule: ScheduleKind | None = None,
        milestones: tuple[float, ...] | None = None,
        drop: float | None = None,
        padding: Padding | None = None,
        cutout: int | None = None,
        normalisation: str | None = None,
        precision: Precision | None = None,
        weight_decay_scale: WeightDecayScale | None = None,
        validation: int | None = None,
        views: tuple[View, ...] | None = None,
        strong_ops: int | None = None,
        strong_magnitude: int | None = None,
        mixup: float | None = None,
        cutmix: float | None = None,
        smoothing: float | None = None,
        evaluate_every: int | None = None,
        ghost_batches: int | None = None,
    ) -> Self:
        """The recipe with other numbers; a changed batch alone scales the learning rates linearly with it.

        ValueError for numbers that no run can have, and for those that mean nothing beside the others: milestones of a
        schedule without any, two ways of mixing, the magnitude of views that are all weak.
        """
        given: dict[str, Any] = {
            "epochs": epochs,
            "batch": batch,
            "lr": lr,
            "weight_decay": weight_decay,
            "nesterov": nesterov,
            "normalisation": NORMALISATIONS[normalisation] if normalisation else None,
            "precision": precision,
            "weight_decay_scale": weight_decay_scale,
            "validation": validation,
            "evaluate_every": evaluate_every,
            "ghost_batches": ghost_batches,
        }
        if batch is not None and lr is None:
            given["lr"] = self.lr * batch / self.batch
            given["lr_of"] = self.lr_of and tuple((name, rate * batch / self.batch) for name, rate in self.lr_of)
        changed = replace(self, **{name: value for name, value in given.items() if value is not None})
        return replace(
            changed,
            lr_of=changed.lr_of if lr is None else None,  # a rate that is asked for is everybody's
            schedule=self._schedule(schedule, milestones, drop),
            mix=self._mix({"mixup": mixup, "cutmix": cutmix}),
            smoothing=self.smoothing if smoothing is None else smoothing or None,
            augmentation=replace(
                self._viewed(views, strong_ops, strong_magnitude),
                padding={None: self.augmentation.padding, "zero": None, "reflect": "reflect"}[padding],
                cutout=self.augmentation.cutout if cutout is None else cutout or None,
            ),
        )

    def of_cell(self, family: str, shares: Sequence[float] = (1.0,)) -> Self:
        """The recipe by which a network of a family of architectures is trained, in phases of these shares."""
        cuts = ends(shares, self.epochs)
        lengths = [end - first for first, end in zip([0, *cuts[:-1]], cuts, strict=True)]
        lr = dict(self.lr_of or ()).get(family, self.lr)
        return replace(self, lr=lr, lr_of=None, schedule=self.schedule.over(lengths))

    def _viewed(self, views: tuple[View, ...] | None, ops: int | None, magnitude: int | None) -> Augmentation:
        """The augmentation with other views, or other numbers of the strong ones."""
        views = self.augmentation.views if views is None else views
        if views is None or "strong" not in views:
            if ops is not None or magnitude is not None:
                raise ValueError("strong_ops and strong_magnitude are those of strong views: set views: [strong]")
            return replace(self.augmentation, views=None, strong=None)  # all weak, as without any
        known = self.augmentation.strong or Strong()
        strong = Strong(
            ops=known.ops if ops is None else ops, magnitude=known.magnitude if magnitude is None else magnitude
        )
        return replace(self.augmentation, views=views, strong=strong)

    def _mix(self, asked: dict[MixKind, float | None]) -> Mix | None:
        """How images are mixed, if another alpha is asked for; 0 is for not at all."""
        found = [Mix(kind=kind, alpha=alpha) for kind, alpha in asked.items() if alpha]
        if len(found) > 1:
            raise ValueError("a batch is mixed in one way: set mixup or cutmix, and the other to 0")
        if found:
            return found[0]
        return self.mix if self.mix is not None and asked[self.mix.kind] is None else None

    def _schedule(
        self, kind: ScheduleKind | None, milestones: tuple[float, ...] | None, drop: float | None
    ) -> Schedule:
        """The schedule with another kind, milestones or drop."""
        kind = kind or self.schedule.kind
        if kind != "multistep" and (milestones is not None or drop is not None):
            raise ValueError(f"milestones and drop are those of the schedule multistep, but the schedule is {kind}")
        if kind == "multistep" and not (milestones or self.schedule.milestones):
            raise ValueError("the schedule multistep needs milestones, fractions of the run such as [0.5, 0.75]")
        kept = self.schedule if kind == self.schedule.kind else Schedule(kind=kind)
        return replace(
            kept,
            milestones=kept.milestones if milestones is None else milestones,
            drop=kept.drop if drop is None else drop,
        )


def read(path: Path, suite: str) -> dict[str, Recipe]:
    """The recipes of a TOML file for a suite, a table each. Milestones, the peak of a one-cycle schedule and where
    crops grow are epochs there, normalisations names."""
    tables: dict[str, dict[str, Any]] = tomllib.loads(path.read_text(encoding="utf-8"))
    return {name: _recipe(name, suite, **table) for name, table in tables.items()}


def _recipe(
    name: str,
    suite: str,
    *,
    epochs: int,
    schedule: ScheduleKind,
    normalisation: dict[str, str],
    milestones: Sequence[int] = (),
    lr_of: dict[str, float] | None = None,
    drop: float = 0.1,
    peak: float | None = None,
    growth: dict[str, float] | None = None,
    **numbers: Any,
) -> Recipe:
    """One table of a file of recipes."""
    played = Schedule(kind=schedule, milestones=tuple(m / epochs for m in milestones), drop=drop)
    if peak is not None:
        played = replace(played, peak=peak / epochs)
    if growth is not None:
        growth |= {edge: growth[edge] / epochs for edge in ("start", "end")}
    parts: dict[str, object] = {"schedule": asdict(played), "growth": growth}
    parts["normalisation"] = asdict(NORMALISATIONS[normalisation[suite]])
    rates = None if lr_of is None else tuple(lr_of.items())
    return TypeAdapter(Recipe).validate_python({"name": name, "epochs": epochs, "lr_of": rates, **parts, **numbers})
