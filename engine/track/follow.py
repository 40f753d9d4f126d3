"""Following a sweep's run folders: look at the files every few seconds and send what has changed.

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
from pathlib import Path

from cheapconv.catalog.errors import UserError, command_line
from cheapconv.engine.store.runs import CELL, CURVE, ENVIRONMENT, MEASUREMENTS, RESULT, STATE, Store
from cheapconv.engine.track.push import push
from cheapconv.engine.track.server import public, reason, tracking_uri
from cheapconv.engine.track.tracked import STATUS, CellRefusedError

POLL_S = 2.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 60.0, 900.0

Send = Callable[[Store, str, str, str], int]

log = logging.getLogger(__name__)


class Follower:
    """Sends the cells of a sweep that have changed since it last looked; at first all of them."""

    def __init__(
        self, store: Store, sweep: str, uri: str, *, send: Send = push, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.keys = list(dict.fromkeys(cell.key for cell in store.known_plan(sweep).cells))
        self.seen: dict[str, list[tuple[int, int]]] = {}  # files of each cell as they were last sent
        self.sent: Counter[str] = Counter()  # values of each cell
        self.refused: dict[str, str] = {}  # why a cell cannot be sent
        self.failure: str | None = None  # why the server could not be used when it last was asked
        self._store, self._clock, self._send = store, clock, lambda key: send(store, key, sweep, uri)
        self._pause_s, self._paused_until = FIRST_PAUSE_S, -math.inf

    def look(self, *, last: bool = False) -> None:
        """Send what has changed, unless the server is left alone; the last look reads and asks in any case."""
        if self._clock() < self._paused_until and not last:
            return
        for key in self.keys:
            files = self.files(key)
            if files == self.seen.get(key) and not last:  # files stay as they are when the process of a cell dies
                continue
            if not self._attempt(key):
                return
            self.seen[key] = files
            if last:
                give_sign_of_life()

    def files(self, key: str) -> list[tuple[int, int]]:
        """Inode and time of all that is shown of the cell; one of them is new when a file has been replaced."""
        folder = self._store.run(key).folder
        paths = [folder / name for name in (CELL, STATE, ENVIRONMENT, CURVE, RESULT)]
        if paths[-1].exists():  # the networks of a finished cell are timed later
            paths.append(self._store.root / MEASUREMENTS)
        stats = [path.stat() for path in paths if path.exists()]
        return [(stat.st_ino, stat.st_mtime_ns) for stat in stats]

    def _attempt(self, key: str) -> bool:
        """Send one cell; whether the server could be used."""
        try:
            self.sent[key] += self._send(key)
        except CellRefusedError as error:
            if key not in self.refused:
                log.warning("cell %s cannot be shown in MLflow: %s", key, error)
            self.refused[key] = str(error)
        except Exception as error:  # MLflow, its database and its network raise too many kinds to name
            self.failure = reason(error)
            self._paused_until = self._clock() + self._pause_s
            self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)
            return False
        self.failure, self._pause_s = None, FIRST_PAUSE_S
        return True


def command(sweep: str, folder: Path, option: str | None, keep_on: bool) -> list[str]:
    """`cheapconv sync`, with `--follow` if it is to keep on; what to print."""
    uri, store = tracking_uri(option), Store(folder)
    if uri is None:
        raise UserError("there is nowhere to send to: name a server or database with --mlflow or MLFLOW_TRACKING_URI.")
    if not keep_on:
        return [f"{sweep} in {public(uri)}: {sync(store, sweep, uri)}"]
    why = follow(Follower(store, sweep, uri))
    return [lagging(store, sweep, uri, why)] if why else []


def sync(store: Store, sweep: str, uri: str) -> dict[str, int]:
    """Send what MLflow lacks of every started cell; how many were sent, unchanged, refused or not yet started."""
    follower = Follower(store, sweep, uri, send=partial(push, ask=True))
    follower.look()
    if follower.failure:
        advice = "start it, or name another with --mlflow or MLFLOW_TRACKING_URI"
        raise UserError(f"MLflow at {public(uri)} does not answer ({follower.failure}): {advice}.")
    started = sum(store.run(key).state().state in (*STATUS, "damaged", "unreadable") for key in follower.keys)
    sent, refused = len(+follower.sent), len(follower.refused)
    counts = {"sent": sent, "unchanged": started - sent - refused, "refused": refused}
    return counts | {"not_started": len(follower.keys) - started}


def input_ended(seconds: float) -> bool:
    """Wait so long, or until the standard input ends: whoever holds its other end has closed it or is dead."""
    ready, _, _ = select.select([sys.stdin], [], [], seconds)
    return bool(ready) and not os.read(sys.stdin.fileno(), 4096)


def follow(follower: Follower, ended: Callable[[float], bool] = input_ended) -> str | None:
    """Look every few seconds until the end, and once more then; why something could not be sent."""
    follower.look()
    while not ended(POLL_S):
        follower.look()
    follower.look(last=True)
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
