"""Several processes that train one cell together, each on a GPU of its own: one leads, and the others are told what to
train. They are started by the run itself where an entry asks for `gpus`, or by `torchrun` (engine/run/torchrun.py).

Orders go through a store of torch's that all of them reach. Whoever follows is a new process for every cell, so that
whatever goes wrong in it ends with it: nothing else closes its connections for certain, by which the others notice.
"""

import base64
import contextlib
import itertools
import logging
import multiprocessing
import os
import pickle
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from multiprocessing.process import BaseProcess
from pathlib import Path

import torch
from torch import distributed

from cheapconv import catalog
from cheapconv.catalog.errors import UserError, reason
from cheapconv.engine.run.computing import settle
from cheapconv.engine.run.forked import forked
from cheapconv.engine.run.settings import Settings
from cheapconv.engine.store.cell import Cell, recipe_of
from cheapconv.engine.store.runs import Store
from cheapconv.engine.train import checkpoint, ranks
from cheapconv.engine.train.assembled import begun
from cheapconv.engine.train.cohort import Cohort, Member
from cheapconv.engine.train.feed import Feed
from cheapconv.engine.train.precision import use_ieee_float32
from cheapconv.engine.train.teachers import Teachers
from cheapconv.engine.train.training import Training
from cheapconv.suites.place import Place

MUSTER_S = 180.0  # for a process to import torch on a busy machine
LOOK_S = 0.1  # between two looks at the store
SUM_S = 1800.0  # for all to meet in a sum: some may still open their data
LAST_WORDS_S = 5.0  # for another process to say why it leaves
HOME_S = 10.0  # to end by itself
LOCAL = "127.0.0.1"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Order:
    """A cell to train."""

    cell: Cell
    root: Path  # of the store, where its teacher is
    settings: Settings
    threads: int
    plugins: tuple[str, ...]


def written(order: Order | None) -> str:
    """An order as torch's store takes it; None sends everybody home."""
    return base64.b64encode(pickle.dumps(order)).decode()


@dataclass
class Team:
    """The others, as the process sees them that leads."""

    channel: distributed.Store
    place: Place  # of the one that leads
    start: Callable[[int], Sequence[BaseProcess]] = lambda number: ()  # what follows an order, where this process does
    _orders: Iterator[int] = field(default_factory=itertools.count)
    _number: int = -1

    @contextlib.contextmanager
    def together(self, order: Order) -> Iterator[None]:
        """Within it the others train the cell as well; a UserError where one of them does not come."""
        self._number = next(self._orders)
        self.channel.set(f"order {self._number}", written(order))
        followers = self.start(self._number)
        try:
            self._muster(followers)
            with joined(self.channel, self._number, self.place):
                yield
        finally:
            with contextlib.suppress(RuntimeError):  # the store is gone, and so are they
                self.channel.set(f"over {self._number}", "")
            for follower in followers:
                end(follower)

    def _muster(self, followers: Sequence[BaseProcess]) -> None:
        """Wait until all are here."""
        deadline = time.monotonic() + MUSTER_S
        missing = [f"here {self._number} {rank}" for rank in range(1, self.place.world)]
        while not self.channel.check(missing):
            if (said := self.complaint()) is not None:
                raise RuntimeError(said)
            gone = any(not follower.is_alive() for follower in followers)
            if time.monotonic() > deadline or (gone and self.complaint() is None):
                raise UserError(lost(self.place.world))
            time.sleep(LOOK_S)

    def complaint(self) -> str | None:
        """Why another process has left the cell of the last order."""
        keys = [f"failed {self._number} {rank}" for rank in range(1, self.place.world)]
        found = [self.channel.get(key).decode() for key in keys if self.channel.check([key])]
        return found[0] if found else None

    def verdict(self, error: Exception | SystemExit) -> Exception | SystemExit:
        """What has really ended the cell: what another process said before it left, or that one is gone."""
        if not breaks_off(error):
            return error
        deadline = time.monotonic() + LAST_WORDS_S
        while time.monotonic() < deadline:
            if said := self.complaint():
                return RuntimeError(said)
            time.sleep(LOOK_S)
        log.warning("the processes that train a cell together are apart: %s", reason(error))
        return UserError(lost(self.place.world))

    def dismiss(self) -> None:
        """There is no other order."""
        with contextlib.suppress(RuntimeError):
            self.channel.set(f"order {next(self._orders)}", written(None))


def end(follower: BaseProcess) -> None:
    """Wait until a process has ended, and end it if it does not."""
    follower.join(HOME_S)
    follower.kill()
    follower.join()


def lost(world: int) -> str:
    """What is to be said when a process is gone."""
    return (
        f"one of the {world} processes that train a cell together has ended: what its last checkpoint has is kept, and "
        "the same command goes on from there."
    )


