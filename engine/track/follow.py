"""Following a sweep's run folders: look at the files every few seconds and send what has changed.

Sending costs tens of milliseconds of a core that a training could use, reading thousands of folders seconds of it. So
the pause after a look is as long as makes it a hundredth of the time, from two seconds up to half a minute.

A server that fails is left alone for a minute, then two, and so on (a circuit breaker). Whatever was not sent is still
in the run folders and goes out at the next run or by `sync`.
"""

import contextlib
import logging
import math
import os
import select
import sys
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Protocol

from cheapconv.catalog.errors import UserError, command_line
from cheapconv.engine.store import deployments
from cheapconv.engine.store.runs import CELL, COMPUTE, CURVE, ENVIRONMENT, MEASUREMENTS, RESULT, STATE, Store
from cheapconv.engine.track.redact import public, reason
from cheapconv.engine.track.sweep import TrackedSweep
from cheapconv.engine.track.tracked import CellRefusedError

POLL_S, LONGEST_POLL_S = 2.0, 30.0
SHARE = 0.01  # of one core, while the pauses are between the two
FIRST_PAUSE_S, LONGEST_PAUSE_S = 60.0, 900.0

log = logging.getLogger(__name__)


Stamp = tuple[int, int] | None  # None where there is no file


class Sink(Protocol):
    """Where a sweep is sent to."""

    sweep: TrackedSweep

    def send(self, key: str) -> int:
        """Send what is lacking of a cell; the number of values sent."""

    def conclude(self, *, goes_on: bool) -> None:
        """Say how far the sweep as a whole is."""


class Follower:
    """Sends the cells of a sweep that have changed since it last looked; at first all of them."""

    def __init__(self, store: Store, sink: Sink, uri: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.keys = sink.sweep.keys
        self.seen: dict[str, list[Stamp]] = {}  # files of each cell as they were last sent
        self.sent: Counter[str] = Counter()  # values of each cell
        self.refused: dict[str, str] = {}  # why a cell cannot be sent
        self.failure: str | None = None  # why the server could not be used when it last was asked
        self._store, self._sink, self._uri, self._clock = store, sink, uri, clock
        self._pause_s, self._paused_until = FIRST_PAUSE_S, -math.inf

    def look(self, *, last: bool = False, still_here: Callable[[], None] = lambda: None) -> None:
        """Send what has changed, unless the server is left alone; the last look reads and asks in any case.

        `still_here` is called after every cell that is settled.
        """
        if self._clock() < self._paused_until and not last:
            return
        before = self.sent.total()
        for key in self.keys:
            files = self.files(key)
            if files == self.seen.get(key) and not last:  # files stay as they are when the process of a cell dies
                continue
            if not self._attempt(partial(self._send, key)):
                return
            self.seen[key] = files
            still_here()
        if last or self.sent.total() > before:
            self._attempt(partial(self._sink.conclude, goes_on=not last))

    def files(self, key: str) -> list[Stamp]:
        """Stamps of all that is shown of the cell; one of them is new when a file has been replaced."""
        folder = os.path.join(self._store.root, key)
        stamps = [stamp(os.path.join(folder, name)) for name in (CELL, STATE, ENVIRONMENT, CURVE, RESULT)]
        # What a finished cell computed is counted later, and its networks are timed and scored in int8.
        if stamps[-1] is not None:
            stamps.append(stamp(os.path.join(folder, deployments.FOLDER)))
            stamps += [stamp(os.path.join(self._store.root, name)) for name in (MEASUREMENTS, COMPUTE)]
        return stamps

    def _send(self, key: str) -> None:
        """Send one cell, or note why it cannot be."""
        try:
            self.sent[key] += self._sink.send(key)
            self.refused.pop(key, None)
        except (CellRefusedError, UserError) as error:  # a UserError is about a file of the store
            if key not in self.refused:
                log.warning("cell %s cannot be shown in MLflow: %s", key, error)
            self.refused[key] = str(error)

    def _attempt(self, request: Callable[[], None]) -> bool:
        """Whether the server could be used."""
        try:
            request()
        except Exception as error:  # MLflow, its database and its network raise too many kinds to name
            self.failure = reason(error, self._uri)
            self._paused_until = self._clock() + self._pause_s
            self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)
            return False
        self.failure, self._pause_s = None, FIRST_PAUSE_S
        return True


def stamp(path: str) -> Stamp:
    """Inode and time of a file."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns


def input_ended(seconds: float) -> bool:
    """Wait so long, or until the standard input ends: whoever holds its other end has closed it or is dead."""
    ready, _, _ = select.select([sys.stdin], [], [], seconds)
    return bool(ready) and not os.read(sys.stdin.fileno(), 4096)


def follow(
    follower: Follower,
    ended: Callable[[float], bool] = input_ended,
    cpu_s: Callable[[], float] = time.process_time,
) -> str | None:
    """Look every few seconds until the end, and once more then; why something could not be sent."""
    while True:
        begun = cpu_s()
        follower.look()
        if ended(min(max(POLL_S, (cpu_s() - begun) / SHARE), LONGEST_POLL_S)):
            break
    follower.look(last=True, still_here=give_sign_of_life)
    return follower.failure


def give_sign_of_life() -> None:
    """An empty line: whoever waits for the end does so as long as it hears something. It may be dead by now."""
    with contextlib.suppress(OSError):
        os.write(sys.stdout.fileno(), b"\n")


def lagging(store: Store, sweep: str, uri: str, why: str) -> str:
    """What to say where MLflow lacks something."""
    return (
        f"MLflow at {public(uri)} does not answer ({why}); results are safe in {store.root}, "
        f"`{command_line('sync', sweep, store=store.root)}` sends them later"
    )
