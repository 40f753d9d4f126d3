"""Measuring a network: exact sizes, and timings that all cells with the same network on the same device share."""

import copy
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import torch
from torch import nn

from cheapconv.engine.measure import clock as timing
from cheapconv.engine.measure.activations import activation_bytes
from cheapconv.engine.measure.machine import device_name
from cheapconv.engine.store.files import now, read_json, write_json
from cheapconv.engine.store.runs import Store
from cheapconv.models.build import build_network, on_device
from cheapconv.models.size import count_macs, count_params, count_params_with_bn_stats, weights_bytes

TIMING_BUDGET_S = 1.0  # for each of latency and throughput


def sizes(network: nn.Module, shape: tuple[int, int, int]) -> dict[str, int]:
    """Exact sizes of a network for images of `shape` (C, H, W)."""
    macs = count_macs(network, shape)
    return {
        "params": count_params(network),
        "params_with_bn_stats": count_params_with_bn_stats(network),
        "macs": macs,
        "flops": 2 * macs,
        "weights_bytes": weights_bytes(network),
        "activation_bytes": activation_bytes(network, shape),
    }


def structure_key(architecture: str, conv: str, classes: int, shape: tuple[int, ...], changed: Any = None) -> str:
    """Name of a network's structure: equal for two cells exactly when their networks compute alike."""
    text = json.dumps([architecture, conv, classes, list(shape), changed], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def measurement_path(store: Store, structure: str, device: torch.device) -> Path:
    """Where the timing of a structure on a device is kept."""
    slug = re.sub(r"[^a-z0-9]+", "-", device_name(device).lower()).strip("-")
    return store.root / "measurements" / f"{structure}-{slug}-t{torch.get_num_threads()}.json"


def time_once(
    store: Store,
    architecture: str,
    conv: str,
    classes: int,
    shape: tuple[int, int, int],
    device: torch.device,
    changed: tuple[Any, nn.Module] | None = None,
    *,
    again: bool = False,
) -> dict[str, Any]:
    """The kept timing of a network, taken now if there is none yet (or `again`). Its weights do not matter.

    `changed`: where its structure is no longer that of the texts, what has changed, and such a network."""
    structure = structure_key(architecture, conv, classes, shape, changed and changed[0])
    path = measurement_path(store, structure, device)
    kept = read_json(path)
    if kept is not None and not again:
        return kept
    network = copy.deepcopy(changed[1]) if changed else build_network(architecture, conv, classes)
    body = {"structure": structure, "architecture": architecture, "conv": conv, "classes": classes}
    body |= time_network(network, shape, device)
    write_json(path, body)
    return body


def time_network(network: nn.Module, shape: tuple[int, int, int], device: torch.device) -> dict[str, Any]:
    """Latency, throughput and the machine's calibration beside them."""
    network = on_device(network.eval(), device)
    with timing.exclusive():
        return {
            "input": list(shape),
            "device": str(device),
            "device_name": device_name(device),
            "date": now(),
            "latency": timing.latency(network, shape, device, TIMING_BUDGET_S),
            "throughput": timing.throughput(network, shape, device, TIMING_BUDGET_S),
            "calibration": timing.calibrate(device),
        }
