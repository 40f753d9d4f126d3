"""Timing several networks so that a slow minute hits all of them alike.

Every pass gives each network a short slice, begun with some runs that do not count; the order is rotated from pass to
pass, and what a network's slices have taken is pooled. Between two slices the machine is calibrated
(engine/measure/calibration.py). A slice counts as taken at full speed where the machine was, before and after it, no
more than OFF below its best of the whole measuring. A network that lacks some of PASSES such slices can be given more;
its PASSES slices at the highest speed are pooled, and if not all of those are at full speed, the timing is in doubt. So
is one whose quartiles are far apart: something else ran all the while.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch

from cheapconv.engine.measure import clock
from cheapconv.engine.measure.calibration import Calibration, Speed
from cheapconv.engine.measure.runtimes.torch_threads import torch_threads
from cheapconv.engine.measure.turn import Turn
from cheapconv.engine.store.operators import Operator

PASSES = 5
AGAIN = 2  # at most so many rounds more for networks that lack slices at full speed
OFF = 0.15
SLICE_S = 0.2  # of latency, and as much of throughput
BEFORE = 2  # runs of a slice that do not count: caches hold the network before
LEAST, MOST = 2, 60  # runs of a slice that count
WARM_UP_RUNS = 5
UNEVEN_ONE, UNEVEN_MANY = 2.0, 1.3  # of the quartiles; on quiet machines they stay below 1.7 and 1.15
UNEVEN = "a quarter of the runs of {} took at most {} ms, another at least {} ms"
DOUBT = "at times the machine was at {:.0f} % of the best speed of that measuring"


@dataclass(frozen=True)
class Work:
    """A network that is ready to be timed, by whoever computes it, and may have settled on its threads beforehand."""

    name: str  # for people
    one: clock.Run  # an image (1, C, H, W), on `threads`
    many: clock.Run | None  # a large batch (B, C, H, W), on all threads of the run, where throughput is asked for
    shape: tuple[int, int, int]
    operators: tuple[Operator, ...] = ()  # of an image, as far as it was profiled
    threads: int = 1


@dataclass(frozen=True)
class Slice:
    """Seconds of each run, and the machine's speed before and after them."""

    one_s: list[float]
    many_s: list[float]
    before: Speed
    after: Speed

    def share_of(self, best: Speed) -> float:
        """Of the machine's best speed, the smaller one of before and after."""
        return min(self.before.share_of(best), self.after.share_of(best))


@dataclass(frozen=True)
class Pooled:
    """What counts of a network's slices."""

    one_s: list[float]
    many_s: list[float]
    speed: Speed
    doubt: str  # empty where all were taken at full speed


@dataclass(frozen=True)
class Step:
    """Where a measuring is."""

    number: int  # of the pass, from 1
    passes: int
    place: int  # of the network in this pass, from 1
    networks: int
    name: str
    way: str = ""  # runtime and precision
    again: bool = False  # of those that are in doubt

    def __str__(self) -> str:
        return f"pass {self.number} of {self.passes}, network {self.place} of {self.networks}: {self.name}"


class Watch(Protocol):
    """What measures; tests have their own."""

    def speed(self) -> Speed:
        """The machine's, now."""

    def warm(self, work: Work) -> None:
        """The runs that a network needs before its first slice."""

    def slice(self, work: Work) -> tuple[list[float], list[float]]:
        """Seconds of each run of one image, and of each of a large batch."""


