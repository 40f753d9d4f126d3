"""The shift of channels on a GPU as one kernel, in Triton: each number is read once and written once, where copies of
slices read neighbours nine times. `models.parts.shift` has the plain path, which is its oracle and takes over where
Triton is not installed.
"""

import functools
import importlib.util
from types import ModuleType

import torch
from torch import Tensor

BLOCK = 1024
LARGEST = 2**31 - BLOCK  # indices have 32 bits, since divisions of longer ones are slow


def has_kernel(x: Tensor) -> bool:
    """Whether there is one for x (B, C, H, W): on a GPU, and without gaps in memory."""
    if x.device.type != "cuda" or not 0 < x.numel() < LARGEST or not installed():
        return False
    return x.is_contiguous() or x.is_contiguous(memory_format=torch.channels_last)


def shifted(x: Tensor, kernel_size: int, dilation: int) -> Tensor:
    """The shifted copy of x (B, C, H, W), in its memory format; a negative dilation is the opposite shift."""
    y = torch.empty_like(x)
    channels, height, width = x.shape[1:]
    moved = channels - channels % kernel_size**2
    nhwc = not x.is_contiguous()
    programs = -(-x.numel() // BLOCK)
    numbers = (x.numel(), channels, height, width, moved, dilation)
    _kernels().shift[(programs,)](x, y, *numbers, K=kernel_size, NHWC=nhwc, BLOCK=BLOCK)
    return y


@functools.cache
def installed() -> bool:
    """Whether Triton is."""
    return importlib.util.find_spec("triton") is not None


@functools.cache
def _kernels() -> ModuleType:
    """Read when one is needed first: Triton takes a second to import, and is not there on every machine."""
    from cheapconv.models.parts import triton_kernels

    return triton_kernels
