"""Steps on a CUDA device: none of them waits for it; captured as a graph they have the bits of steps as they are."""

import contextlib
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

from cheapconv import catalog
from cheapconv.engine.train.builder import Builder, build_method
from cheapconv.engine.train.captured import Capture
from cheapconv.engine.train.feed import Feed
from cheapconv.engine.train.graph import recorder_on
from cheapconv.engine.train.teachers import Passes, Teachers
from cheapconv.engine.train.training import Training
from cheapconv.methods.base import Batch
from cheapconv.suites.place import Place
from cheapconv.suites.task import Classification
from tests.engine import tiny, toys
from tests.engine.emulated import tensors
from tests.engine.tiny import end_epoch, step_together
from tests.methods.world import SUITE, World, data, make_world

pytestmark = pytest.mark.gpu
CUDA = torch.device("cuda", 0)


class Reading(toys.Noisy):
    """Reads its loss."""

    def losses(self, batch: Batch, update: int = 0) -> dict[str, Tensor]:
        """By half of itself."""
        ce = super().losses(batch)["ce"]
        return {"ce": ce * (0.5 if ce.item() > 0 else 1.0)}


class Waiting(toys.Noisy):
    """Waits for the device, which torch does not warn of; that it cannot be captured shows when it is tried."""

    def losses(self, batch: Batch, update: int = 0) -> dict[str, Tensor]:
        """The cross-entropy, after a number was drawn."""
        found = super().losses(batch)
        torch.cuda.synchronize()
        return found


@pytest.fixture
def world(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    tiny.install(monkeypatch)
    catalog.register("method", "reading")(Reading)
    catalog.register("method", "waiting")(Waiting)
    with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True):
        yield make_world(tmp_path)


