"""Timings of networks, each taken once: all cells with the same structure on the same device share it.

A timing is a piece of work of its own. It may fail, wait for another one and be repeated; no training depends on it.
"""

import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from torch import nn

from cheapconv import catalog
from cheapconv.catalog.errors import UserError, nearest, short
from cheapconv.engine.measure import clock, profiled
from cheapconv.engine.measure.calibration_images import CalibrationImages
from cheapconv.engine.measure.machine import device_name
from cheapconv.engine.measure.passes import Measuring, Pooled, Stopwatch, Watch, Work
from cheapconv.engine.measure.runtimes.base import Job, Precision, Prepared, Runtime
from cheapconv.engine.measure.turn import Turn, Untimed
from cheapconv.engine.store.files import now, slug
from cheapconv.engine.store.operators import Operator
from cheapconv.engine.store.records import EAGER, Measurement
from cheapconv.engine.store.runs import Store
from cheapconv.models.build import on_device
from cheapconv.models.deployed import deployed
from cheapconv.suites.place import cores

ON_CPU = "onnxruntime"  # by its registered name


@dataclass(frozen=True)
class Structure:
    """What is timed: the name of a structure, the texts it was built from, and the shape (C, H, W) of its images."""

    key: str
    architecture: str
    conv: str
    classes: int
    shape: tuple[int, int, int]


@dataclass(frozen=True)
class Way:
    """By what networks are run where they are timed: a runtime by its registered name, on a device, in float32 or in
    int8 by that runtime's own quantiser, which learns from images; and how many CPU threads answer one image."""

    device: torch.device
    runtime: str
    calibration: CalibrationImages | None = None
    threads: int = 1  # of latency; throughput has all of the run

    @property
    def precision(self) -> Precision:
        """Of weights and activations."""
        return "fp32" if self.calibration is None else "int8"

    @classmethod
    def usual(cls, device: torch.device) -> "Way":
        """What is closest to where networks are deployed: a runtime of its own on a CPU, PyTorch on a GPU."""
        return cls(device, ON_CPU if device.type == "cpu" else EAGER)

    @classmethod
    def chosen(cls, runtime: str | None, device: torch.device, threads: int = 1) -> "Way":
        """By a runtime that was named, or the usual one; a UserError where that cannot be used here."""
        if threads > 1 and device.type != "cpu":
            raise UserError(f"threads answer an image on a CPU alone, not on {device}: give --device cpu.")
        if threads > cores():
            raise UserError(f"one image cannot be timed on {threads} threads: this machine has {cores()}.")
        if runtime is None:
            return replace(cls.usual(device), threads=threads)
        catalog.load()
        if runtime not in catalog.names("runtime"):
            raise UserError(f"unknown runtime '{short(runtime)}'{nearest(runtime, catalog.names('runtime'))}.")
        if (missing := catalog.entry("runtime", runtime).cls().missing()) is not None:
            raise UserError(f"{missing.rstrip('.')}.")
        if device.type != "cpu" and runtime != EAGER:
            raise UserError(f"{runtime} is timed on the CPU: give --device cpu.")
        return cls(device, runtime, threads=threads)

    @property
    def library(self) -> Runtime:
        """The registered thing of that name."""
        found: Runtime = catalog.entry("runtime", self.runtime).cls()
        return found

    @property
    def has_int8(self) -> bool:
        """Whether its runtime has a quantiser that is used here."""
        return self.device.type == "cpu" and "int8" in self.library.precisions

    def in_int8(self, calibration: CalibrationImages) -> "Way":
        """The same runtime in int8, which it has."""
        assert self.has_int8
        return replace(self, calibration=calibration)

    def setting(self, shape: Sequence[int] = (3, 32, 32)) -> str:
        """Under what a timing is taken, as a part of a file's name: device, runtime, precision, batch and threads of
        throughput for images of `shape` (C, H, W), the images that int8 was calibrated with, and threads of latency."""
        by = "" if self.runtime == EAGER else f"-{self.runtime}"  # names of before there were runtimes
        learnt = f"-{self.calibration.digest}" if self.calibration else ""
        batch = clock.throughput_batch(shape, self.device)
        several = f"-l{self.threads}" if self.threads > 1 else ""
        on = f"b{batch}-t{torch.get_num_threads()}{several}"
        return f"{slug(device_name(self.device))}{by}-{self.precision}{learnt}-{on}"


