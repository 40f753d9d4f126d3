"""A training step of this project and of the loop that everybody writes: same student, teacher, loss and batch size."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import nn

from benchmarks import textbook
from benchmarks.shares import Shares
from benchmarks.synthetic import Synthetic
from cheapconv import catalog
from cheapconv.engine.plan.resolve import resolve
from cheapconv.engine.run import heap
from cheapconv.engine.store.cell import Cell
from cheapconv.engine.store.runs import Store
from cheapconv.engine.train.builder import Builder, build_method
from cheapconv.engine.train.captured import Capture
from cheapconv.engine.train.feed import Feed
from cheapconv.engine.train.graph import recorder_on
from cheapconv.engine.train.teachers import Teachers
from cheapconv.engine.train.training import Training
from cheapconv.models.build import build_network
from cheapconv.suites.place import Place
from cheapconv.suites.recipe import Recipe
from tests.engine.finished import finish
from tests.engine.tiny import step_together

STUDENT, TEACHER, BATCH = "wrn(depth=16, width=2)", "wrn(depth=40, width=2)", 128
CONVS = {"S": "standard", "G(4)": "G(4)", "G(N)": "G(N)", "BG(2,M/8)": "BG(2,M/8)", "shift": "od_shift"}
SUITE = Synthetic(images=100 * BATCH)
RECIPE = SUITE.recipes["short"]


@dataclass
class Steps:
    """Steps one after the other; what a step puts on the clock is in `shares`."""

    take: Callable[[], object]
    shares: Shares
    trainings: list[Training]  # of this project
    students: list[nn.Module]  # all that learn in a step
    teachers: list[nn.Module]  # all that are looked at, as often as they are


def ours(
    store: Store,
    place: Place,
    cells: Sequence[tuple[str, str]],
    student: str = STUDENT,
    recipe: Recipe = RECIPE,
    captured: bool = False,
    compiled: bool = False,
    teacher: str = TEACHER,
) -> Steps:
    """Trainings of these methods and convs, side by side, as `run` has them with `--capture` and `--compile`."""
    catalog.load()
    heap.large_pages()
    heap.keep()
    data = SUITE.load().to(place.device)
    recorder = recorder_on(place.device) if captured else None
    task, teachers, shares = SUITE.task_of(data), Teachers(place.device, recorder), Shares()
    feed, trainings = Feed(lambda: data, recipe, 0, place), list[Training]()
    capture = Capture(recorder, teachers.passes) if recorder else None
    for method, conv in cells:
        taught = catalog.entry("method", method).cls.needs_teacher
        cell = _cell(student, CONVS.get(conv, conv), method, _teacher(store, place, teacher) if taught else None)
        builder = Builder(cell, cell.classes, place, store, data.train_y, task, None if compiled else teachers)
        with place.in_use():
            built = build_method(cell, builder)
        training = Training(
            built,
            data,
            recipe,
            task,
            seed=0,
            place=place,
            randomness=builder.randomness,
            compile_method=compiled,
            capture=capture,
        )
        training.begin_epoch()
        shares.of("forward", training._learner, "_forward")
        trainings.append(training)

    shares.of("data", feed, "batch")
    looked_at = [frozen.network for _, frozen in teachers._read.values()]
    for network in looked_at:
        shares.of("teacher", network, "forward")
        shares.of("teacher", network, "stages")
    take = partial(step_together, trainings, feed, teachers.passes)
    return Steps(take, shares, trainings, [network for t in trainings for network in _students(t)], looked_at)


def theirs(
    method: str,
    conv: str,
    student: str = STUDENT,
    device: torch.device = textbook.CPU,
    workers: int = textbook.WORKERS,
    batch: int = BATCH,
) -> Steps:
    """The loop of benchmarks/textbook.py."""
    catalog.load()
    data, shares = SUITE.load(), Shares()
    images = data.train_x.permute(0, 2, 3, 1).contiguous().numpy()
    students = [build_network(student, CONVS[conv], 10).to(device) for _ in range(4 if method == "od" else 1)]
    trained = textbook.Online(students).to(device) if method == "od" else students[0]
    taught = method in ("kd", "at")
    teacher = build_network(TEACHER, "standard", 10).eval().requires_grad_(False).to(device) if taught else None
    if teacher is not None:
        shares.of("teacher", teacher, "forward")
        shares.of("teacher", teacher, "stages")
    loss = shares.timed("forward", textbook.LOSSES[method])
    labels = data.train_y.tolist()
    steps = textbook.train(trained, teacher, loss, images, labels, batch=batch, device=device, workers=workers)
    return Steps(lambda: next(steps), shares, [], [*students], [teacher] if teacher is not None else [])


def _students(training: Training) -> Iterator[nn.Module]:
    return (trained.network for trained in training.method.networks() if trained.headline)


def _teacher(store: Store, place: Place, architecture: str) -> str:
    """The key of one that has been to no school: its passes take as long."""
    cell = _cell(architecture, "standard", "scratch", None, seed=7)
    if store.run(cell.key).result() is None:
        finish(store, cell, build_method(cell, Builder(cell, cell.classes, place, store)))
    return cell.key


def _cell(architecture: str, conv: str, method: str, teacher: str | None, seed: int = 0) -> Cell:
    return resolve(
        suite=SUITE,
        recipe=SUITE.recipes["short"],
        architecture=architecture,
        conv=conv,
        method=method,
        settings={},
        seed=seed,
        teacher=teacher,
    )


def store_in(folder: Path) -> Store:
    """An empty one."""
    store = Store(folder)
    store.prepare()
    return store
