"""What a sweep will take: the bill of each cell from its probe, what cells side by side save, and the time that so many
workers need, by playing the dealing of a run (engine/run/dealing.py).

Every worker is one like that of the probes: its device, its threads. Of a method's own work beside its steps, what is
known is taken from finished cells that train alike; what is not is left out. Starting cells, saving networks and timing
them is left out too.
"""

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from cheapconv.engine.run.dealing import Dealing
from cheapconv.engine.store.cell import Cell, recipe_of
from cheapconv.engine.store.probes import Probe


@dataclass(frozen=True)
class CellCost:
    """Seconds of a cell."""

    probe: Probe
    steps: int  # of all epochs
    scored: int  # epochs that are scored
    method_s: float  # of what the method does beside its steps, as far as it is known

    @property
    def train_s(self) -> float:
        """Its bill: what its training takes alone."""
        return self.steps * self.probe.step_s + self.method_s

    @property
    def alone_s(self) -> float:
        """What it takes a worker alone, being scored included."""
        return self.train_s + self.scored * (self.probe.making_s + self.probe.scoring_s)


@dataclass
class Estimate:
    """A sweep's cells and their costs; those without one are left out."""

    cells: Sequence[Cell]
    costs: Mapping[str, CellCost]  # by key
    most: int | None = None  # cells side by side

    @cached_property
    def known(self) -> list[Cell]:
        """The cells whose cost is known."""
        return [cell for cell in self.cells if cell.key in self.costs]

    @property
    def alone_s(self) -> float:
        """All cells, each alone."""
        return sum(self.costs[cell.key].alone_s for cell in self.known)

    @property
    def train_s(self) -> float:
        """Of that, training: the sum of the bills."""
        return sum(self.costs[cell.key].train_s for cell in self.known)

    def joules(self) -> float | None:
        """Of all steps, each cell alone; None where it was not counted for all of them."""
        counted = [(self.costs[cell.key].steps, self.costs[cell.key].probe.joules) for cell in self.known]
        if not counted or any(joules is None for _, joules in counted):
            return None
        return sum(steps * (joules or 0.0) for steps, joules in counted)

    def side_by_side(self, cells: Sequence[Cell]) -> tuple[float, float]:
        """Seconds of training, and of a worker, for cells that see the same batches: each batch is made once for all
        that take as many views, and each teacher looks at it once for them."""
        costs = [self.costs[cell.key] for cell in cells]
        train_s = sum(cost.steps * cost.probe.own_s + cost.method_s for cost in costs)
        batches, passes = dict[int, float](), dict[tuple[int, str | None], float]()
        for cell, cost in zip(cells, costs, strict=True):
            views, of = cost.probe.views, (cost.probe.views, cell.teacher)
            batches[views] = max(batches.get(views, 0.0), cost.steps * cost.probe.batch_s)
            passes[of] = max(passes.get(of, 0.0), cost.steps * cost.probe.teacher_s)
        train_s += sum(batches.values()) + sum(passes.values())
        making_s = max((cost.scored * cost.probe.making_s for cost in costs), default=0.0)
        return train_s, train_s + making_s + sum(cost.scored * cost.probe.scoring_s for cost in costs)

    def played(self, workers: int) -> "Played":
        """A run of so many workers."""
        left = {cell.key: cell for cell in self.known}
        dealing = Dealing(self.known, self.most)
        busy, idle = list[tuple[float, int, list[Cell]]](), workers  # by end
        now, number, held, train_s = 0.0, 0, set[str](), 0.0
        worked_s = 0.0
        while left or busy:
            while idle and (cells := dealing.next(left, held, workers)):
                trained_s, took_s = self.side_by_side(cells)
                train_s, worked_s, number, idle = train_s + trained_s, worked_s + took_s, number + 1, idle - 1
                heapq.heappush(busy, (now + took_s, number, cells))
                for cell in cells:
                    held.add(cell.key)
                    del left[cell.key]
            now, _, ended = heapq.heappop(busy)
            held -= {cell.key for cell in ended}
            idle += 1
        return Played(now, train_s, worked_s)


@dataclass(frozen=True)
class Played:
    """A run that was played."""

    wall_s: float
    train_s: float  # spent on training by all workers
    worked_s: float  # by all workers


def cost(cell: Cell, probe: Probe, method_s: float | None) -> CellCost:
    """A cell's cost by the probe of those that train alike."""
    recipe = recipe_of(cell)
    scored = sum(map(recipe.evaluates, range(recipe.epochs)))
    own_s = probe.begin_s if method_s is None else method_s
    return CellCost(probe, probe.steps * recipe.epochs, scored, own_s)
