"""Running cells on the nodes of a Ray cluster, with the face of `engine.run.crew.Crew`: Ray says where and when.

Every list of cells that see the same batches is a task. One that is lost, with its process or its node, is given to Ray
again, and its cells go on from the checkpoints that came here last.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from operator import methodcaller
from typing import Any

import torch

from cheapconv import catalog
from cheapconv.catalog.errors import UserError, reason, short
from cheapconv.engine.run.cluster import connection
from cheapconv.engine.run.cluster.keeper import store_name
from cheapconv.engine.run.cluster.node import Job
from cheapconv.engine.run.cluster.roll import Roll
from cheapconv.engine.run.cluster.versions import versions
from cheapconv.engine.run.dealing import DEATHS, Dealing
from cheapconv.engine.run.record import described
from cheapconv.engine.run.rounds import in_rounds
from cheapconv.engine.run.running import Running
from cheapconv.engine.store import process
from cheapconv.engine.store.cell import Cell
from cheapconv.engine.store.records import Word

LOOK_S = 0.2  # between two looks at what nodes tell
EVERY_S = 30.0  # between two checkpoints of a cohort that are brought: so much is lost with a node
AHEAD = 1  # lists that wait for room: they are there when there is some, and a cluster that can grow sees them
LOST_UNPLACED = 20  # tasks that end before they say where they are, until something is taken to be wrong with all

log = logging.getLogger(__name__)


@dataclass
class Task:
    """A list of cells that was given to Ray."""

    ticket: int
    cells: dict[str, Cell]
    needs: connection.Needs
    node: str | None = None  # its id, once it has begun


@dataclass
class Fleet(Running):
    """Runs cells on the nodes of a cluster."""

    device: torch.device  # of the driver's, for the timings
    placed: Callable[[str], None] = field(default=lambda text: None, kw_only=True)  # is told how many nodes there are
    every_s: float | None = field(default=None, kw_only=True)  # EVERY_S
    _tasks: dict[Any, Task] = field(default_factory=dict)  # by Ray's reference
    _over: set[str] = field(default_factory=set)  # keys of the cells whose attempt has ended
    _died: dict[str, list[str]] = field(default_factory=dict)  # by cell: nodes on which its process died

    def __post_init__(self) -> None:
        super().__post_init__()
        self._tickets = count(1)
        self._unplaced = 0

    def run(self, cells: Sequence[Cell]) -> dict[str, Word]:
        """Run every cell that is not done; the end state by key. What was left aside is tried again as long as that
        changes anything."""
        with connection.connected(self.settings.cluster or connection.LOCAL):
            self._open(cells)
            dealing = Dealing(cells, self.settings.cohort, lambda cell: self._roll.needs(cell.gpus) != self._needs)
            in_rounds(cells, self._events, lambda left: self._run(left, dealing))
            self._roll.dismiss()
        self._measure_done(cells, self.device)  # here, for timings of one machine can be compared
        return self._events.ends

    def _open(self, cells: Sequence[Cell]) -> None:
        """A keeper here, and a look at every node before anything trains."""
        settings, suites = self.settings, tuple(sorted({cell.suite for cell in cells}))
        data = settings.data.resolve() if settings.data and settings.data.is_dir() else None
        parts = [part for suite in suites if data for part in catalog.parse("suite", suite).parts(data)]
        self._actor, self._keeper = connection.keeper_here(self.store.root.resolve(), data, parts, process.own_name())
        self._keeper.prepare()
        cuda = settings.device.startswith("cuda") or (settings.device == "auto" and connection.has_gpus())
        gpus, memory = (settings.gpus or 1.0) if cuda else 0.0, int((settings.memory_gib or 0.0) * connection.GIB)
        self._needs = connection.Needs(settings.threads or 1, gpus, memory)
        self._job = Job(
            settings=settings,
            store=store_name(self.store.root),
            versions=versions(catalog.plugins(), suites),
            plugins=catalog.plugins(),
            suites=suites,
            threads=self._needs.cpus,
            cuda=cuda,
            every_s=EVERY_S if self.every_s is None else self.every_s,
        )
        self._roll = Roll(self._actor, self._job, self._needs)
        self._roll.call(self.should_stop)

    def _run(self, cells: Mapping[str, Cell], dealing: Dealing) -> bool:
        """Attempt each of the cells once; False where that ends the run."""
        left, asked = dict(cells), False
        self._over.clear()
        while True:
            self._roll.look()
            self._withdraw(left)
            if not self._stopping():
                self._deal(left, dealing)
            elif not asked:
                asked = True
                self._keeper.stop()
                for reference, task in self._tasks.items():
                    if task.node is None:
                        connection.cancel(reference)
            if not self._tasks and (self._stopping() or not left):
                return not self._stopping()
            self._tell_where()
            ended = connection.ended(self._tasks, LOOK_S) if self._tasks else ()
            for ticket, message in self._keeper.heard():  # after the look: whoever has ended has told all
                self._hear(ticket, *message)
            for reference in ended:
                self._end(reference, left)

    def _deal(self, left: dict[str, Cell], dealing: Dealing) -> None:
        """Give Ray as many lists as there is room for, as long as there are cells that need not wait for others."""
        hands = max(1, self._roll.hands)
        while len(self._tasks) < hands + AHEAD:
            held = {key for task in self._tasks.values() for key in task.cells if key not in self._over}
            suspects = {key for key in self._died if self._deaths(key) >= DEATHS - 1}
            if not (cells := dealing.next(left, held, hands, suspects)):
                return
            ticket = next(self._tickets)
            standing = self._keeper.take(ticket, [*map(described, cells)], self.settings.retry_failed)
            for cell in cells:
                del left[cell.key]
                if (end := standing[cell.key]) is not None:
                    self._events.ended(cell, end)
            if taken := [cell for cell in cells if standing[cell.key] is None]:
                names = ", ".join(cell.title for cell in taken)
                given, needs = (self._actor, ticket, taken, self._job), self._roll.needs(cells[0].gpus)
                reference = connection.train(given, needs, names, self._roll.refused)
                self._tasks[reference] = Task(ticket, {cell.key: cell for cell in taken}, needs)

    def _withdraw(self, left: dict[str, Cell]) -> None:
        """Take back what waits for more GPUs than any node has that still lives: it goes on with fewer."""
        waiting = [(reference, task) for reference, task in self._tasks.items() if task.node is None]
        for reference, task in waiting:
            if task.needs != self._needs and not self._roll.has(task.needs):
                del self._tasks[reference]
                connection.cancel(reference)
                self._keeper.give_back(task.ticket)
                left |= task.cells

    def _tell_where(self) -> None:
        """For the display."""
        training = sum(task.node is not None for task in self._tasks.values())
        nodes = len(self._roll.alive - self._roll.refused.keys())
        several = "" if nodes == 1 else "s"
        self.placed(f"{nodes} node{several}, room for {self._roll.hands} cohorts, {training} at work")

    def _hear(self, ticket: int, of: object, *what: Any) -> None:
        """One message of a node."""
        if of == "log":
            log.log(*what)
            return
        task = next((task for task in self._tasks.values() if task.ticket == ticket), None)
        if task is None:  # given up for lost, and told in the same moment: what it brought is found when it is taken
            return
        if of == "on":
            task.node = what[0]
        elif of == "ended":
            key, end = what
            self._over.add(key)
            self._events.ended(task.cells[key], end)
        else:
            key, *rest = what
            self._events.tell(methodcaller(str(of), task.cells[key], *rest))

    def _end(self, reference: Any, left: dict[str, Cell]) -> None:
        """A task has ended; what it had not come to the end of goes on in another, unless it was the death of many."""
        task = self._tasks.pop(reference)
        lost = [cell for key, cell in task.cells.items() if key not in self._over]
        self._keeper.give_back(task.ticket)
        try:
            connection.answer(reference)
            return
        except UserError as error:
            if self._stopping():
                return
            if task.node is None:
                raise
            self._roll.refuse(task.node, str(error))
        except Exception as error:  # a process or a node that is gone, and whatever Ray calls that
            if self._stopping():
                return
            why = short(reason(error), 150)
            log.warning("a task is lost (%s): its %d cells go on", why, len(lost))
            self._roll.look(now=True)  # which of the nodes is gone, before its GPUs are asked for again
            self._mourn(task, lost, why)
        for cell in lost:
            if cell.key not in self._over:
                left[cell.key] = cell

    def _mourn(self, task: Task, lost: Sequence[Cell], why: str) -> None:
        """Count the deaths of the processes that trained cells; too many, and a cell has failed."""
        if task.node is None:
            self._unplaced += 1
            if self._unplaced >= LOST_UNPLACED:
                raise UserError(f"{LOST_UNPLACED} tasks ended before they began ({why}): see the logs of Ray.")
            return
        for cell in lost:
            self._died.setdefault(cell.key, []).append(task.node)
            if self._deaths(cell.key) >= DEATHS:
                self._fail(cell, f"each of {DEATHS} processes that trained it has ended ({why})")
                self._over.add(cell.key)

    def _deaths(self, key: str) -> int:
        """Of processes that trained a cell, on nodes that live: one that dies with its node is not the cell's fault."""
        return sum(node in self._roll.alive for node in self._died.get(key, ()))
