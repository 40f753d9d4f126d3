"""The shift of channels on a GPU as one kernel, in Triton: each number is read once and written once, where copies of
slices read neighbours nine times. `models.parts.shift` has the plain path, which is its oracle and takes over where
Triton is not installed.
"""

import functools
from types import ModuleType

import torch
from torch import Tensor

from cheapconv.models.parts.kernels import FUSED, INDEXED, installed

BLOCK = 1024  # numbers that a program writes


def has_kernel(x: Tensor) -> bool:
    """Whether there is one for x (B, C, H, W): on a GPU, and without gaps in memory."""
    if x.device.type != "cuda" or not 0 < x.numel() < INDEXED or not installed():
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
    with torch.cuda.device_of(x):
        _kernels().shift[(programs,)](x, y, *numbers, K=kernel_size, NHWC=nhwc, BLOCK=BLOCK, **FUSED)
    return y


@functools.cache
def _kernels() -> ModuleType:
    """Read when one is needed first: Triton takes a second to import, and is not there on every machine."""
    from cheapconv.models.parts import triton_shift

    return triton_shift
