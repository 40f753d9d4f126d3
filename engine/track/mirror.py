"""The live mirror of the run folders in MLflow: a thread that sends what has changed, so that training never waits.

A server that fails is left alone for a minute, then two, and so on (a circuit breaker); one that hangs costs `close`
a few seconds. Whatever was not sent is still in the run folders and goes out at the next run or by `sync`.
"""

import functools
import logging
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from cheapconv.catalog.errors import UserError, nearest
from cheapconv.engine.store.files import read_json
from cheapconv.engine.store.runs import STATE, Store
from cheapconv.engine.track.push import CellRefusedError, load, public, push, reason
from cheapconv.engine.track.tracked import is_started

FIRST_PAUSE_S, LONGEST_PAUSE_S = 60.0, 900.0
SERVER_PATIENCE_S = 5.0
FILE_PATIENCE_S = 30.0  # a database file does answer, but creating its tables takes seconds
LOADING_PATIENCE_S = 30.0  # importing MLflow takes seconds that are no fault of the server

log = logging.getLogger(__name__)
_push_unless_sent = functools.partial(push, ask=False)


class Mirror:
    """Context manager around a sweep's run; `changed(key)` after every epoch and every change of a cell's state.

    Entering it also takes up what earlier runs of the sweep could not send.
    """

    def __init__(
        self,
        store: Store,
        sweep: str,
        uri: str,
        *,
        send: Callable[[Store, str, str, str], int] = _push_unless_sent,
        clock: Callable[[], float] = time.monotonic,
        quiet: bool = False,
    ) -> None:
        self._store, self._sweep, self._uri = store, sweep, uri
        self._send, self._clock = send, clock
        self._wake = threading.Condition()
        self._waiting: dict[str, None] = {}  # an ordered set
        self._in_hand: str | None = None
        self._seen: set[str] = set()
        self._closing = False
        self._loaded = threading.Event()
        self._settled = 0  # attempts that the server answered
        self._pause_s, self._paused_until = FIRST_PAUSE_S, 0.0
        self.failure: str | None = None  # why the last attempt failed
        self.sent: dict[str, int] = {}  # values sent of each cell
        self.refused: dict[str, str] = {}  # why a cell cannot be sent
        # A daemon: a call that hangs in it must not keep the process from exiting.
        self._thread = threading.Thread(target=self._run, name="mlflow-mirror", daemon=True)
        self._warned = quiet

    def __enter__(self) -> Self:
        for key in planned_keys(self._store, self._sweep) or []:
            self.changed(key)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    @property
    def unsent(self) -> list[str]:
        """Cells that have changed since they were last sent."""
        with self._wake:
            return list(self._waiting | ({self._in_hand: None} if self._in_hand else {}))

    def changed(self, key: str) -> None:
        """Note that a cell's files have changed; returns at once."""
        with self._wake:
            self._waiting[key] = None
            self._seen.add(key)
            self._wake.notify()

    def close(self, patience_s: float | None = None) -> None:
        """Send what is left and stop; give up at the first failure or when no cell is settled for `patience_s`."""
        if self._closing:
            return
        if patience_s is None:
            patience_s = FILE_PATIENCE_S if self._uri.startswith("sqlite") else SERVER_PATIENCE_S
        # Cells still marked as running were interrupted, which nobody has told the mirror.
        interrupted = [key for key in sorted(self._seen) if self._is_marked_running(key)]
        with self._wake:
            self._waiting |= dict.fromkeys(interrupted)
            self._closing, self.failure = True, None
            self._wake.notify()
        if self._thread.is_alive() and self.unsent:
            self._loaded.wait(LOADING_PATIENCE_S)
        settled = -1
        while self._thread.is_alive() and settled != self._settled:
            settled = self._settled
            self._thread.join(patience_s)
        if self.unsent:
            self.failure = self.failure or f"nothing within {patience_s:g} s"
            self._warn(self.failure)

    def _is_marked_running(self, key: str) -> bool:
        return (read_json(self._store.folder(key) / STATE) or {}).get("state") == "running"

    def _run(self) -> None:
        while (key := self._take()) is not None:
            self._attempt(key)

    def _take(self) -> str | None:
        """The next cell to send, waited for; None when there is no more to do."""
        with self._wake:
            while not self._closing and not self._is_due():
                self._wake.wait(self._paused_until - self._clock() if self._waiting else None)
            if not self._waiting or (self._closing and self.failure):
                return None
            self._in_hand = next(iter(self._waiting))
            del self._waiting[self._in_hand]
            return self._in_hand

    def _is_due(self) -> bool:
        return bool(self._waiting) and self._clock() >= self._paused_until

    def _attempt(self, key: str) -> None:
        """Send one cell; whatever goes wrong ends here, because training must not notice."""
        try:
            self._load()
            sent = self._send(self._store, key, self._sweep, self._uri)
        except CellRefusedError as error:
            self._settle(key, 0, refusal=str(error))
        except Exception as error:
            self._fail(key, reason(error))
        else:
            self._settle(key, sent)

    def _load(self) -> None:
        try:
            load()
        finally:
            self._loaded.set()

    def _settle(self, key: str, sent: int, refusal: str | None = None) -> None:
        """The server answered: close the circuit."""
        with self._wake:
            self._in_hand, self.failure, self._pause_s = None, None, FIRST_PAUSE_S
            self._settled += 1
            self.sent[key] = self.sent.get(key, 0) + sent
        if refusal and key not in self.refused:
            self.refused[key] = refusal
            log.warning("cell %s cannot be shown in MLflow: %s", key, refusal)

    def _fail(self, key: str, why: str) -> None:
        """The server did not answer: put the cell back and open the circuit for a while."""
        with self._wake:
            self._in_hand, self.failure = None, why
            self._waiting[key] = None
            self._paused_until = self._clock() + self._pause_s
            self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)
        self._warn(why)

    def _warn(self, why: str) -> None:
        """Say once that the mirror lags behind."""
        if self._warned:
            return
        self._warned = True
        log.warning(
            "MLflow at %s does not answer (%s); results are safe in %s, `cheapconv sync %s` sends them later",
            public(self._uri),
            why,
            self._store.root,
            self._sweep,
        )


