"""Timings of networks, each taken once: all cells with the same structure on the same device share it.

A timing is a piece of work of its own. It may fail, wait for another one and be repeated; no training depends on it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn

from cheapconv.engine.measure import clock
from cheapconv.engine.measure.machine import device_name
from cheapconv.engine.measure.turn import Turn
from cheapconv.engine.store.files import now
from cheapconv.engine.store.records import Latency, Measurement, Throughput
from cheapconv.engine.store.runs import Store
from cheapconv.models.build import on_device

TIMING_BUDGET_S = 1.0  # for each of latency and throughput


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


def take(store: Store, structure: Structure, network: nn.Module, device: torch.device, turn: Turn) -> Measurement:
    """Time a network, whose weights do not matter, and keep the timing."""
    found = time_network(structure, network, device, turn)
    store.write_measurement(f"{structure.key}-{setting(device, structure.shape)}", found)
    return found


def time_network(structure: Structure, network: nn.Module, device: torch.device, turn: Turn) -> Measurement:
    """Latency, throughput and the machine's calibration beside them; the network is moved to the device."""
    network = on_device(network.eval(), device)
    with turn.taken(f"{structure.architecture} {structure.conv}"):
        latency = clock.latency(network, structure.shape, device, TIMING_BUDGET_S)
        throughput = clock.throughput(network, structure.shape, device, TIMING_BUDGET_S)
        return Measurement(
            structure=structure.key,
            architecture=structure.architecture,
            conv=structure.conv,
            classes=structure.classes,
            input=structure.shape,
            device=str(device),
            device_name=device_name(device),
            date=now(),
            latency=Latency(**latency),
            throughput=Throughput(**throughput),
            calibration=clock.calibrate(device),
        )
