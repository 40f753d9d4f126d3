"""A cell's training, put together on a place, and taken up from its checkpoint."""

import logging

from cheapconv import catalog
from cheapconv.engine.store.cell import Cell, recipe_of
from cheapconv.engine.store.runs import Store
from cheapconv.engine.train import checkpoint, ranks
from cheapconv.engine.train.builder import Builder, build_method
from cheapconv.engine.train.captured import Capture
from cheapconv.engine.train.feed import Feed
from cheapconv.engine.train.teachers import Teachers
from cheapconv.engine.train.training import Training
from cheapconv.suites.base import Data
from cheapconv.suites.place import Place
from cheapconv.suites.task import Task

log = logging.getLogger(__name__)


def assembled(cell: Cell, place: Place, store: Store, feed: Feed, teachers: Teachers, compiled: bool) -> Training:
    """From its beginning."""
    data = feed.data
    with place.in_use():
        task = catalog.parse("suite", cell.suite).task_of(data)
        shared = None if compiled else teachers  # compiled code keeps no maps for others
        builder = Builder(cell, cell.classes, place, store, data.labels, task, shared)
        return built(cell, builder, data, task, teachers, compiled)


def built(cell: Cell, builder: Builder, data: Data, task: Task, teachers: Teachers, compiled: bool = False) -> Training:
    """The training of what a builder gives, whose place is in use."""
    return Training(
        build_method(cell, builder),
        data,
        recipe_of(cell),
        task,
        seed=cell.seed,
        place=builder.place,
        randomness=builder.randomness,
        compile_method=compiled,
        capture=Capture(teachers.recorder, teachers.passes) if teachers.recorder else None,
    )


def begun(
    cell: Cell,
    place: Place,
    store: Store,
    feed: Feed,
    teachers: Teachers,
    saved: checkpoint.State | None,
    compiled: bool = False,
) -> tuple[Training, bool]:
    """From its checkpoint, if it has one that every process can take up; whether that is so, or it begins anew."""
    training = assembled(cell, place, store, feed, teachers, compiled)
    if saved is None or all(ranks.collected(place, taken_up(training, saved))):
        return training, saved is not None
    # Anew: what was half taken up is in the networks.
    return assembled(cell, place, store, feed, teachers, compiled), False


def taken_up(training: Training, saved: checkpoint.State) -> bool:
    """Let a training go on from its checkpoint; False where that is not one of this training."""
    try:
        with training.place.in_use():
            training.load_state_dict(saved)
    except Exception as error:  # whatever another release, or another world, has left in it
        log.warning("a checkpoint cannot be taken up (%s: %s); the cell starts anew", type(error).__name__, error)
        return False
    return True