def kept(store: Store, structure: Structure, way: Way) -> Measurement | None:
    """The timing of a structure by a way, if it was taken."""
    return store.measurements.read(f"{structure.key}-{way.setting(structure.shape)}")


def keep(store: Store, structure: Structure, way: Way, timing: Measurement) -> None:
    """Keep a timing under its structure and setting."""
    store.measurements.write(f"{structure.key}-{way.setting(structure.shape)}", timing)


def take(store: Store, structure: Structure, network: nn.Module, way: Way, turn: Turn) -> None:
    """Time a network, whose weights do not matter, by itself and keep the timing."""
    keep(store, structure, way, time_network(structure, network, way, turn))


def time_network(
    structure: Structure, network: nn.Module, way: Way, turn: Turn, watch: Watch | None = None
) -> Measurement:
    """Latency, throughput and the machine's calibration of one network alone."""
    return time_in_turn([(structure, network)], way, turn, watch)[0]


def time_in_turn(
    networks: Sequence[tuple[Structure, nn.Module]], way: Way, turn: Turn, watch: Watch | None = None
) -> list[Measurement]:
    """The same of several, whose slices take turns: their ratios are of one time."""
    measuring = Measuring(watch or Stopwatch(way.device), turn)
    works = {str(number): prepared(*network, way, turn) for number, network in enumerate(networks)}
    for work in works.values():
        measuring.warm(work)
    measuring.complete(works)
    return [
        measurement(networks[int(key)][0], way, measuring.pooled(key), work.operators) for key, work in works.items()
    ]


def prepared(structure: Structure, network: nn.Module, way: Way, turn: Turn) -> Work:
    """A network in the form that is deployed and timed, with its operators as the runtime profiles them for one image;
    raises Unsupported where the runtime cannot take it."""
    shape, batch = structure.shape, clock.throughput_batch(structure.shape, way.device)
    own, name = deployed(network, shape), f"{structure.architecture} {structure.conv}"
    with own_folder() as folder:  # what is loaded is in memory
        work = for_one_image(own, shape, way, turn, name, folder)
        return replace(work, many=ready(own, shape, way, batch, torch.get_num_threads(), folder))


def for_one_image(
    network: nn.Module, shape: tuple[int, int, int], way: Way, turn: Turn, name: str, folder: Path
) -> Work:
    """A deployed network whose latency alone is asked for, with its operators; raises Unsupported."""
    one, operators = ready(network, shape, way, 1, way.threads, folder), tuple[Operator, ...]()
    if isinstance(one, Prepared):
        operators = profiled.operators(way.library, one, Job(shape, 1, folder, way.threads, way.precision), turn, name)
    return Work(name, one, None, shape, operators, way.threads)


def ready(
    network: nn.Module, shape: tuple[int, int, int], way: Way, batch: int, threads: int, folder: Path
) -> clock.Run:
    """A deployed network as it answers batches of one size, on a CPU by so many threads; raises Unsupported."""
    if way.device.type != "cpu":
        return on_device(network, way.device)
    images = None if way.calibration is None else way.calibration.images
    return way.library.prepare(network, Job(shape, batch, folder, threads, way.precision, images))


@contextlib.contextmanager
def own_folder() -> Iterator[Path]:
    """For the files of one network; raises Untimed."""
    try:
        folder = tempfile.TemporaryDirectory()
    except OSError as error:
        raise Untimed(f"the folder for temporary files cannot be used ({error.strerror}): see TMPDIR.") from error
    with folder as name:
        yield Path(name)


def measurement(structure: Structure, way: Way, pooled: Pooled, operators: tuple[Operator, ...] = ()) -> Measurement:
    """What is kept of a network's slices."""
    return Measurement(
        structure=structure.key,
        architecture=structure.architecture,
        conv=structure.conv,
        classes=structure.classes,
        input=structure.shape,
        device=str(way.device),
        device_name=device_name(way.device),
        date=now(),
        latency=clock.latency_of(pooled.one_s, way.precision, way.threads),
        throughput=clock.throughput_of(
            pooled.many_s, clock.throughput_batch(structure.shape, way.device), way.precision
        ),
        calibration=asdict(pooled.speed),
        runtime=way.runtime,
        quantised_on=str(way.calibration or ""),
        doubt=pooled.doubt,
        operators=operators,
    )
