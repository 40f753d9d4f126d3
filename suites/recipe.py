"""A recipe: every number of a training run that a method may not change silently.

Schedules are pure functions of the position in the run, in fractions of it, so that a run with another number of
epochs keeps the schedule's shape. "Drop at 0.3 of 200" means that epochs 0..59 use the old rate (recipes of the
papers count from 0).
"""

import math
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import TypeAdapter

Precision = Literal["fp32", "bf16"]
WeightDecayScale = Literal["compression"]
ScheduleKind = Literal["multistep", "cosine", "onecycle"]
Padding = Literal["zero", "reflect"]


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """Factor on the learning rate: `multistep` multiplies by `drop` at each milestone, `cosine` falls to 0 in steps of
    an epoch, `onecycle` rises linearly to 1 at `peak` and falls linearly to 0.

    However short a run, its first epoch is one of the full rate. `first_epoch` says that this moved a milestone, since
    older releases began such a run at the lower rate, which was another run.
    """

    kind: ScheduleKind
    milestones: tuple[float, ...] = ()  # fractions of the run
    drop: float = 0.1
    peak: float = 0.3  # fraction of the run
    first_epoch: Literal["full"] | None = None

    def factor(self, epochs_done: float, epochs: int) -> float:
        """Factor at a position of a run: `epochs_done` counts finished epochs and the part of the current one."""
        epoch = int(epochs_done)
        if self.kind == "multistep":
            return self.drop ** sum(epoch >= max(1, round(m * epochs)) for m in self.milestones)
        if self.kind == "cosine":
            return (1 + math.cos(math.pi * epoch / epochs)) / 2
        progress = epochs_done / epochs
        return progress / self.peak if progress < self.peak else (1 - progress) / (1 - self.peak)

    def over(self, lengths: Iterable[int]) -> Self:
        """The schedule as it is played over parts of a run, of so many epochs each."""
        moved = self.kind == "multistep" and any(round(m * n) == 0 for n in lengths for m in self.milestones)
        return replace(self, first_epoch="full") if moved else self


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """Pad by `pad` pixels and crop back at random; mirror left-right with probability 1/2 when `flip`.

    The border is black, or with `reflect` the image mirrored. With `cutout` a square of so many pixels a side, centred
    at random and cut off at the border, is the mean colour, 0 after normalising (DeVries and Taylor, 2017). Photographs
    from a disk are not padded: a crop is a share of their area between the two of `area`.
    """

    pad: int
    flip: bool
    padding: Literal["reflect"] | None = None
    cutout: int | None = None
    area: tuple[float, float] | None = None


@dataclass(frozen=True, kw_only=True)
class Growth:
    """Sides of training crops that grow in a run: `first` until the share `start` of it, linearly up to `last` from
    `end` on, in steps of 32 pixels (Touvron et al., arXiv:1906.06423, on why they end below the side of evaluation)."""

    first: int
    last: int
    start: float
    end: float

    def side(self, done: float) -> int:
        """The side at a share of the run."""
        way = min(max((done - self.start) / (self.end - self.start), 0.0), 1.0)
        return max(32, round((self.first + way * (self.last - self.first)) / 32) * 32)


@dataclass(frozen=True, kw_only=True)
class Normalisation:
    """Per-channel mean and standard deviation, in units of the [0, 1] pixel range."""

    mean: tuple[float, float, float]
    std: tuple[float, float, float]


def _bytes(*values: float) -> tuple[float, float, float]:
    red, green, blue = (value / 255 for value in values)
    return red, green, blue


NORMALISATIONS = {  # by the data set; the codes of the papers differ
    "c10-a": Normalisation(mean=(0.4914, 0.4822, 0.4465), std=(0.2023, 0.1994, 0.2010)),  # Moonshine, OD, ONE
    "c10-b": Normalisation(mean=(0.4914, 0.4822, 0.4465), std=(0.2470, 0.2435, 0.2616)),  # of the images; OKDDip
    "c10-c": Normalisation(mean=_bytes(125.3, 123.0, 113.9), std=_bytes(63.0, 62.1, 66.7)),  # attention transfer
    "c100-a": Normalisation(mean=(0.5071, 0.4867, 0.4408), std=(0.2675, 0.2565, 0.2761)),  # of the images; RepDistiller
    "c100-b": Normalisation(mean=(0.5071, 0.4866, 0.4409), std=(0.2009, 0.1984, 0.2023)),  # Moonshine's odd std
    "c100-c": Normalisation(mean=(0.5071, 0.4865, 0.4409), std=(0.2673, 0.2564, 0.2762)),  # OKDDip, FFSD
    "c100-d": Normalisation(mean=_bytes(129.3, 124.1, 112.4), std=_bytes(68.2, 65.4, 70.4)),  # FFL
    "imagenet": Normalisation(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225)),
}


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Momentum SGD, `v = momentum v + g + weight_decay w; w -= lr v`, weight decay on every parameter.

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
    growth: Growth | None = None  # of training crops

    def __post_init__(self) -> None:
        for field in ("epochs", "batch"):
            if getattr(self, field) < 1:
                raise ValueError(f"{field} must be at least 1, not {getattr(self, field)}")
        for field in ("lr", "weight_decay"):
            if not 0 <= getattr(self, field) < float("inf"):
                raise ValueError(f"{field} must be a finite number of at least 0, not {getattr(self, field)}")

    def side(self, whole: int, epoch: int) -> int:
        """Side of an epoch's training crops, where images are `whole` at an evaluation."""
        return whole if self.growth is None else self.growth.side(epoch / self.epochs)

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
    ) -> Self:
        """The recipe with other numbers; a changed batch alone scales the learning rates linearly with it.

        ValueError for numbers that no run can have, and for milestones of a schedule without any.
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
        }
        if batch is not None and lr is None:
            given["lr"] = self.lr * batch / self.batch
            given["lr_of"] = self.lr_of and tuple((name, rate * batch / self.batch) for name, rate in self.lr_of)
        changed = replace(self, **{name: value for name, value in given.items() if value is not None})
        return replace(
            changed,
            lr_of=changed.lr_of if lr is None else None,  # a rate that is asked for is everybody's
            schedule=self._schedule(schedule, milestones, drop),
            augmentation=replace(
                self.augmentation,
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


def ends(shares: Sequence[float], epochs: int) -> list[int]:
    """The epochs behind which the parts of a run end, by their shares. However short the run, none is empty; where
    there are fewer epochs than parts, the last ones are."""
    found: list[int] = []
    for number in range(1, len(shares) + 1):
        # Ends as shares of the whole, so that rounding one part does not push the next.
        first, end = found[-1] if found else 0, round(sum(shares[:number]) * epochs)
        latest = epochs - (len(shares) - number)  # leaves an epoch for each part that is still to come
        found.append(min(max(end, first + 1), latest))
    return found


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
    parts: dict[str, Any] = {"schedule": asdict(played), "growth": growth}
    parts["normalisation"] = asdict(NORMALISATIONS[normalisation[suite]])
    rates = None if lr_of is None else tuple(lr_of.items())
    return TypeAdapter(Recipe).validate_python({"name": name, "epochs": epochs, "lr_of": rates, **parts, **numbers})
