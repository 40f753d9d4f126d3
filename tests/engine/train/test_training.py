"""A training as an object: it shares its process, its bill is whole, and it goes on from any state."""

import copy
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from cheapconv.engine.store.runs import Store
from cheapconv.engine.train.builder import Builder, build_method
from cheapconv.engine.train.training import Training
from cheapconv.methods.base import Context, Method, Phase
from cheapconv.suites.place import Place
from tests.engine import tiny
from tests.engine.tiny import CONSTANT, CPU, PLACE, RECIPE, STEPS, end_epoch, left
from tests.engine.toys import Quadratic

TWO_EPOCHS = replace(RECIPE, epochs=2)


@pytest.fixture(autouse=True)
def world(monkeypatch: pytest.MonkeyPatch) -> None:
    tiny.install(monkeypatch)


def made(name: str, folder: Path, seed: int = 0, place: Place = PLACE) -> Training:
    """A cell's training as `run` makes it, on two epochs."""
    cell = tiny.planned({"method": {name: tiny.settings(name)}}, seeds=[seed]).cells[0].cell
    builder = Builder(cell, cell.classes, place, Store(folder), tiny.data().labels)
    method = build_method(cell, builder)
    return tiny.training(method, TWO_EPOCHS, seed=seed, place=place, randomness=builder.randomness)


def finish(*trainings: Training) -> None:
    """Step them in turn through all epochs."""
    while not trainings[0].done:
        for training in trainings:
            training.begin_epoch()
        for batches in zip(*map(left, trainings), strict=True):
            for training, batch in zip(trainings, batches, strict=True):
                training.step(batch)
        for training in trainings:
            end_epoch(training)


def outcome(training: Training) -> tuple[dict[str, Tensor], list[Any]]:
    """Weights, and the curve without its times."""
    rows = [replace(row, seconds=0.0, method_s=0.0, spent_s=0.0, images_per_s=0.0) for row in training.position.curve]
    return training.method.state_dict(), rows


def assert_same(found: Training, expected: Training) -> None:
    (ours, our_rows), (theirs, their_rows) = outcome(found), outcome(expected)
    assert ours.keys() == theirs.keys()
    assert [name for name, tensor in theirs.items() if not torch.equal(ours[name], tensor)] == []
    assert our_rows == their_rows


@pytest.mark.parametrize("pair", [("noisy", "noisy"), ("noisy", "pruned"), ("pruned", "od")])
def test_two_that_are_stepped_in_turn_have_the_bits_that_each_has_alone(pair, tmp_path):
    """They draw dropout masks, and which features to keep: from one generator they would take each other's numbers."""
    together = [made(name, tmp_path, seed) for seed, name in enumerate(pair)]
    alone = [made(name, tmp_path, seed) for seed, name in enumerate(pair)]
    finish(*together)
    for training in alone:
        torch.rand(3)  # what the process has drawn before has no say
        finish(training)
    for found, expected in zip(together, alone, strict=True):
        assert_same(found, expected)


def test_training_leaves_the_process_as_it_was(tmp_path):
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    finish(made("noisy", tmp_path, place=Place(CPU, threads=threads + 1)))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.get_num_threads() == threads


def test_it_computes_with_the_threads_of_its_place(tmp_path):
    class Threads(Quadratic):
        def losses(self, batch: Any, update: int = 0) -> dict[str, Tensor]:
            seen.add(torch.get_num_threads())
            return super().losses(batch)

    seen: set[int] = set()
    threads = torch.get_num_threads() + 1
    finish(tiny.training(Threads(), place=Place(CPU, threads=threads)))
    assert seen == {threads}


@pytest.mark.parametrize("steps", [1, STEPS, STEPS + 2])
@pytest.mark.parametrize("name", ["noisy", "pruned"])
def test_a_state_goes_on_in_another_object(name, steps, tmp_path):
    unbroken, first = made(name, tmp_path), made(name, tmp_path)
    finish(unbroken)
    taken = 0
    while taken < steps:
        first.begin_epoch()
        for batch in left(first):
            first.step(batch)
            taken += 1
            if taken == steps:
                break
        if first.epoch_over:
            end_epoch(first)
    state = copy.deepcopy(first.state_dict())
    finish(first)  # the state is a copy: what goes on does not change it
    resumed = made(name, tmp_path)
    resumed.load_state_dict(state)
    finish(resumed)
    assert_same(resumed, unbroken)
    assert_same(first, unbroken)


class Slow(Quadratic):
    """Takes its time beside the steps."""

    def phases(self) -> list[Phase]:
        """One, with a slow beginning."""
        return [Phase(begin=lambda context: time.sleep(0.05))]

    def end_epoch(self, context: Context) -> None:
        """Slow."""
        time.sleep(0.1)

    def finish(self, context: Context) -> None:
        """Slower."""
        time.sleep(0.2)

    def eval(self) -> Method:
        """Scoring is nobody's bill."""
        time.sleep(0.4)
        return super().eval()


