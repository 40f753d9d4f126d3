"""Running cells in several processes of this machine: one a GPU, or on a CPU one a core with one thread each.

They are given lists of cells that see the same batches, teachers first; each trains its list as a run in one process
would (engine/run/launch.py). One that dies is replaced, and its cells go on.
"""

import contextlib
import logging
import signal
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from operator import methodcaller

import torch

from cheapconv import catalog
from cheapconv.catalog.errors import UserError
from cheapconv.engine.run.dealing import DEATHS, Dealing
from cheapconv.engine.run.forked import connected
from cheapconv.engine.run.rounds import in_rounds
from cheapconv.engine.run.running import Running
from cheapconv.engine.run.worker import work
from cheapconv.engine.store.cell import Cell
from cheapconv.engine.store.records import Word
from cheapconv.suites.place import Place, cores

LOOK_S = 0.2  # between two looks at whether to stop
PATIENCE_S = 60.0  # for the checkpoints of a worker that was told to stop

log = logging.getLogger(__name__)


def places(device: torch.device, count: int | None = 1, threads: int | None = None, gpus: int = 1) -> list[Place]:
    """Where so many workers compute (if None, as many as there are GPUs to use, or cores): in turn on each of `gpus`,
    or on a CPU with an equal part of its threads."""
    on_cpu = device.type == "cpu"
    count = count or (cores() if on_cpu else gpus)
    each = threads or max(1, torch.get_num_threads() // count)
    devices = [device if on_cpu or gpus == 1 else torch.device("cuda", number) for number in range(gpus)]
    dealt = [devices[number % gpus] for number in range(count)]
    return [Place(of, each, sharing=1 if on_cpu else dealt.count(of)) for of in dealt]


@dataclass
class Worker:
    """A process that trains, and the cells that it was given and has not ended yet."""

    process: BaseProcess
    connection: Connection
    cells: dict[str, Cell] = field(default_factory=dict)
    idle: bool = True


@dataclass
class Crew(Running):
    """Runs cells in several processes, in the order of `Launcher.run` as far as several at once can."""

    places: Sequence[Place]
    _workers: dict[int, Worker] = field(default_factory=dict)  # by number of the place
    _over: set[str] = field(default_factory=set)  # keys of the cells whose attempt has ended
    _deaths: Counter[str] = field(default_factory=Counter)  # by cell

    def run(self, cells: Sequence[Cell]) -> dict[str, Word]:
        """Run every cell that is not done; the end state by key. What was left aside is tried again as long as that
        changes anything."""
        dealing = Dealing(cells, self.settings.cohort)
        try:
            in_rounds(cells, self._events, lambda left: self._run(left, dealing))
        except KeyboardInterrupt:  # the second one
            self._dismiss(patience_s=0.0)
            raise
        finally:
            self._dismiss(PATIENCE_S)
        self._measure_done(cells, self.places[0].device)
        return self._events.ends

    def _run(self, cells: Mapping[str, Cell], dealing: Dealing) -> bool:
        """Attempt each of the cells once; False where that ends the run."""
        left, asked = dict(cells), False
        self._over.clear()
        while True:
            if not self._stopping():
                self._deal(left, dealing)
            elif not asked:
                asked = True
                for worker in self._workers.values():
                    worker.process.terminate()
            if all(worker.idle for worker in self._workers.values()):
                return not self._stopping()
            connections = {worker.connection: number for number, worker in self._workers.items()}
            for connection in wait([*connections], LOOK_S):
                self._hear(connections[connection], left)  # type: ignore[index]

    def _deal(self, left: dict[str, Cell], dealing: Dealing) -> None:
        """Give every idle worker a list, as long as there are cells that need not wait for another one's end."""
        for number, place in enumerate(self.places):
            worker = self._workers.get(number)
            if worker is not None and not worker.idle:
                continue
            held = {key for other in self._workers.values() for key in other.cells if key not in self._over}
            suspects = {key for key, deaths in self._deaths.items() if deaths >= DEATHS - 1}
            if cells := dealing.next(left, held, len(self.places), suspects):
                worker = self._workers[number] = worker or self._hired(place)
                worker.idle, worker.cells = False, {cell.key: cell for cell in cells}
                for cell in cells:
                    del left[cell.key]
                with contextlib.suppress(OSError):  # it died idle: its end of the connection is found next
                    worker.connection.send(cells)

    def _hired(self, place: Place) -> Worker:
        """A new process."""
        return Worker(*connected(work, self.store.root, place, self.settings, catalog.plugins()))

    def _hear(self, number: int, left: dict[str, Cell]) -> None:
        """One message of a worker, or its death."""
        worker = self._workers[number]
        try:
            of, what = worker.connection.recv()
        except (EOFError, OSError):
            self._bury(number, left)
            return
        if of == "log":
            log.log(*what)
        elif of == "mistake":
            raise UserError(what[0])
        elif of == "idle":
            worker.idle, worker.cells = True, {}
        else:
            self._follow(worker, of, *what)

    def _follow(self, worker: Worker, event: str, key: str, *rest: object) -> None:
        """Tell the watchers what a cell has come to."""
        cell = worker.cells[key]
        if event == "ended":
            self._over.add(key)
            self._events.ended(cell, *rest)  # type: ignore[arg-type]
        else:
            self._events.tell(methodcaller(event, cell, *rest))

    def _bury(self, number: int, left: dict[str, Cell]) -> None:
        """What a dead worker had goes on in another, unless it was the death of too many."""
        worker = self._workers.pop(number)
        worker.process.join()
        lost = [cell for key, cell in worker.cells.items() if key not in self._over]
        if worker.idle or self._stopping():
            return
        log.warning("a process that trained %s: its %d cells go on", died(worker.process.exitcode), len(lost))
        for cell in lost:
            self._deaths[cell.key] += 1
            if self._deaths[cell.key] < DEATHS:
                left[cell.key] = cell
                continue
            self._fail(cell, f"each of {DEATHS} processes that trained it {died(worker.process.exitcode)}")
            self._over.add(cell.key)

    def _dismiss(self, patience_s: float) -> None:
        """End every worker; those that train are asked to stop, and killed if they do not."""
        for worker in self._workers.values():
            if worker.idle:
                worker.connection.close()
            else:
                worker.process.terminate()
        for worker in self._workers.values():
            worker.process.join(patience_s)
            worker.process.kill()
            worker.process.join()
        self._workers = {}


def died(exitcode: int | None) -> str:
    """`was ended by SIGKILL`, `has ended with code 1`."""
    if exitcode is not None and exitcode < 0:
        return f"was ended by {signal.Signals(-exitcode).name}"
    return f"has ended with code {exitcode}"
