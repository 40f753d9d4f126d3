"""The search against trying every step."""

import random

import pytest

from cheapconv.engine.plan.search import LAST, Found, Search


def brute(steps: list[int], cost, limit: float) -> float | None:
    """The best cost under the limit."""
    return max((cost(s) for s in steps if cost(s) <= limit), default=None)


class Counted:
    """A cost that counts how often it is asked for, and fails where no step is possible."""

    def __init__(self, steps, cost) -> None:
        self.steps, self.of, self.asked = set(steps), cost, 0

    def __call__(self, step: int) -> float:
        assert step in self.steps
        self.asked += 1
        return self.of(step)


STEPS = {
    "divisors of 16": [1, 2, 4, 8, 16],
    "divisors of 96": [d for d in range(1, 97) if 96 % d == 0],
    "6n + 4": list(range(10, LAST, 6)),
    "all": list(range(1, LAST + 1)),
    "up to 1000": list(range(1, 1001)),
    "one": [7],
}
COSTS = {
    "rising": lambda s: 100 * s + 7,
    "falling": lambda s: 10_000 / s,
    "falling in plateaus": lambda s: 10_000 // (s // 3 + 1),
    "rising in plateaus": lambda s: s // 8,
    "flat": lambda s: 5,
}


@pytest.mark.parametrize("cost", COSTS.values(), ids=COSTS)
@pytest.mark.parametrize("steps", STEPS.values(), ids=STEPS)
@pytest.mark.parametrize("limit", [1, 5, 6, 120, 999, 2507, 10_000, 10**9])
def test_it_finds_what_trying_every_step_finds(steps, cost, limit):
    counted = Counted(steps, cost)
    found = Search(lambda s: s in counted.steps, counted, limit).run()
    assert found is not None
    best = brute(steps, cost, limit)
    assert (None if found.chosen is None else cost(found.chosen)) == best
    if best is None:
        assert cost(found.cheapest) == min(map(cost, steps))
    assert counted.asked < 200


def test_neighbours_are_the_nearest_steps_of_another_cost():
    found = Search(lambda s: s in (1, 2, 4, 8, 16), lambda s: 100 / s, 30).run()
    assert found == Found(chosen=4, neighbours=(2, 8), cheapest=found.cheapest)
    plateaus = Search(lambda s: s <= 100, lambda s: s // 10, 5).run()
    assert plateaus is not None
    assert plateaus.chosen == 59
    assert plateaus.neighbours == (49, 60)


def test_costs_that_go_up_and_down_are_tried_one_by_one():
    shuffled = list(range(1, 65))
    random.Random(0).shuffle(shuffled)
    found = Search(lambda s: s <= 64, lambda s: shuffled[s - 1], 40.5).run()
    assert found is not None
    assert shuffled[found.chosen - 1] == 40


POWERS = [1, 2, 4, 8, 16, 32, 64]
# Milliseconds of a convolution by its groups, measured: few groups take long, many none of the time that they save.
MEASURED = dict(zip(POWERS, [1.0, 0.8, 0.609, 0.91, 0.7, 0.5, 0.212], strict=True))


def falling(step: int) -> float:
    """What so many groups compute."""
    return 1000 / step


@pytest.mark.parametrize(("limit", "best"), [(0.25, 64), (0.55, 32), (0.65, 4), (0.75, 16), (0.95, 8), (2.0, 1)])
def test_of_measured_costs_that_go_up_and_down_the_whole_ladder_is_tried(limit: float, best: int):
    found = Search(lambda s: s in POWERS, MEASURED.__getitem__, limit, falling).run()
    assert found is not None
    assert found.chosen == best


def test_measured_costs_that_are_all_above_the_limit_have_a_fastest_one():
    assert Search(lambda s: s in POWERS, MEASURED.__getitem__, 0.1, falling).run() == Found(None, (), 64)


def test_the_last_step_is_measured_wherever_it_lies():
    found = Search(lambda s: s <= 100, lambda s: 0.2 if s == 100 else 1.0, 0.25, falling).run()
    assert found is not None
    assert found.chosen == 100


@pytest.mark.parametrize("limit", [20, 0.5])
def test_what_computes_more_and_is_slower_than_the_limit_ends_a_measuring(limit: float):
    """Nobody waits for a network that is a thousand times as wide."""
    asked = []

    def cost(step: int) -> float:
        asked.append(step)
        return step**2

    found = Search(lambda s: True, cost, limit, cost).run()
    assert found is not None
    assert found.chosen == (4 if limit == 20 else None)
    assert max(asked) <= 8


def test_few_steps_are_measured():
    asked = []

    def cost(step: int) -> float:
        asked.append(step)
        return 1000 / step + step % 2

    Search(lambda s: s <= 64, cost, 40, falling).run()
    assert len(asked) < 20


def test_no_possible_step():
    assert Search(lambda s: False, lambda s: 0, 1).run() is None
