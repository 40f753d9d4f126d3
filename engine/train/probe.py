"""A few steps of a cell's training, to know what all of them will take.

Weights are fresh, the teacher's too: a step takes as long whatever they are. Of a method with phases the first one
is probed. The batches are the suite's, or where its data are not here, noise of their shape; of a recipe whose crops
grow, those of an epoch of middle size.
"""

import itertools
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from operator import truediv
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

import torch
from torch import Tensor

from cheapconv import catalog
from cheapconv.engine.store.cell import Cell, CellRecord, recipe_of
from cheapconv.engine.store.files import now
from cheapconv.engine.store.networks import Loaded
from cheapconv.engine.store.probes import Probe
from cheapconv.engine.store.runs import Store
from cheapconv.engine.train.assembled import built
from cheapconv.engine.train.bill import Bill, Charge
from cheapconv.engine.train.builder import Builder
from cheapconv.engine.train.evaluate import samples
from cheapconv.engine.train.feed import Feed
from cheapconv.engine.train.graph import recorder_on
from cheapconv.engine.train.teachers import Teachers
from cheapconv.engine.train.training import Training
from cheapconv.methods.base import Method
from cheapconv.models.build import build_network, give, on_device
from cheapconv.suites.base import SPLITS, Batch, Data, Split, Suite
from cheapconv.suites.place import Place
from cheapconv.suites.recipe import Recipe

WARM, WARM_ON_GPU = 3, 20  # steps that are not timed; on a GPU the first ones are recorded
LEAST, MOST, LEAST_S = 8, 200, 2.0  # steps that are timed: until there are enough, and they took so long
SCORED = 2  # test batches that are timed, behind the first


@dataclass(frozen=True)
class Noise:
    """Batches of a suite's shape, all of them the same (`suites.base.Data`)."""

    suite: Suite
    place: Place
    samples: int
    skipped: Mapping[str, str]

    @property
    def labels(self) -> Tensor:
        """Every class as often."""
        return torch.arange(self.samples) % self.suite.classes

    @property
    def class_names(self) -> tuple[str, ...]:
        """Numbers."""
        return tuple(map(str, range(self.suite.classes)))

    @property
    def image(self) -> tuple[int, int, int]:
        """(C, H, W)."""
        return self.suite.image

    def at(self, place: Place) -> "Noise":
        """Noise has no shares."""
        return replace(self, place=place)

    def steps(self, recipe: Recipe) -> int:
        """Number of batches of an epoch."""
        return recipe.steps(self.samples)

    def train(self, recipe: Recipe, seed: int, epoch: int, start: int = 0, views: int = 1) -> Iterator[Batch]:
        """The same batch again and again, of the epoch's crops."""
        channels, *sides = self.image
        crop = [recipe.side(side, epoch) for side in sides]
        x = torch.randn(recipe.batch, channels, *crop, device=self.place.device)
        of_pixels = () if self.suite.task.answers == "image" else crop
        y = torch.randint(self.suite.classes, (recipe.batch, *of_pixels), device=self.place.device)
        batch = Batch(x, y, torch.arange(recipe.batch, device=self.place.device), (x,) * views)
        return iter([batch] * (self.steps(recipe) - start))

    def size(self, split: Split) -> int:
        """How many there would be is not known."""
        return 0

    def split(self, split: Split, recipe: Recipe) -> Iterator[tuple[Tensor, Tensor]]:
        """None."""
        return iter(())


class FreshTeacherBuilder(Builder):
    """A builder whose teacher is a fresh network of the teacher's cell."""

    def __init__(self, cell: Cell, teacher: Cell | None, place: Place, data: Data, teachers: Teachers) -> None:
        task = catalog.parse("suite", cell.suite).task_of(data)
        super().__init__(cell, cell.classes, place, Store(Path()), data.labels, task, teachers)
        self._taught_by = teacher

    def _loaded(self, key: str) -> Loaded:
        teacher, images = self._taught_by, recipe_of(self._cell).normalisation
        assert teacher is not None, "the plan gives every method that needs one a teacher"
        network = build_network(teacher.architecture, teacher.conv, teacher.classes)
        give(network, images.mean, images.std)
        return Loaded(
            name="",
            network=on_device(network, self.place.device),
            architecture=teacher.architecture,
            conv=teacher.conv,
            mean=images.mean,
            std=images.std,
            class_names=(),
            cell=CellRecord(**{field.name: getattr(teacher, field.name) for field in fields(Cell)}),
        )

    def pair(self) -> tuple[str, str]:
        """Labels of the two architectures."""
        assert self._taught_by is not None, "the plan gives every method that needs one a teacher"
        return self._taught_by.architecture_label, self._cell.architecture_label