@contextlib.contextmanager
def no_wait() -> Iterator[None]:
    """What waits for the device raises."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the mode itself
        torch.cuda.set_sync_debug_mode("error")
        try:
            yield
        finally:
            torch.cuda.set_sync_debug_mode("default")


def made(world: World, name: str, teachers: Teachers, precision: Any = "fp32", **capture: Any) -> Training:
    """A training on the device, of epochs of 10, 10 and 4 images."""
    cell, place = world.cell(name), Place(CUDA)
    builder = Builder(cell, cell.classes, place, world.store, data().train_y.to(CUDA), teachers=teachers)
    recipe = catalog.parse("suite", SUITE).recipes["short"]
    recipe = recipe.override(epochs=3, batch=10, schedule="onecycle", precision=precision)
    fields: dict[str, Any] = {"seed": 0, "place": place}
    if capture:
        fields["capture"] = Capture(recorder_on(CUDA), teachers.passes, **{"trials": 0, **capture})
    with place.in_use():
        method = build_method(cell, builder)
    fields["randomness"] = builder.randomness
    return Training(method, data().to(CUDA), recipe, Classification(10), **fields)


def epoch(training: Training, passes: Passes, guard: Any = contextlib.nullcontext) -> None:
    """One epoch, whose steps are taken within the guard."""
    feed = Feed(lambda: training.data, training.recipe, 0, training.place)
    training.begin_epoch()
    with guard():
        for step in range(training.steps):
            batch = feed.batch((training.position.epoch, step), training.method.views, training.bill)
            passes.look_at(batch, training.bill)
            training.step(batch)
            feed.divide()
            passes.divide()
    end_epoch(training)


def run(world: World, name: str, **fields: Any) -> Training:
    """All epochs."""
    teachers = Teachers(CUDA, recorder_on(CUDA) if fields.get("rehearsals") else None)
    training = made(world, name, teachers, **fields)
    while not training.done:
        epoch(training, teachers.passes)
    return training


def assert_same(found: Training, expected: Training) -> None:
    pairs = zip(tensors(found.state_dict()), tensors(expected.state_dict()), strict=True)
    assert all(torch.equal(*pair) for pair in pairs)
    assert [row.terms for row in found.position.curve] == [row.terms for row in expected.position.curve]


def played(training: Training) -> bool:
    """Whether there is a recording at the end."""
    assert training._captured is not None
    return training._captured._recording is not None


@pytest.mark.parametrize("name", ["scratch", "kd"])
def test_no_step_waits_for_the_device(world, name):
    """From the first one on, the making of its batch included."""
    teachers = Teachers(CUDA)
    training = made(world, name, teachers)
    epoch(training, teachers.passes, no_wait)
    epoch(training, teachers.passes, no_wait)


@pytest.mark.parametrize("name", ["scratch", "kd"])
def test_no_captured_step_waits_for_the_device(world, name, caplog):
    """Once it is captured, and while it is still compared."""
    teachers = Teachers(CUDA, recorder_on(CUDA))
    training = made(world, name, teachers, rehearsals=1, trials=2)
    epoch(training, teachers.passes)
    epoch(training, teachers.passes, no_wait)
    epoch(training, teachers.passes, no_wait)
    assert "cannot be captured" not in caplog.text  # as one that waits in a rehearsal, where it is no error


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("name", ["scratch", "kd", "at", "noisy", "dml"])
def test_captured_steps_have_the_bits_of_those_as_they_are(world, name, precision):
    """The random numbers of `noisy` too."""
    captured = run(world, name, precision=precision, rehearsals=1)
    assert played(captured)
    assert_same(captured, run(world, name, precision=precision))


def test_side_by_side_they_have_the_bits_of_each_alone(world):
    """Two graphs and a teacher between them."""
    teachers = Teachers(CUDA, recorder_on(CUDA))
    together = [made(world, name, teachers, rehearsals=1) for name in ("kd", "at")]
    feed = Feed(lambda: together[0].data, together[0].recipe, 0, together[0].place)
    while not together[0].done:
        for training in together:
            training.begin_epoch()
        for _ in range(together[0].steps):
            step_together(together, feed, teachers.passes)
        for training in together:
            end_epoch(training)
    for training, name in zip(together, ("kd", "at"), strict=True):
        assert played(training)
        assert_same(training, run(world, name, rehearsals=1))


@pytest.mark.parametrize("name", ["reading", "waiting"])
def test_what_cannot_be_captured_is_taken_as_it_is(world, name, caplog):
    """And the device still draws the numbers that it would have drawn."""
    found = run(world, name, rehearsals=1)
    assert not played(found)
    assert caplog.text.count("cannot be captured") == 1
    assert_same(found, run(world, name))


def test_a_graph_that_is_slower_is_dropped(world, caplog):
    """By a clock that has it so."""
    spans = iter([0.0, 0.001, 0.0, 0.009, 0.0, 0.001, *[0.0, 0.009] * 2, *[0.0, 0.001] * 9])
    found = run(world, "scratch", rehearsals=1, trials=3, now=lambda device: next(spans))
    assert not played(found)
    assert "a step is not captured" in caplog.text
    assert_same(found, run(world, "scratch"))


def test_its_checkpoint_goes_on_on_a_cpu(world):
    """Where rates are numbers."""
    teachers = Teachers(CUDA)
    training = made(world, "scratch", teachers, rehearsals=1)
    epoch(training, teachers.passes)
    state = training.state_dict()
    cell, place = world.cell("scratch"), Place(torch.device("cpu"))
    builder = Builder(cell, cell.classes, place, world.store, data().train_y)
    fields = {"seed": 0, "place": place, "randomness": builder.randomness}
    other = Training(build_method(cell, builder), data(), training.recipe, Classification(10), **fields)
    other.load_state_dict(state)
    assert other.optimiser is not None
    assert isinstance(other.optimiser.param_groups[0]["lr"], float)
    epoch(other, Passes(torch.device("cpu")))
    assert other.position.epoch == 2
