"""The layers of a network in training on a GPU, with kernels of this project's own where the library has none that is
quick: same parameters, same names, and torch's own way wherever no kernel fits."""

import torch
from torch import nn

from cheapconv.models.parts.grouped_kernel import QuickConv2d
from cheapconv.models.parts.norm_kernel import QuickBatchNorm2d

QUICK: dict[type[nn.Module], type[nn.Module]] = {nn.Conv2d: QuickConv2d, nn.BatchNorm2d: QuickBatchNorm2d}


def quicken(module: nn.Module, device: torch.device) -> None:
    """Let all layers of these very classes take the quick way, if the device is one that has it."""
    if device.type == "cuda":
        for layer in module.modules():
            layer.__class__ = QUICK.get(type(layer), type(layer))
