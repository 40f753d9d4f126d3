"""The batches of a seed, made once for all trainings that stand at the same step."""

import functools
from collections.abc import Callable, Iterator
from typing import NamedTuple

from cheapconv.engine.train.bill import Bill, Shared, Span, mark
from cheapconv.suites.base import Batch, Data
from cheapconv.suites.place import Place
from cheapconv.suites.recipe import Recipe

At = tuple[int, int]  # epoch, and step in it


class Last(NamedTuple):
    """A batch, what it was made for, and what that took."""

    of: tuple[At, int]  # a step, and a number of views
    batch: Batch
    making: Shared


class Feed:
    """Gives the batch of a step, and keeps it until another is asked for. Methods that take other numbers of views have
    other batches: which numbers are drawn depends on it."""

    def __init__(self, open_data: Callable[[], Data], recipe: Recipe, seed: int, place: Place) -> None:
        self._open, self._recipe, self._seed, self._place = open_data, recipe, seed, place
        self._making: dict[int, tuple[At, Iterator[Batch]]] = {}  # by views: the step of the last batch, and the next
        self._last: Last | None = None

    @functools.cached_property
    def data(self) -> Data:
        """Opened when they are first asked for: what is done needs none."""
        return self._open()

    def batch(self, at: At, views: int, bill: Bill) -> Batch:
        """The batch of a step. Who learns from it pays for it: cropping is work too, and on a CPU not little."""
        if self._last is None or self._last.of != (at, views):
            self.divide()
            with self._place.in_use():
                span = Span(mark(self._place.device))
                batch = self._made(at, views)
                span.ended = mark(self._place.device)
            self._last = Last((at, views), batch, Shared(span))
        self._last.making.use(bill)
        return self._last.batch

    def divide(self) -> None:
        """Charge the batch to those who have learnt from it."""
        if self._last is not None:
            self._last.making.divide()

    def forget(self) -> None:
        """Make the batch anew for whoever asks next: somebody has written into this one."""
        self.divide()
        self._last, self._making = None, {}

    def _made(self, at: At, views: int) -> Batch:
        """From where the last one was made, if that is the step before."""
        epoch, step = at
        before, making = self._making.pop(views, (None, iter(())))
        if before != (epoch, step - 1):
            making = self.data.train(self._recipe, self._seed, epoch, step, views)
        batch = next(making, None)
        assert batch is not None, "an epoch has as many batches as its data say"
        if step + 1 < self.data.steps(self._recipe):  # else its workers end with it
            self._making[views] = at, making
        return batch
