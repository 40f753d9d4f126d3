"""Cheap convolutions: forward and backward of one operator, 64 to 64 channels on maps of 16 x 16, batch 32.

Fewer multiply-adds are not always less time: grouped and depthwise convolutions are bound by memory.
"""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from cheapconv import catalog
from cheapconv.models.parts.shift import Shift

CONVS = ["standard", "G(2)", "G(4)", "G(16)", "G(N/8)", "G(N)", "B(2)", "BG(2,M/8)", "shift(e=1)", "od-dw"]
CHANNELS, SIDE, BATCH = 64, 16, 32


def random_maps() -> Tensor:
    """(B, C, H, W), channels last."""
    return torch.randn(BATCH, CHANNELS, SIDE, SIDE).to(memory_format=torch.channels_last)


def both_ways(operator: nn.Module) -> Callable[[], None]:
    """Forward and backward of a module, from given maps and a given gradient."""
    x, gradient = random_maps().requires_grad_(), random_maps()
    operator = operator.to(memory_format=torch.channels_last)

    def work() -> None:
        operator(x).backward(gradient)

    return work


@pytest.mark.benchmark(group="operator, forward and backward")
@pytest.mark.parametrize("conv", CONVS)
def test_operator(repeat: Callable, conv: str) -> None:
    catalog.load()
    repeat(both_ways(catalog.parse("conv", conv).operator(CHANNELS, CHANNELS)))


def one_hot_depthwise() -> nn.Conv2d:
    """The same function as `Shift`, as a depthwise convolution with one 1 in each kernel."""
    kernels = torch.zeros(CHANNELS, 9)
    moved = CHANNELS - CHANNELS % 9
    kernels[torch.arange(moved), torch.arange(moved) % 9] = 1
    kernels[moved:, 4] = 1  # the channels that are left over stay
    conv = nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1, groups=CHANNELS, bias=False)
    conv.weight = nn.Parameter(kernels.view(CHANNELS, 1, 3, 3), requires_grad=False)
    return conv


@pytest.mark.benchmark(group="shift, forward and backward")
@pytest.mark.parametrize("form", ["slices", "one-hot depthwise"])
def test_shift(repeat: Callable, form: str) -> None:
    operator = Shift() if form == "slices" else one_hot_depthwise()
    x = torch.randn(2, CHANNELS, SIDE, SIDE)
    torch.testing.assert_close(operator(x), Shift()(x))
    repeat(both_ways(operator))