def probe(
    cell: Cell,
    teacher: Cell | None,
    data: Data,
    place: Place,
    device_name: str,
    joules: Callable[[], float | None] = lambda: None,
) -> Probe:
    """Take some steps of the cell's training, and score some batches; whatever the method raises goes on."""
    recipe, suite = recipe_of(cell), catalog.parse("suite", cell.suite)
    recorder = recorder_on(place.device) if place.device.type == "cuda" else None
    teachers = Teachers(place.device, recorder)
    with place.in_use():
        builder = FreshTeacherBuilder(cell, teacher, place, data, teachers)
        training = built(cell, builder, data, suite.task_of(data), teachers)
        training.begin_epoch()
        place.synchronise()
        begin_s = training.bill.settle()["epoch_method_s"]
        epoch = middle_epoch(recipe, data.image[-1])
        taken = steps(training, Feed(lambda: data, recipe, cell.seed, place), teachers, joules, epoch)
        making_s, scoring_s = scoring(training, data, recipe)
    return Probe(
        device_name=device_name,
        threads=place.threads,
        date=now(),
        steps=training.steps,
        batch_s=taken.batch_s,
        teacher_s=taken.teacher_s,
        own_s=taken.own_s,
        begin_s=begin_s,
        making_s=making_s,
        scoring_s=scoring_s,
        views=training.method.views,
        unseen=does_more(training.method),
        joules=taken.joules,
        taken=taken.taken,
    )


def does_more(method: Method) -> bool:
    """Whether it also works at the end of epochs or of the training, or in phases behind the first."""
    return not ends_with_its_steps(type(method)) or len(method.phases()) > 1


def ends_with_its_steps(kind: type[Method]) -> bool:
    """Whether methods of a class have nothing to do between epochs or at the end."""
    return kind.end_epoch is Method.end_epoch and kind.finish is Method.finish


def middle_epoch(recipe: Recipe, whole: int) -> int:
    """The first epoch of those whose crops have an area nearest to the mean over all epochs."""
    areas = [recipe.side(whole, epoch) ** 2 for epoch in range(recipe.epochs)]
    mean = fmean(areas)
    return min(range(recipe.epochs), key=lambda epoch: abs(areas[epoch] - mean))


class Taken(NamedTuple):
    """Seconds of a step, and joules where they are counted."""

    taken: int
    batch_s: float
    teacher_s: float
    own_s: float
    joules: float | None


def steps(
    training: Training, feed: Feed, teachers: Teachers, joules: Callable[[], float | None], epoch: int = 0
) -> Taken:
    """Some steps on the batches of an epoch, behind others that are not timed."""
    if not training.steps:
        return Taken(0, 0.0, 0.0, 0.0, None)
    place, making, charged = training.place, Bill(training.place.device), list[Charged]()
    count, begun, before = -(WARM_ON_GPU if place.device.type == "cuda" else WARM), 0.0, None
    while count < LEAST or (count < MOST and time.monotonic() - begun < LEAST_S):
        if count == 0:
            place.synchronise()
            begun, before = time.monotonic(), joules()
        training.bill.charges, making.charges = [], []
        training.position.step = step = (count + WARM_ON_GPU) % training.steps  # an epoch may be shorter
        batch = feed.batch((epoch, step), training.method.views, making)
        teachers.passes.look_at(batch, training.bill)
        training.step(batch)
        feed.divide()
        teachers.passes.divide()
        if count >= 0:
            charged.append(Charged(making.charges, training.bill.charges))
        count += 1
    place.synchronise()
    after = joules()
    used = None if before is None or after is None else (after - before) / count
    training.bill.charges = []
    batch_s = middle([charges.batch_s for charges in charged])
    teacher_s = middle([charges.teacher_s for charges in charged])
    return Taken(count, batch_s, teacher_s, middle([charges.step_s for charges in charged]) - teacher_s, used)


class Charged(NamedTuple):
    """What a step put on the bills."""

    making: Sequence[Charge]
    training: Sequence[Charge]

    @property
    def batch_s(self) -> float:
        """Making its batch."""
        return sum(charge.span.seconds for charge in self.making)

    @property
    def teacher_s(self) -> float:
        """Its teacher's passes, which are a part of the step."""
        return sum(charge.span.seconds for charge in self.training if charge.alone == 0.0)

    @property
    def step_s(self) -> float:
        """All but the batch."""
        return sum(charge.alone * charge.span.seconds for charge in self.training)


def middle(values: Sequence[float]) -> float:
    """The mean of the middle half: a machine that was halted for a moment is not what a training meets all along."""
    cut = len(values) // 4
    return fmean(sorted(values)[cut : len(values) - cut])


def scoring(training: Training, data: Data, recipe: Recipe) -> tuple[float, float]:
    """Seconds of making all batches that an epoch is scored on, and of answering them, by those of a few."""
    made, answered, images, at = list[float](), list[float](), list[int](), time.perf_counter()
    for split, x, y in itertools.islice(samples(data, recipe), 1 + SCORED):
        training.place.synchronise()
        ready = time.perf_counter()
        training.answer(split, x, y)
        training.place.synchronise()
        made.append(ready - at)
        answered.append(time.perf_counter() - ready)
        images.append(len(x))
        at = time.perf_counter()
    if not images:
        return 0.0, 0.0
    all_images = sum(data.size(split) for split in SPLITS)
    # By the fastest: the first one is slow, and one may have been halted.
    making_s, scoring_s = (all_images * min(map(truediv, took, images)) for took in (made, answered))
    return making_s, scoring_s
