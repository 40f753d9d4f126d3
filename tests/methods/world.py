"""A small world for methods: WRN-10-1 students on 8x8 images, and a store with one finished, wider teacher."""

import dataclasses
from pathlib import Path
from typing import Any

import torch

from cheapconv import catalog
from cheapconv.engine.plan.resolve import resolve
from cheapconv.engine.store.cell import Cell
from cheapconv.engine.store.runs import Store
from cheapconv.engine.train import checkpoint
from cheapconv.engine.train.builder import Builder, build_method
from cheapconv.engine.train.checkpoint import Position
from cheapconv.engine.train.training import Training
from cheapconv.methods.base import Method
from cheapconv.suites.base import Batch
from cheapconv.suites.memory import InMemory
from cheapconv.suites.place import Place
from cheapconv.suites.recipe import Recipe
from cheapconv.suites.task import Classification
from tests.engine.finished import finish
from tests.engine.tiny import train_alone

STUDENT, TEACHER, SUITE = "wrn(depth=10, width=1)", "wrn(depth=10, width=2)", "digits"
CPU = torch.device("cpu")
PLACE = Place(CPU)
IMAGES = 24


@dataclasses.dataclass(frozen=True)
class World:
    """A store and the key of the teacher in it."""

    store: Store
    teacher: str

    def cell(
        self, name: str, *, seed: int = 0, architecture: str = STUDENT, conv: str = "standard", **settings: Any
    ) -> Cell:
        """A cell of the method `name`, with the teacher where it needs one."""
        teacher = self.teacher if catalog.entry("method", name).cls.needs_teacher else None
        return _cell(name, architecture, conv, settings, seed, teacher)

    def method(self, name: str, *, classes: int = 10, images: int = IMAGES, **cell: Any) -> Method:
        """The method `name`, freshly wired, in train mode, for training on `data(images)`."""
        resolved, labels = self.cell(name, **cell), data(images, classes).train_y
        builder = Builder(resolved, classes, PLACE, self.store, labels)
        method = build_method(resolved, builder)
        builder.randomness.put()  # what a test draws next is what a training would
        return method


def make_world(root: Path, teacher: str = TEACHER) -> World:
    """A world whose store is `root`; the teacher is as its initialisation left it, which is enough to learn from."""
    catalog.load()
    store = Store(root)
    cell = _cell("scratch", teacher, "standard", {}, seed=7, teacher=None)
    method = build_method(cell, Builder(cell, cell.classes, PLACE, store))
    finish(store, cell, method)
    return World(store, cell.key)


def data(count: int = IMAGES, classes: int = 10) -> InMemory:
    """Random images 3 x 8 x 8, the same at every call, as many to test as to train."""
    generator = torch.Generator().manual_seed(1)
    x = torch.randint(256, (count, 3, 8, 8), dtype=torch.uint8, generator=generator)
    y = torch.arange(count) % classes
    return InMemory(x, y, x, y, tuple(map(str, range(classes))))


def batch(views: int = 1, count: int = 8) -> Batch:
    """One batch of `data()`."""
    recipe = catalog.parse("suite", SUITE).recipes["short"].override(batch=count)
    return next(data().train(recipe, seed=0, epoch=0, views=views))


def train(method: Method, folder: Path, recipe: Recipe, **watch: Any) -> Position:
    """Train on `data()` to the last epoch, from the folder's checkpoint where there is one."""
    folder.mkdir(parents=True, exist_ok=True)
    training = Training(method, data(), recipe, Classification(10), seed=0, place=PLACE)
    if saved := checkpoint.read(folder):
        training.load_state_dict(saved)
    return train_alone(training, folder, **watch)


def _cell(name: str, architecture: str, conv: str, settings: dict[str, Any], seed: int, teacher: str | None) -> Cell:
    suite = catalog.parse("suite", SUITE)
    return resolve(
        suite=suite,
        recipe=suite.recipes["short"],
        architecture=architecture,
        conv=conv,
        method=name,
        settings=settings,
        seed=seed,
        teacher=teacher,
    )