def planned_keys(store: Store, sweep: str) -> list[str] | None:
    """Cells of a sweep as last planned; None where the store holds no such sweep."""
    plan = read_json(store.root / "sweeps" / f"{sweep}.json")
    return None if plan is None else [cell["key"] for cell in plan["cells"]]


def sync(store: Store, sweep: str, uri: str, *, patience_s: float | None = None) -> dict[str, int]:
    """Send what MLflow lacks of every started cell of the sweep.

    Returns: how many cells were `sent`, were `unchanged`, were `refused` (each with a warning), or are `not_started`.
    """
    keys = planned_keys(store, sweep)
    if keys is None:
        known = [path.stem for path in (store.root / "sweeps").glob("*.json")]
        raise UserError(f"{store.root} holds no sweep '{sweep}'{nearest(sweep, known)}.")
    started = [key for key in dict.fromkeys(keys) if is_started(store, key)]
    mirror = Mirror(store, sweep, uri, send=push, quiet=True)
    with mirror:
        mirror.close(patience_s)
    if mirror.unsent:
        advice = "start it, or name another with --mlflow or MLFLOW_TRACKING_URI"
        raise UserError(f"MLflow at {public(uri)} does not answer ({mirror.failure}): {advice}.")
    sent = sum(1 for key in started if mirror.sent[key])
    refused = len(mirror.refused)
    return {
        "sent": sent,
        "unchanged": len(started) - sent - refused,
        "refused": refused,
        "not_started": len(set(keys)) - len(started),
    }
