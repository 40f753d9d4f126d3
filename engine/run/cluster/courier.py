"""What is seen of a cohort on its node is told, and its run folders are brought, by a thread of their own."""

import pickle
import queue
import threading
import time
from dataclasses import dataclass
from typing import Self

from cheapconv.engine.run.cluster.keeper import Kept, Message
from cheapconv.engine.run.cluster.transfer import Content, Manifest, carry, snapshot
from cheapconv.engine.run.rounds import LEFT_ASIDE
from cheapconv.engine.store.runs import CHECKPOINT, Store

BEAT_S = 0.5  # between two words to the keeper, which answers whether to stop
SHARE = 0.1  # of the time, at most, for bringing checkpoints


@dataclass
class Parcel:
    """A run folder at the keeper's, as a `transfer.Receiver`."""

    keeper: Kept
    ticket: int
    key: str

    def have(self, name: str, content: Content) -> int:
        """Asked of the keeper."""
        return self.keeper.have(self.ticket, self.key, name, content)

    def put(self, name: str, content: Content, at: int, piece: bytes) -> int:
        """Given to the keeper."""
        return self.keeper.put(self.ticket, self.key, name, content, at, piece)

    def land(self, manifest: Manifest) -> list[str]:
        """Done by the keeper."""
        return self.keeper.land(self.ticket, self.key, manifest)


class Courier:
    """Sends what it is told (an `engine.run.worker.Sender`), and is the `should_stop` of who trains."""

    def __init__(self, keeper: Kept, ticket: int, store: Store, every_s: float) -> None:
        """Checkpoints are brought every so many seconds, or less often where that takes long."""
        self._keeper, self._ticket, self._store, self._every_s = keeper, ticket, store, every_s
        self._news: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._training: dict[str, int] = {}  # by cell: when the checkpoint was written that was brought last
        self._brought, self._took_s = time.monotonic(), 0.0
        self._stop, self._over, self._error = False, threading.Event(), list[BaseException]()
        self._thread = threading.Thread(target=self._go, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: object) -> None:
        """All is brought; raises what has kept it from that, unless something else went wrong."""
        self._over.set()
        self._thread.join()
        if self._error and error is None:
            raise self._error[0]

    def __call__(self) -> bool:
        """Whether to stop: the driver says so, or cannot be asked."""
        return self._stop

    def send(self, of: str, *what: object) -> None:
        """One message, soon, as it is now: who trains goes on with what it tells of."""
        self._news.put(pickle.dumps((of, *what)))

    def _go(self) -> None:
        try:
            while not self._over.is_set():
                self._over.wait(BEAT_S)
                self._deliver()
            self._deliver()
        except BaseException as error:  # it is raised where it is seen
            self._error.append(error)
            self._stop = True

    def _deliver(self) -> None:
        """What has happened since the last time; that a cell has ended is told when its folder is there."""
        news: list[Message] = [pickle.loads(self._news.get()) for _ in range(self._news.qsize())]
        for message in news:
            match message:
                case "started", str(key):
                    self._bring(key)
                case "ended", str(key), end:
                    if end not in LEFT_ASIDE:  # else the folder was left as it is
                        self._bring(key)
                    self._training.pop(key, None)
        self._stop = self._keeper.tell(self._ticket, news) or self._stop
        begun = time.monotonic()
        if begun - self._brought > max(self._every_s, self._took_s / SHARE):
            for key, written in [*self._training.items()]:
                if self._written(key) != written:
                    self._bring(key)
            self._brought = time.monotonic()
            self._took_s = self._brought - begun

    def _bring(self, key: str) -> None:
        """The run folder of a cell, as it is now."""
        self._training[key] = self._written(key)
        with snapshot(self._store.run(key).folder) as held:
            carry(held.manifest, held.piece, Parcel(self._keeper, self._ticket, key))

    def _written(self, key: str) -> int:
        """When its checkpoint was written, in ns; 0 without one."""
        try:
            return (self._store.run(key).folder / CHECKPOINT).stat().st_mtime_ns
        except FileNotFoundError:
            return 0