class Stopwatch:
    """The watch of a device."""

    def __init__(self, device: torch.device) -> None:
        self._device, self.speed = device, Calibration(device)

    def warm(self, work: Work) -> None:
        """At least two runs of each kind, the first of which may have to choose its kernels."""
        self._run(work, budget_s=SLICE_S, before=1, least=1, most=WARM_UP_RUNS - 1)

    def slice(self, work: Work) -> tuple[list[float], list[float]]:
        """Seconds of each run of one image, and of each of a large batch."""
        return self._run(work, budget_s=SLICE_S, before=BEFORE, least=LEAST, most=MOST)

    @torch.inference_mode()
    def _run(
        self, work: Work, *, budget_s: float, before: int, least: int, most: int
    ) -> tuple[list[float], list[float]]:
        image = clock.random_images(1, work.shape, self._device)
        counts = {"before": before, "least": least, "most": most}
        with torch_threads(work.threads):
            one_s = clock.repeat(lambda: work.one(image), self._device, budget_s, **counts)
        if (many := work.many) is None:
            return one_s, []
        images = clock.random_images(clock.throughput_batch(work.shape, self._device), work.shape, self._device)
        return one_s, clock.repeat(lambda: many(images), self._device, budget_s, **counts)


def uneven(slices: Sequence[Slice]) -> str:
    """What is said of runs that took too different times: of something else on the machine, all the while."""
    for what, seconds, most in (
        ("an image", [t for each in slices for t in each.one_s], UNEVEN_ONE),
        ("a batch", [t for each in slices for t in each.many_s], UNEVEN_MANY),
    ):
        q25, q75 = np.quantile(seconds, [0.25, 0.75]) if seconds else (0.0, 0.0)
        if q75 > most * q25:
            return UNEVEN.format(what, clock.shown_ms(1000 * q25), clock.shown_ms(1000 * q75))
    return ""


class Measuring:
    """The slices of all networks of one measuring, by the keys that the caller gives them."""

    def __init__(self, watch: Watch, turn: Turn, told: Callable[[Step], None] = lambda step: None) -> None:
        self._watch, self.turn, self._told = watch, turn, told
        self._speeds: list[Speed] = []
        self._slices: dict[str, list[Slice]] = defaultdict(list)

    def warm(self, work: Work) -> None:
        """What a work needs before it is taken."""
        with self.turn.taken(work.name):
            self._watch.warm(work)

    def complete(self, works: Mapping[str, Work]) -> None:
        """As many passes over the works, which are warm, as give each all its slices at full speed, within reason."""
        for _ in range(1 + AGAIN):
            if lacking := {key: work for key, work in works.items() if self.lacking(key)}:
                self.take(lacking)

    def take(self, works: Mapping[str, Work]) -> None:
        """As many passes over the works, which are warm, as the one that lacks the most slices needs."""
        passes = max(map(self.lacking, works))
        for number in range(passes):
            first = number * max(1, len(works) // passes) % len(works)  # so that each is early and late in a pass
            order = [*works][first:] + [*works][:first]
            what = works[order[0]].name if len(order) == 1 else f"{len(order)} networks"
            with self.turn.taken(what):
                before = self._speed()
                for place, key in enumerate(order, 1):
                    self._told(Step(number + 1, passes, place, len(order), works[key].name))
                    one_s, many_s = self._watch.slice(works[key])
                    after = self._speed()
                    self._slices[key].append(Slice(one_s, many_s, before, after))
                    before = after

    def lacking(self, key: str) -> int:
        """Slices at full speed that a network lacks."""
        return PASSES - sum(share >= 1 - OFF for share, _ in self._kept(key))

    def pooled(self, key: str) -> Pooled:
        """What counts of the slices that a network has."""
        kept = self._kept(key)
        slices, slowest = [each for _, each in kept], min(share for share, _ in kept)
        return Pooled(
            one_s=[t for each in slices for t in each.one_s],
            many_s=[t for each in slices for t in each.many_s],
            speed=Speed.middle([speed for each in slices for speed in (each.before, each.after)]),
            doubt=DOUBT.format(100 * slowest) if slowest < 1 - OFF else uneven(slices),
        )

    def _kept(self, key: str) -> list[tuple[float, Slice]]:
        """The slices that count, and each one's share of the machine's best speed: the fastest machine first."""
        if not self._slices[key]:
            return []
        best = Speed.best(self._speeds)
        shares = [(each.share_of(best), each) for each in self._slices[key]]
        return sorted(shares, key=lambda pair: -pair[0])[:PASSES]

    def _speed(self) -> Speed:
        self._speeds.append(self._watch.speed())
        return self._speeds[-1]
