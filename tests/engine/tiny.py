"""A world in which cells really train, in tenths of a second: 40 + 23 images of 8x8, WRN-10-1, toy methods."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch

from cheapconv import catalog
from cheapconv.catalog import entries
from cheapconv.engine.measure import timings
from cheapconv.engine.plan.plan import Plan
from cheapconv.engine.read.registry import Sweep
from cheapconv.engine.run import launch, measuring, session
from cheapconv.engine.run.planning import plan
from cheapconv.engine.run.settings import Settings
from cheapconv.engine.store.records import Word
from cheapconv.engine.store.runs import Run, Store
from cheapconv.engine.train import checkpoint
from cheapconv.engine.train.checkpoint import Position
from cheapconv.engine.train.cohort import Cohort, Member
from cheapconv.engine.train.evaluate import samples
from cheapconv.engine.train.feed import Feed
from cheapconv.engine.train.teachers import Passes, Teachers
from cheapconv.engine.train.training import Training
from cheapconv.methods.base import Method
from cheapconv.suites.augmentation import Augmentation, Normalisation
from cheapconv.suites.base import Batch
from cheapconv.suites.memory import InMemory, MemorySuite
from cheapconv.suites.place import Place
from cheapconv.suites.recipe import Recipe
from cheapconv.suites.schedule import Schedule
from cheapconv.suites.task import Classification
from tests.engine import toys

TRAIN, TEST, BATCH, STEPS = 40, 23, 16, 3
NO_MLFLOW = "none"
DEAD_SERVER = "http://127.0.0.1:9"  # the discard port, where nobody listens
CPU = torch.device("cpu")
PLACE = Place(CPU)
RECIPE = Recipe(
    name="short",
    epochs=3,
    batch=BATCH,
    lr=0.05,
    weight_decay=5e-4,
    schedule=Schedule(kind="onecycle"),
    augmentation=Augmentation(pad=1, flip=True),
    normalisation=Normalisation(mean=(0.5, 0.4, 0.3), std=(0.3, 0.2, 0.1)),
)
# Every number plain to calculate with.
CONSTANT = replace(RECIPE, schedule=Schedule(kind="multistep"), lr=0.1, weight_decay=0.01, epochs=1)


class Tiny(MemorySuite):
    """Noise with labels; the last batch of an epoch has 8 of 16 images."""

    label: ClassVar[str] = "Tiny"
    protocol: ClassVar[int] = 1
    fingerprint: ClassVar[str] = "noise"
    classes: ClassVar[int] = 10
    image: ClassVar[tuple[int, int, int]] = (3, 8, 8)
    recipes: ClassVar[dict[str, Recipe]] = {"short": RECIPE}

    def load(self, folder: Path | None = None, download: bool = False) -> InMemory:
        """The same images at every call."""
        return data()


def data(classes: int = 10) -> InMemory:
    """Random images and labels, the same at every call."""
    generator = torch.Generator().manual_seed(1)
    pixels = torch.randint(256, (TRAIN + TEST, 3, 8, 8), dtype=torch.uint8, generator=generator)
    labels = torch.randint(classes, (TRAIN + TEST,), generator=generator)
    names = tuple(f"class {i}" for i in range(classes))
    return InMemory(pixels[:TRAIN], labels[:TRAIN], pixels[TRAIN:], labels[TRAIN:], names)


def training(method: Method, recipe: Recipe = CONSTANT, **fields: Any) -> Training:
    """A training on this world's data, for a method that need not be in the catalog."""
    return Training(method, data(), recipe, Classification(10), **{"seed": 0, "place": PLACE, **fields})


def left(training: Training) -> Iterator[Batch]:
    """The batches that its epoch has still to take."""
    position, views = training.position, training.method.views
    return training.data.train(training.recipe, training.seed, position.epoch, position.step, views)


def step_together(trainings: Sequence[Training], feed: Feed, passes: Passes) -> None:
    """A step of each, as a cohort takes them: on one batch, and with one pass of a teacher."""
    for training in trainings:
        at = training.position.epoch, training.position.step
        batch = feed.batch(at, training.method.views, training.bill)
        passes.look_at(batch, training.bill)
        training.step(batch)
        if not all(map(passes.intact, batch.views)):
            feed.forget()
    feed.divide()
    passes.divide()


def end_epoch(training: Training) -> None:
    """What an epoch ends with, for one that is alone."""
    training.learnt()
    for split, x, y in samples(training.data, training.recipe) if training.examined else ():
        training.answer(split, x, y)
    training.end_epoch()


class Stopped(Exception):
    """The training was asked to stop; its checkpoint is written."""


class Alone:
    """Watches the one member of a cohort (`engine.train.cohort.Watched`), and raises what goes wrong in it."""

    def __init__(self, on_step: Callable[..., None], on_epoch: Callable[..., None]) -> None:
        self.on_step, self.on_epoch, self.was_stopped = on_step, on_epoch, False

    def stepped(self, training: Training) -> None:
        """Tell the test."""
        self.on_step(training.position, training.steps)

    def epoch_ended(self, training: Training) -> None:
        """Tell the test."""
        self.on_epoch(training.position)

    def ended(self, training: Training) -> None:
        """Nothing: the test has the training."""

    def stopped(self, training: Training) -> None:
        """Remember it."""
        self.was_stopped = True

    def failed(self, training: Training | None, error: Exception | SystemExit, alone: bool) -> None:
        """The test's affair."""
        raise error


