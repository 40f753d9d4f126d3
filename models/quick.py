"""The layers of a network in training, with kernels of this project's own where the library has none that is quick:
same parameters, same names, and torch's own way wherever no kernel fits."""

import copy
from typing import TypeVar

import torch
from torch import nn

from cheapconv.models.parts import cpu_norm, gpu_norm
from cheapconv.models.parts.depthwise_gradient import QuickDepthwise
from cheapconv.models.parts.grouped_kernel import QuickConv2d
from cheapconv.models.parts.layers import NormRelu

M = TypeVar("M", bound=nn.Module)

QUICK: dict[str, dict[type[nn.Module], type[nn.Module]]] = {
    "cuda": {nn.Conv2d: QuickConv2d, nn.BatchNorm2d: gpu_norm.TritonBatchNorm2d},
    "cpu": {
        nn.Conv2d: QuickDepthwise,
        nn.BatchNorm2d: cpu_norm.NumbaBatchNorm2d,
        NormRelu: cpu_norm.NumbaNormRelu,
    },
}


def quicken(module: nn.Module, device: torch.device) -> None:
    """Let all layers of these very classes take the quick way of a device, if it has one."""
    quick = QUICK.get(device.type, {})
    for layer in module.modules():
        layer.__class__ = quick.get(type(layer), type(layer))


def plain(module: M) -> M:
    """A copy whose layers take torch's own way again, so that whoever counts operations sees them: none of a kernel is
    one of torch's."""
    slow = {quick: own for layers in QUICK.values() for own, quick in layers.items()}
    copied = copy.deepcopy(module)
    for layer in copied.modules():
        layer.__class__ = slow.get(type(layer), type(layer))
    return copied
