"""What makes a training take its steps as they are: what cannot be recorded, and what is slower so."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.engine.emulated import EmulatedRecorder
from tests.engine.fits import NEVER, Fit, assert_same, recorder, run, training
from tests.engine.tiny import left


class Reading(Fit):
    """Reads its weight."""

    def weight(self) -> float:
        """A number of Python's."""
        return float(self.clock.progress)


class Listing(Fit):
    """The same by another way."""

    def weight(self) -> float:
        """A number of Python's."""
        return self.clock.progress[None].tolist()[0]


class Choosing(Fit):
    """Takes some of its batch."""

    def weight(self) -> Tensor:
        """Of the larger ones."""
        return self.w[self.w > self.clock.progress - 10].sum()


class Making(Fit):
    """Makes a tensor of numbers in its step."""

    def weight(self) -> Tensor:
        """A constant."""
        return torch.tensor(0.5)


class Counting(Fit):
    """Counts its steps."""

    steps = 0

    def weight(self) -> float:
        """Rises."""
        self.steps += 1
        return self.steps / 10


class Averaging(Fit):
    """Keeps an average, each time as another tensor."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("average", torch.tensor(1.0))

    def weight(self) -> Tensor:
        """The average, with the clock in it."""
        self.average = 0.9 * self.average + self.clock.progress
        return self.average


class Failing(Fit):
    """Fails after its optimiser's step, once it is recorded."""

    def after_update(self) -> None:
        """Read the rate."""
        self.clock.lr.item()


REFUSED = [
    (Reading, "_local_scalar_dense waits for the device"),
    (Listing, "tolist waits for the device"),
    (Choosing, "aten::index.Tensor waits for the device"),
    (Making, "lift_fresh waits for the device"),
    (Counting, "it changes the attribute 'steps', which is no tensor"),
    (Averaging, "it puts another tensor in the place of 'average'"),
    (Failing, "_local_scalar_dense waits for the device"),
]


@pytest.mark.parametrize(("method", "why"), REFUSED)
def test_what_cannot_be_recorded_is_taken_as_it_is(method, why, caplog):
    """And nothing shows that it was tried, but a line that says why."""
    played = run(training(method()))
    assert_same(played, run(training(method(), rehearsals=NEVER)))
    assert recorder(played).played == 0
    assert caplog.text.count("a step cannot be captured, and is taken as it is") == 1
    assert why in caplog.text


@pytest.mark.parametrize("waits", [[1, 2], [1], []])
def test_what_the_recorder_sees_before_is_not_tried(waits, caplog):
    """In the last step before: in the first one, something may be made once."""

    class Warned(EmulatedRecorder):
        def rehearse(self, work: Any) -> Any:
            made, _ = super().rehearse(work)
            return made, "it waits for the device" if self.rehearsed in waits else None

    found = [training(recorder=Warned(), rehearsals=2), training(rehearsals=NEVER)]
    for each in found:
        each.begin_epoch()
        batch = next(left(each))
        each.steps = 4
        for _ in range(each.steps):
            each.step(batch)
    assert_same(*found)
    refused = 2 in waits
    assert recorder(found[0]).recorded == (not refused)
    assert caplog.text.count("it waits for the device") == refused


def test_numbers_that_the_host_draws_are_noticed(caplog):
    class Drawing(EmulatedRecorder):
        """Of another device: what the CPU draws, it draws."""

        def record(self, work: Any) -> Any:
            made = super().record(work)
            torch.rand(())
            return made

    played = run(training(recorder=Drawing()))
    assert_same(played, run(training(rehearsals=NEVER)))
    assert "it draws random numbers on the host" in caplog.text


def timed(rehearsed_ms: list[float], played_ms: list[float]) -> Callable[[torch.device], float]:
    """A clock by which steps take so long, one after the other."""
    marks, now = [], 0.0
    for ms in (*rehearsed_ms, *played_ms):
        marks += [now, now + ms / 1000]
        now += 1.0
    left = iter(marks)
    return lambda device: next(left)


@pytest.mark.parametrize(("played_ms", "kept"), [([9, 1, 9], True), ([9, 3, 9], False)])
def test_the_faster_way_is_kept(played_ms, kept, caplog):
    """By the fastest of each."""
    # Epochs of two full batches and a partial one, which is rehearsed as well: 2 ms.
    clock = timed([2, played_ms[0], 2], [played_ms[1], played_ms[2], *[2] * 20])
    found = training(trials=3, now=clock)
    found.recipe = replace(found.recipe, epochs=6)
    run(found)
    taken = training(rehearsals=NEVER)
    taken.recipe = found.recipe
    assert_same(found, run(taken))
    assert recorder(found).played == (11 if kept else 4)  # the fourth is the one after which they are compared
    assert ("a step is not captured: so it takes 3.0 ms, and 2.0 as it is" in caplog.text) is not kept
