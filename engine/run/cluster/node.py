"""What is done on a node: a look at whether it is fit, and the training of cells that see the same batches.

A node trains in a store of its own, as a run on one machine would; what it needs it fetches from the driver's, and what
it makes it brings there.
"""

import contextlib
import getpass
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch
from filelock import FileLock, Timeout

from cheapconv import catalog
from cheapconv.catalog.errors import UserError
from cheapconv.engine.run.attempt import GpuLostError
from cheapconv.engine.run.cluster import data
from cheapconv.engine.run.cluster.courier import Courier
from cheapconv.engine.run.cluster.keeper import Kept
from cheapconv.engine.run.cluster.transfer import Folder, carry
from cheapconv.engine.run.cluster.versions import Versions, mismatch, versions
from cheapconv.engine.run.computing import settle
from cheapconv.engine.run.launch import Launcher
from cheapconv.engine.run.settings import Settings
from cheapconv.engine.run.team import team_places
from cheapconv.engine.run.worker import Forward, Reporter
from cheapconv.engine.store.cell import Cell
from cheapconv.engine.store.runs import Store
from cheapconv.suites.place import Place


@dataclass(frozen=True)
class Job:
    """What all nodes of a run are told."""

    settings: Settings
    store: str  # the driver's, as `keeper.store_name` has it
    versions: Versions  # of the driver
    plugins: tuple[str, ...]
    suites: tuple[str, ...]
    threads: int
    cuda: bool
    every_s: float  # between two checkpoints that are brought

    @property
    def place(self) -> Place:
        """Where a cohort computes; of a node's GPUs it sees those alone that it was given."""
        if not self.cuda:
            return Place(torch.device("cpu"), self.threads)
        return Place(torch.device("cuda", 0), self.threads, sharing=max(1, int(1 / (self.settings.gpus or 1.0))))

    def places(self, gpus: int) -> Sequence[Place]:
        """Where a cell is trained that asks for several GPUs: on as many of them as Ray has given."""
        return team_places(gpus) if self.cuda else ()


@dataclass(frozen=True)
class Node:
    """A machine, or a part of one that counts as such."""

    id: str
    name: str  # for people

    def home(self, store: str) -> Path:
        """Where it keeps run folders for a driver's store."""
        return Path(tempfile.gettempdir()) / f"cheapconv-{getpass.getuser()}" / f"{self.id[:12]}-{store}"


def examine(keeper: Kept, job: Job, node: Node) -> None:
    """A UserError where cells cannot be trained here, or would not be the same cells."""
    require_equal(job, node)
    with _naming(node):
        folder = data.found(job.settings.data, keeper, node.name)
        for suite in job.suites:
            catalog.parse("suite", suite).open(Place(torch.device("cpu")), folder, job.settings.download)


def require_equal(job: Job, node: Node) -> None:
    """A UserError where the node has other versions than the driver."""
    with _naming(node):
        catalog.load(job.plugins)
        theirs = versions(job.plugins, job.suites)
    if said := mismatch(theirs, job.versions, node.name):
        raise UserError(said)


def train(keeper: Kept, ticket: int, cells: Sequence[Cell], job: Job, node: Node) -> None:
    """Train cells that see the same batches, and bring what comes of it. UserErrors are the node's."""
    keeper.tell(ticket, [("on", node.id)])
    require_equal(job, node)
    settle(job.threads)
    store = Store(node.home(job.store))
    log = logging.getLogger("cheapconv")
    with _naming(node), store.explaining_full_disk(), _in_use(store.root):
        store.prepare()
        settings = replace(job.settings, data=data.found(job.settings.data, keeper, node.name))
        for key in dict.fromkeys(key for cell in cells for key in (cell.teacher, cell.key) if key):
            with FileLock(store.root / f"{key}.lock"):  # several cohorts may want one teacher
                carry(keeper.listing(key), partial(keeper.piece, key), Folder(store.run(key).folder))
        with Courier(keeper, ticket, store, job.every_s) as courier:
            forward = Forward(courier)
            log.addHandler(forward)
            try:
                reporter = Reporter(courier)
                launcher = Launcher(
                    store,
                    job.place,
                    settings=settings,
                    watchers=[reporter],
                    should_stop=courier,
                    measure=lambda *_: None,
                    places=job.places,
                )
                launcher.run(cells)
            except GpuLostError as error:  # of this process, and not of the node: its cells go on in another
                raise RuntimeError(str(error)) from None
            finally:
                log.removeHandler(forward)


def forget(home: Path) -> None:
    """Remove the folders of a store from this node, unless another run of the same store trains in them."""
    with FileLock(f"{home}.lock"):
        for mark in home.parent.glob(f"{home.name}.*.used"):
            try:
                with FileLock(mark, timeout=0):
                    mark.unlink(missing_ok=True)  # of a process that was killed
            except Timeout:
                return
        shutil.rmtree(home, ignore_errors=True)


@contextlib.contextmanager
def _in_use(home: Path) -> Iterator[None]:
    """Within it nobody forgets this folder: whoever holds a lock beside it trains in it, or waits to."""
    home.parent.mkdir(parents=True, exist_ok=True)
    mark = Path(f"{home}.{os.getpid()}.used")
    with contextlib.ExitStack() as held:
        with FileLock(f"{home}.lock"):
            held.enter_context(FileLock(mark))
        yield
    mark.unlink(missing_ok=True)


@contextlib.contextmanager
def _naming(node: Node) -> Iterator[None]:
    """A UserError says on which node it was."""
    try:
        yield
    except UserError as error:
        raise UserError(f"{node.name}: {error}") from error