def test_the_bill_has_the_methods_own_work_and_not_the_scoring():
    training = tiny.training(Slow(), replace(CONSTANT, epochs=2))
    finish(training)
    position = training.position
    assert [row.method_s for row in position.curve] == pytest.approx([0.15, 0.3], abs=0.05)
    assert 0 < position.steps_s < 0.3
    assert position.train_s == position.steps_s + position.method_s


def test_a_resumed_epoch_keeps_what_is_on_its_bill():
    first, second = tiny.training(Slow()), tiny.training(Slow())
    first.begin_epoch()
    first.step(next(left(first)))
    second.load_state_dict(first.state_dict())
    assert second.position.epoch_method_s == first.position.epoch_method_s >= 0.05
    finish(second)
    assert second.position.curve[0].seconds > first.position.epoch_steps_s
    assert second.position.method_s >= 0.35


def test_it_is_scored_at_every_nth_epoch_and_the_last_and_learns_the_same(tmp_path):
    each, some = made("noisy", tmp_path), made("noisy", tmp_path)
    each.recipe = replace(TWO_EPOCHS, epochs=5)
    some.recipe = replace(each.recipe, evaluate_every=2)
    finish(each)
    finish(some)
    rows = some.position.curve
    assert [bool(row.scores) for row in rows] == [False, True, False, True, True]
    assert [row.scores for row in rows if row.scores] == [each.position.curve[epoch].scores for epoch in (1, 3, 4)]
    assert all(torch.equal(t, some.method.state_dict()[name]) for name, t in each.method.state_dict().items())


def test_phases_are_asked_for_when_one_begins_and_at_no_step():
    class Counting(Quadratic):
        def phases(self) -> list[Phase]:
            asked.append(1)
            return [Phase("a", 0.5), Phase("b", 0.5)]

    asked: list[int] = []
    training = tiny.training(Counting(), replace(CONSTANT, epochs=4))
    while not training.done:
        training.begin_epoch()
        before = len(asked)
        for batch in left(training):
            training.step(batch)
        end_epoch(training)
        assert len(asked) == before
    assert training.position.phase == 1


def test_the_losses_are_called_as_the_module():
    """So that a wrapper of the module (a compiler, a gatherer of gradients) wraps them."""
    seen: list[str] = []
    method = Quadratic()
    method.register_forward_hook(lambda *_: seen.append("forward"))
    finish(tiny.training(method))
    assert seen == ["forward"] * STEPS


class NoWait(TorchDispatchMode):
    """Refuses what would make a step wait for a GPU: reading a tensor, or making one from numbers of the host."""

    REFUSED = ("aten::_local_scalar_dense", "aten::lift_fresh", "aten::is_nonzero", "aten::nonzero")

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        assert func.name().split(".")[0] not in self.REFUSED, func.name()
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("refused", [lambda: torch.ones(()).item(), lambda: torch.tensor([0.5, 0.4])])
def test_waiting_is_noticed(refused):
    with pytest.raises(AssertionError, match="aten::"), NoWait():
        refused()


@pytest.mark.parametrize("name", ["scratch", "noisy", "od"])
def test_no_step_waits_for_the_device(name, tmp_path):
    """The making of its batch included."""
    training = made(name, tmp_path)
    training.begin_epoch()
    batches = left(training)
    training.step(next(batches))  # makes what is made once
    with NoWait():
        for batch in batches:
            training.step(batch)
    assert training.epoch_over


@pytest.mark.slow
def test_compiling_one_forgets_nothing_of_another():
    """More of them than torch keeps forms of one function by default: each has its own, none is compiled again."""
    import torch._dynamo

    class Repeated(Quadratic):
        """As many terms as its number: other code for each."""

        def __init__(self, number: int) -> None:
            super().__init__()
            self.number = number

        def losses(self, batch: Any, update: int = 0) -> dict[str, Tensor]:
            """The parabola, so often."""
            return {f"pull_{i}": super(Repeated, self).losses(batch)["pull"] for i in range(self.number)}

    counters = torch._dynamo.utils.counters
    compiled_before = counters["stats"]["unique_graphs"]
    trainings = [tiny.training(Repeated(number), compile_method=True) for number in range(1, 11)]
    for training in trainings:
        training.begin_epoch()
        training.step(next(left(training)))
    before = counters["stats"]["unique_graphs"]
    assert before - compiled_before == len(trainings)
    for training in trainings:
        training.step(next(left(training)))
    assert counters["stats"]["unique_graphs"] == before
