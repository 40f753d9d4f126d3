"""Timings of networks, each taken once: all cells with the same structure on the same device share it.

A timing is a piece of work of its own. It may fail, wait for another one and be repeated; no training depends on it.
"""

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import torch
from torch import nn

from cheapconv.engine.measure import clock
from cheapconv.engine.measure.machine import device_name
from cheapconv.engine.measure.passes import AGAIN, Measuring, Pooled, Stopwatch, Watch, Work
from cheapconv.engine.measure.turn import Turn
from cheapconv.engine.store.files import now
from cheapconv.engine.store.records import Measurement
from cheapconv.engine.store.runs import Store
from cheapconv.models.build import on_device


@dataclass(frozen=True)
class Structure:
    """What is timed: the name of a structure, the texts it was built from, and the shape (C, H, W) of its images."""

    key: str
    architecture: str
    conv: str
    classes: int
    shape: tuple[int, int, int]


def setting(device: torch.device, shape: Sequence[int] = (3, 32, 32)) -> str:
    """Under what a timing is taken, as a part of a file's name: device, precision, batch and threads of throughput
    for images of `shape` (C, H, W)."""
    slug = re.sub(r"[^a-z0-9]+", "-", device_name(device).lower()).strip("-")
    return f"{slug}-fp32-b{clock.throughput_batch(shape, device)}-t{torch.get_num_threads()}"


def kept(store: Store, structure: Structure, device: torch.device) -> Measurement | None:
    """The timing of a structure on a device, if it was taken."""
    return store.measurement(f"{structure.key}-{setting(device, structure.shape)}")


def keep(store: Store, structure: Structure, device: torch.device, timing: Measurement) -> None:
    """Keep a timing under its structure and setting."""
    store.write_measurement(f"{structure.key}-{setting(device, structure.shape)}", timing)


def take(store: Store, structure: Structure, network: nn.Module, device: torch.device, turn: Turn) -> None:
    """Time a network, whose weights do not matter, by itself and keep the timing."""
    keep(store, structure, device, time_network(structure, network, device, turn))


def time_network(
    structure: Structure, network: nn.Module, device: torch.device, turn: Turn, watch: Watch | None = None
) -> Measurement:
    """Latency, throughput and the machine's calibration of one network alone, which is moved to the device."""
    work, measuring = prepared(structure, network, device), Measuring(watch or Stopwatch(device), turn)
    measuring.warm(work)
    for _ in range(1 + AGAIN):
        if measuring.lacking(structure.key):
            measuring.take({structure.key: work})
    return measurement(structure, device, measuring.pooled(structure.key))


def prepared(structure: Structure, network: nn.Module, device: torch.device) -> Work:
    """A network of torch, moved to the device, in the form that is timed."""
    network = on_device(network.eval(), device)
    return Work(f"{structure.architecture} {structure.conv}", network, network, structure.shape)


def measurement(structure: Structure, device: torch.device, pooled: Pooled) -> Measurement:
    """What is kept of a network's slices."""
    return Measurement(
        structure=structure.key,
        architecture=structure.architecture,
        conv=structure.conv,
        classes=structure.classes,
        input=structure.shape,
        device=str(device),
        device_name=device_name(device),
        date=now(),
        latency=clock.latency_of(pooled.one_s),
        throughput=clock.throughput_of(pooled.many_s, clock.throughput_batch(structure.shape, device)),
        calibration=asdict(pooled.speed),
        doubt=pooled.doubt,
    )