def train_alone(
    training: Training,
    folder: Path,
    on_step: Callable[..., None] = lambda position, steps: None,
    on_epoch: Callable[..., None] = lambda position: None,
    **options: Any,
) -> Position:
    """Train to the last epoch in a cohort of its own; raises Stopped, and what goes wrong."""
    feed = Feed(lambda: training.data, training.recipe, training.seed, training.place)
    watched = Alone(on_step, on_epoch)
    member = Member(training, Run(folder), watched)
    Cohort(feed, Teachers(training.place.device), **options).run(iter([member]))
    if watched.was_stopped:
        raise Stopped
    return training.position


def train(method: Method, folder: Path, recipe: Recipe = CONSTANT, **watch: Any) -> Position:
    """Train to the last epoch, from the folder's checkpoint where there is one."""
    folder.mkdir(exist_ok=True)
    begun = training(method, recipe)
    if saved := checkpoint.read(folder):
        begun.load_state_dict(saved)
    return train_alone(begun, folder, **watch)


def register() -> None:
    """Name the suite `tiny` and the toy methods."""
    catalog.load()
    catalog.register("suite", "tiny")(Tiny)
    for name, cls in toys.METHODS.items():
        catalog.register("method", name)(cls)


def install(monkeypatch: pytest.MonkeyPatch) -> None:
    """`register` until the test ends."""
    catalog.load()  # now, or the real names would be lost with the copy
    monkeypatch.setattr(entries, "_entries", dict(entries._entries))
    register()


def skip_timing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Launch cells without measuring their latency."""
    monkeypatch.setattr(timings, "take", lambda *args: None)


def skip_counting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Launch cells without counting what a step computes, which builds their networks once more."""
    monkeypatch.setattr(measuring, "count", lambda *args, **named: None)


def skip_measuring(monkeypatch: pytest.MonkeyPatch) -> None:
    """Launch cells that are trained and no more."""
    skip_timing(monkeypatch)
    skip_counting(monkeypatch)


def skip_mlflow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run sessions without tracking, because MLflow takes seconds to import."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", NO_MLFLOW)


def planned(*entries: dict[str, Any] | str, **fields: Any) -> Plan:
    """A plan on the tiny suite; an entry is a method, or what differs from a standard WRN-10-1 trained from scratch."""
    filled = [{"method": entry} if isinstance(entry, str) else entry for entry in entries]
    common = {"architecture": "wrn(depth=10, width=1)", "conv": "standard", "method": "scratch"}
    body = {"suite": "tiny", "recipe": "short", "entries": [{**common, **entry} for entry in filled], **fields}
    return plan(Sweep.model_validate(body), "sweep")


def planned_by(method: str, **fields: Any) -> Plan:
    """A plan whose last cell is trained by `method`, after a teacher's cell where it needs one."""
    if not catalog.entry("method", method).cls.needs_teacher:
        return planned({"method": {method: settings(method)}}, **fields)
    student = {"method": {method: {"teacher": "teacher", **settings(method)}}}
    return planned({"name": "teacher", "seeds": [5]}, student, **fields)


def settings(method: str) -> dict[str, Any]:
    """Two students where a method would train more."""
    return {"students": 2} if "students" in catalog.entry("method", method).defaults else {}


def run(
    store: Store,
    whole: Plan,
    *watchers: Any,
    device: torch.device = CPU,
    threads: int = 1,
    should_stop: Callable[[], bool] = lambda: False,
    **settings: Any,
) -> dict[str, Word]:
    """Launch every cell of a plan."""
    session.write_plan(store, whole)
    launcher = launch.Launcher(
        store,
        Place(device, threads),
        settings=Settings(**{"cohort": 1, **settings}),
        watchers=watchers,
        should_stop=should_stop,
    )
    return launcher.run([p.cell for p in whole.cells])


def ends(store: Store, whole: Plan, *watchers: Any, **options: Any) -> list[str]:
    """How each cell of the plan ended; `not reached` after a stop."""
    found = run(store, whole, *watchers, **options)
    return [found.get(p.cell.key, "not reached") for p in whole.cells]


@contextlib.contextmanager
def trained(root: Path, *entries: Any, **fields: Any) -> Iterator[tuple[Store, Plan]]:
    """A store with the finished cells of a sweep of one epoch, and its plan, while the tiny world is there."""
    with pytest.MonkeyPatch.context() as patch:
        install(patch)
        skip_measuring(patch)
        store, whole = Store(root), planned(*entries, epochs=1, **fields)
        store.prepare()
        session.write_plan(store, whole)
        assert {*ends(store, whole)} == {"done"}
        yield store, whole
