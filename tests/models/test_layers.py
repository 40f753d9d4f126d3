"""Layers that every block is made of."""

import pytest
import torch
from torch import nn

from cheapconv.models.parts.layers import NARROW, Pointwise


@pytest.mark.parametrize("channels", [1, 3, 6, 7, 9, NARROW - 1, NARROW])
def test_a_narrow_strided_pointwise_convolution_has_the_gradient_of_its_formula(channels: int) -> None:
    torch.manual_seed(0)
    own = Pointwise(channels, 31, 1, 2, bias=False).to(memory_format=torch.channels_last)
    exact = nn.Conv2d(channels, 31, 1, 2, bias=False).double()
    exact.load_state_dict(own.state_dict())
    x = torch.randn(32, channels, 9, 8).contiguous(memory_format=torch.channels_last).requires_grad_(True)
    wide = x.detach().double().requires_grad_(True)
    weights = torch.randn(32, 31, 5, 4)
    (own(x) * weights).sum().backward()
    (exact(wide) * weights).sum().backward()
    assert own.weight.grad is not None
    assert exact.weight.grad is not None
    torch.testing.assert_close(own.weight.grad.double(), exact.weight.grad, rtol=1e-4, atol=1e-3)
    torch.testing.assert_close(x.grad.double(), wide.grad, rtol=1e-4, atol=1e-4)
