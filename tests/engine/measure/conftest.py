"""A clock for those that time."""

import itertools
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import pytest

from cheapconv.engine.measure import clock


@pytest.fixture
def durations(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Sets a clock on which the timed runs take the given seconds, over and over."""

    def install(*seconds: float) -> None:
        def readings() -> Iterator[float]:
            now = 0.0
            for duration in itertools.cycle(seconds):
                yield now
                yield (now := now + duration)
                now += 1000.0  # between two runs

        monkeypatch.setattr(clock, "time", SimpleNamespace(perf_counter=readings().__next__))

    return install
