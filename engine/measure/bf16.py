"""What bf16 costs a CPU: one without instructions for it computes it by detours, in ten times the time of float32.

It is measured and not looked up: what a processor's flags are worth depends on the build of torch and its libraries.
"""

import time

import torch
from torch import nn

ROUNDS = 3
SLOW = 1.5  # times as long, from which on a user is told


def slowdown() -> float:
    """How many times as long a 3x3 convolution of (8, 32, 16, 16) takes on the CPU in bf16 as in float32, forward and
    backward: the quickest of ROUNDS of each, taken in turn."""
    conv = nn.Conv2d(32, 32, 3, padding=1, bias=False).to(memory_format=torch.channels_last)
    x = torch.randn(8, 32, 16, 16, generator=torch.Generator().manual_seed(0), requires_grad=True)
    x_last = x.to(memory_format=torch.channels_last)
    rounds = [(_seconds(conv, x_last, torch.float32), _seconds(conv, x_last, torch.bfloat16)) for _ in range(ROUNDS)]
    in_float32, in_bf16 = (min(seconds) for seconds in zip(*rounds, strict=True))
    return in_bf16 / in_float32


def _seconds(conv: nn.Conv2d, x: torch.Tensor, dtype: torch.dtype) -> float:
    """Of one step, no gradient of which is kept."""
    began = time.perf_counter()
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=dtype == torch.bfloat16):
        y = conv(x)
    torch.autograd.grad(y.float().sum(), (x, conv.weight))
    return time.perf_counter() - began