def breaks_off(error: BaseException) -> bool:
    """Whether an error is that of a process that waits for another one which has left."""
    said = str(error).lower()
    broken = any(word in said for word in ("gloo", "nccl", "connection closed", "connection reset", "broken pipe"))
    return isinstance(error, distributed.DistError) or (isinstance(error, RuntimeError) and broken)


@contextlib.contextmanager
def joined(channel: distributed.Store, number: int, place: Place) -> Iterator[None]:
    """Within it the processes can exchange tensors: on the CPU by gloo, on GPUs by NCCL."""
    backend = "cpu:gloo,cuda:nccl" if place.device.type == "cuda" else "gloo"
    if place.device.type == "cuda":
        torch.cuda.set_device(place.device)
    os.environ.setdefault("TORCH_NCCL_ASYNC_ERROR_HANDLING", "2")  # a sum that fails ends itself, and not the process
    distributed.init_process_group(
        backend,
        store=distributed.PrefixStore(f"cell {number}", channel),
        rank=place.rank,
        world_size=place.world,
        timeout=timedelta(seconds=SUM_S),
    )
    try:
        yield
    except BaseException:
        with contextlib.suppress(RuntimeError):  # of a group that is broken
            distributed.distributed_c10d._abort_process_group()  # to destroy it would wait for sums that never end
        raise
    distributed.destroy_process_group()


def stay_here() -> None:
    """Let processes of one machine speak by its loopback, whatever its name resolves to."""
    if sys.platform == "linux":
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")


def team_places(gpus: int) -> list[Place]:
    """Where a cell is trained that asks for so many GPUs: on as many as there are of them."""
    world = min(gpus, torch.cuda.device_count())
    return [Place(torch.device("cuda", rank), torch.get_num_threads(), rank, world) for rank in range(world)]


def started(places: Sequence[Place]) -> Team:
    """This process at the first of the places, and for every cell a new one at each of the others."""
    stay_here()
    channel = distributed.TCPStore(LOCAL, 0, is_master=True, wait_for_workers=False)
    return Team(channel, places[0], lambda number: [follower(channel.port, number, place) for place in places[1:]])


def follower(port: int | None, number: int, place: Place) -> BaseProcess:
    """A process for the order of that number. The store is this machine's at a port, or that of `torchrun`."""
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")  # for it: DDP warns of methods that use all parameters
    return forked(follow, port, number, place)


def follow(port: int | None, number: int, place: Place) -> None:
    """Train what is ordered: the process that leads hears the user and speaks for this one."""
    for signaled in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signaled, signal.SIG_IGN)
    logging.getLogger("cheapconv").setLevel(logging.ERROR)
    threading.Thread(target=_end_with_run, daemon=True).start()
    if port:
        stay_here()
    channel = distributed.TCPStore(LOCAL, port, is_master=False) if port else rendezvous()
    order: Order = pickle.loads(base64.b64decode(channel.get(f"order {number}")))
    try:
        catalog.load(order.plugins)
        if order.settings.device == "cpu":
            place = replace(place, device=torch.device("cpu"))
        channel.set(f"here {number} {place.rank}", "")
        with joined(channel, number, place):
            _carry_out(order, replace(place, threads=order.threads))
    except Exception as error:
        if not breaks_off(error):
            said = f"process {place.rank + 1} of {place.world}: {type(error).__name__}: {reason(error)}"
            with contextlib.suppress(RuntimeError):  # nobody is left to be told
                channel.set(f"failed {number} {place.rank}", said)
    os._exit(0)  # the connections are closed now, and not when the last thread of a library has ended


def _end_with_run() -> None:
    """End when the process is gone that started this one."""
    run = multiprocessing.parent_process()
    assert run is not None, "it is started by another"
    run.join()
    os._exit(1)


def rendezvous() -> distributed.Store:
    """The store of the processes that `torchrun` has started."""
    store, _, _ = next(distributed.rendezvous("env://", timeout=timedelta(seconds=MUSTER_S)))
    return distributed.PrefixStore("cheapconv", store)


class Quiet:
    """Who is told of a training that another process speaks for (`engine.train.cohort.Watched`)."""

    def stepped(self, training: Training) -> None:
        """Nothing."""

    epoch_ended = ended = stopped = stepped

    def failed(self, training: Training, error: Exception | SystemExit, alone: bool) -> None:
        """It is this process's end."""
        raise error


def _carry_out(order: Order, place: Place) -> None:
    """Train the cell as the one that leads does."""
    settle(place.threads)
    use_ieee_float32()
    cell, settings, store = order.cell, order.settings, Store(order.root)
    suite = catalog.parse("suite", cell.suite)
    feed = Feed(
        lambda: suite.open(place, settings.data, settings.download, cell.held_out), recipe_of(cell), cell.seed, place
    )
    teachers = Teachers(place.device, None)
    saved: checkpoint.State | None = ranks.led(place, None)
    training, _ = begun(cell, place, store, feed, teachers, saved)
    Cohort(feed, teachers).run(iter([Member(training, store.run(cell.key), Quiet())]))
