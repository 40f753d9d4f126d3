"""Exact sizes of a network, and the name of its structure."""

import hashlib
import json
from collections.abc import Sequence

from torch import nn

from cheapconv import catalog
from cheapconv.engine.measure.activations import activation_bytes
from cheapconv.engine.store.records import Sizes
from cheapconv.models.size import count_macs_twice, count_params, count_params_with_bn_stats, weights_bytes


def sizes(network: nn.Module, shape: tuple[int, int, int]) -> Sizes:
    """Exact sizes of a network for images of `shape` (C, H, W), whatever its layers are computed by in training."""
    macs, by_torch = count_macs_twice(network, shape)
    return Sizes(
        params=count_params(network),
        params_with_bn_stats=count_params_with_bn_stats(network),
        macs=macs,
        flops=2 * macs,
        weights_bytes=weights_bytes(network),
        activation_bytes=activation_bytes(network, shape),
        macs_by_torch=None if by_torch == macs else by_torch,
    )


def structure_key(architecture: str, conv: str, classes: int, shape: Sequence[int], changed: object = None) -> str:
    """Name of a network's structure: equal for two cells exactly when their networks compute alike.

    The versions of architecture and conv are part of it, and what has changed since the network was built.
    """
    versions = [catalog.parse("architecture", architecture).version, catalog.parse("conv", conv).version]
    text = json.dumps([architecture, conv, classes, [*shape], changed, versions], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
