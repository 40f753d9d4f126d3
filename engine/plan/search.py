"""Search for the step whose cost is nearest under a limit, among steps of which only some are possible.

Costs may be dear to find, so they are found once and few: on a ladder of octaves first, then by bisection between the
two rungs that enclose the limit. Where counted costs turn out not to be monotone every possible step is tried. Measured
costs are not: a grouped convolution may be slower than one that computes twice as much. Of them the whole ladder is
measured, unless what follows computes more and more, and the best of what was measured is taken.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from itertools import islice, pairwise

LAST = 2**13  # the largest step
FIRST = 2**10  # by which a step must be possible, if any is
PLATEAU = 64  # possible steps of one cost after which no neighbour of another cost is looked for
EMPTY_OCTAVES = 2  # without a possible step, after which there will be none


@dataclass(frozen=True)
class Found:
    """The chosen step, None if every cost that was found is above the limit; its neighbours of another cost; the
    cheapest that was found."""

    chosen: int | None
    neighbours: tuple[int, ...]
    cheapest: int


class Search:
    """`possible(step)` says whether a step exists, `cost(step)` what it costs, for steps 1, 2, ...

    Counted costs are verified, by the neighbours of the result, and where they are not monotone every step up to FIRST,
    or the last one looked at, is tried. Where costs are measured `work(step)` counts what a step computes.
    """

    def __init__(
        self,
        possible: Callable[[int], bool],
        cost: Callable[[int], float],
        limit: float,
        work: Callable[[int], float] | None = None,
    ) -> None:
        self.possible, self.limit, self.work = cache(possible), limit, work
        self._cost, self._costs = cost, dict[int, float]()  # by step, what was asked for

    def cost(self, step: int) -> float:
        """What a possible step costs, found once."""
        if step not in self._costs:
            self._costs[step] = self._cost(step)
        return self._costs[step]

    def run(self) -> Found | None:
        """The best step and what is beside it; None if no step is possible."""
        ladder = self._ladder()
        if not ladder:
            return None
        chosen, last = self._by_bisection(ladder), ladder[-1]
        if self.work is not None:
            return self._of_measured(last)
        costs = [self.cost(step) for step in ladder]
        monotone = costs in (sorted(costs), sorted(costs, reverse=True))
        beside = () if chosen is None or not monotone else self._neighbours(chosen, last)
        nearer = chosen is not None and any(self._fits(n) and self.cost(n) > self.cost(chosen) for n in beside)
        if nearer or not monotone:
            ladder = [step for step in range(ladder[0], max(last, FIRST) + 1) if self.possible(step)]
            chosen = self._best(ladder)
        return Found(chosen, () if chosen is None else self._neighbours(chosen, last), min(ladder, key=self.cost))

    def _of_measured(self, last: int) -> Found:
        """The best of all that was measured, also beside it."""
        chosen, beside = None, tuple[int, ...]()
        while (best := self._best(self._costs)) is not None and best != chosen:
            chosen, beside = best, self._neighbours(best, last)
        return Found(chosen, beside, min(self._costs, key=self.cost))

    def _best(self, steps: Iterable[int]) -> int | None:
        """The dearest step that fits, of equal ones the last; None if none does."""
        return max(filter(self._fits, steps), key=lambda step: (self.cost(step), step), default=None)

    def _fits(self, step: int) -> bool:
        return self.cost(step) <= self.limit

    def _ladder(self) -> list[int]:
        """The first possible step of every octave until the limit is passed, and the last possible step of all."""
        rungs: list[int] = []
        empty, low = 0, 1
        while not self._is_passed(rungs) and (low <= LAST and empty < EMPTY_OCTAVES if rungs else low <= FIRST):
            first = next((step for step in range(low, min(2 * low, LAST + 1)) if self.possible(step)), None)
            empty = 0 if first is not None else empty + 1
            rungs += [] if first is None else [first]
            low *= 2
        if rungs and not self._is_passed(rungs):
            top = min(2 * rungs[-1], LAST)
            final = next(step for step in range(top, rungs[-1] - 1, -1) if self.possible(step))
            rungs += [final] if final > rungs[-1] else []
        return rungs

    def _is_passed(self, rungs: list[int]) -> bool:
        """Whether the last two rungs lie on two sides of the limit, or the first is dear and costs rise; of measured
        ones, whether the last is slower than the limit and the one before it, and computes more than that."""
        if len(rungs) < 2:
            return False
        before, last = rungs[-2:]
        crossed = self._fits(before) != self._fits(last)
        away = not self._fits(last) and self.cost(last) > self.cost(before)
        return crossed or away if self.work is None else away and self.work(last) > self.work(before)

    def _by_bisection(self, ladder: list[int]) -> int | None:
        """The step at the limit between two rungs that enclose it, the nearest to it if several do; the dearest rung if
        all fit, None if none does."""
        enclosing = [(a, b) for a, b in pairwise(ladder) if self._fits(a) != self._fits(b)]
        if not enclosing:
            return max(filter(self._fits, ladder), key=self.cost, default=None)
        low, high = max(enclosing, key=lambda pair: min(map(self.cost, pair)))
        while True:
            middle = (low + high) // 2
            between = (*range(max(middle, low + 1), high), *range(middle, low, -1))
            step = next(filter(self.possible, between), None)  # strictly between the two, near their middle
            if step is None:
                return low if self._fits(low) else high
            low, high = (step, high) if self._fits(step) == self._fits(low) else (low, step)

    def _neighbours(self, step: int, last: int) -> tuple[int, ...]:
        """The nearest possible steps on either side whose cost is another."""
        below = self._first_other(range(step - 1, 0, -1), step)
        above = self._first_other(range(step + 1, max(2 * step, last) + 1), step)
        return tuple(n for n in (below, above) if n is not None)

    def _first_other(self, steps: range, than: int) -> int | None:
        candidates = islice((step for step in steps if self.possible(step)), PLATEAU)
        return next((step for step in candidates if self.cost(step) != self.cost(than)), None)
