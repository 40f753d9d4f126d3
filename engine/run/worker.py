"""A process that trains for a run: it is given cells, trains them as the run itself would, and tells what happens.

Of signals it hears those of its run alone, not the terminal's; and it stops as at a signal if its run is killed.
"""

import contextlib
import logging
import multiprocessing
import os
import signal
import threading
import time
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Protocol

from cheapconv import catalog
from cheapconv.catalog.errors import UserError
from cheapconv.engine.run.attempt import GpuLostError
from cheapconv.engine.run.computing import settle
from cheapconv.engine.run.interrupt import BLOCKED
from cheapconv.engine.run.launch import Launcher
from cheapconv.engine.run.settings import Settings
from cheapconv.engine.run.stop import StopRequest
from cheapconv.engine.store.cell import Cell
from cheapconv.engine.store.records import Word
from cheapconv.engine.store.runs import Store
from cheapconv.engine.train.checkpoint import Position
from cheapconv.suites.place import Place

STEPS_TOLD_PER_S = 4
PATIENCE_S = 60.0  # for a step and a checkpoint, where nobody is left to wait for them


class Sender(Protocol):
    """Sends messages, in the order in which they are given."""

    def send(self, of: str, *what: Any) -> None:
        """One message."""


@dataclass
class Pipe:
    """Sends messages; without anybody at the other end they are lost."""

    connection: Connection
    _sending: threading.Lock = field(default_factory=threading.Lock)

    def send(self, of: str, *what: Any) -> None:
        """One message."""
        with self._sending, contextlib.suppress(OSError):
            self.connection.send((of, what))


class Reporter:
    """A watcher (`engine.run.watchers.Watcher`) that tells another process; of steps only a few a second."""

    def __init__(self, pipe: Sender) -> None:
        self._pipe, self._last_step_s = pipe, 0.0

    def started(self, cell: Cell) -> None:
        """Its key."""
        self._pipe.send("started", cell.key)

    def stepped(self, cell: Cell, position: Position, steps: int) -> None:
        """Where it is, without its curve."""
        now = time.monotonic()
        if now - self._last_step_s > 1 / STEPS_TOLD_PER_S:
            self._last_step_s = now
            self._pipe.send("stepped", cell.key, Position(epoch=position.epoch, step=position.step), steps)

    def epoch_ended(self, cell: Cell, position: Position) -> None:
        """Where it is."""
        self._pipe.send("epoch_ended", cell.key, position)

    def ended(self, cell: Cell, state: Word) -> None:
        """How."""
        self._pipe.send("ended", cell.key, state)


class Forward(logging.Handler):
    """Hands what is logged to the run, whose display it would disturb."""

    def __init__(self, pipe: Sender) -> None:
        super().__init__()
        self._pipe = pipe

    def emit(self, record: logging.LogRecord) -> None:
        """The level and the text."""
        self._pipe.send("log", record.levelno, record.getMessage())


def work(connection: Connection, root: Path, place: Place, settings: Settings, plugins: tuple[str, ...]) -> None:
    """Train what comes through the connection, a list of cells at a time, until the run closes it."""
    with contextlib.suppress(OSError):
        os.setpgid(0, 0)
    pipe = Pipe(connection)
    log = logging.getLogger("cheapconv")
    log.addHandler(Forward(pipe))
    log.propagate = False
    with StopRequest() as stop:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, BLOCKED)
        threading.Thread(target=_end_with_run, daemon=True).start()
        try:
            settle(place.threads)
            catalog.load(plugins)
            launcher = Launcher(
                Store(root),
                place,
                settings=settings,
                watchers=[Reporter(pipe)],
                should_stop=stop,
                measure=lambda *_: None,
            )
            while True:
                launcher.run(connection.recv())
                pipe.send("idle")
        except GpuLostError as error:
            pipe.send("log", logging.WARNING, str(error))
            raise SystemExit(1) from None  # another process goes on with its cells
        except UserError as error:
            pipe.send("mistake", str(error))
        except (EOFError, KeyboardInterrupt):
            pass  # the run has closed the connection, is gone, or asked a second time


def _end_with_run() -> None:
    """Stop as at a signal when the process that started this one is gone."""
    run = multiprocessing.parent_process()
    assert run is not None, "a worker is started by a run"
    run.join()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(PATIENCE_S)
    os._exit(1)
