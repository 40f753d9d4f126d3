"""Batch norm's kernels in Triton's interpreter, against PyTorch in float64; test_gpu_norm.py runs this in a process
with TRITON_INTERPRET=1, since Triton decides when it is imported."""

import copy

import pytest
import torch
from torch import Tensor, nn

from cheapconv.models.parts.gpu_norm import TILINGS, Tiling, fits, normalised

TINY = Tiling(reduced=512, moved=512, combined=2)  # so that small maps have several chunks, combined in several rounds


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(0)


def layer(channels: int) -> nn.BatchNorm2d:
    norm = nn.BatchNorm2d(channels, momentum=0.3, eps=1e-3)
    nn.init.uniform_(norm.weight, 0.5, 2)
    nn.init.normal_(norm.bias)
    return norm


def images(*shape: int) -> Tensor:
    return (3 * torch.randn(shape) + 1).contiguous(memory_format=torch.channels_last)


def gradients(y: Tensor, norm: nn.BatchNorm2d, x: Tensor) -> tuple[Tensor, ...]:
    """Of x, weight and bias; that of y is exact in 16 bits, and not alike in any two places."""
    g = torch.cos(torch.arange(y.numel())).view_as(y).half().to(y.dtype)
    return torch.autograd.grad(y, (x, norm.weight, norm.bias), g)


@pytest.mark.parametrize(
    ("shape", "dtype"),
    [
        ((3, 1, 5, 9), torch.float32),
        ((4, 3, 7, 5), torch.float32),
        ((3, 20, 5, 7), torch.float16),
        ((2, 130, 3, 3), torch.float32),
        ((1, 8, 1, 2), torch.float32),
    ],
)
def test_steps_equal_the_librarys(shape: tuple[int, ...], dtype: torch.dtype) -> None:
    norm = layer(shape[1])
    oracle = copy.deepcopy(norm).double()
    rough = 2e-3 if dtype == torch.float16 else 1e-4
    for _ in range(2):
        x = images(*shape).to(dtype).requires_grad_()
        exact = x.detach().double().requires_grad_()
        assert fits(norm, x)
        y, expected = normalised(norm, x, TINY), oracle(exact)
        assert (y.dtype, y.stride()) == (dtype, x.stride())
        torch.testing.assert_close(y.double(), expected, rtol=rough, atol=rough)
        for got, wanted in zip(gradients(y, norm, x), gradients(expected, oracle, exact), strict=True):
            torch.testing.assert_close(got.double(), wanted, rtol=rough, atol=rough)
    assert norm.num_batches_tracked == 2
    torch.testing.assert_close(norm.running_mean.double(), oracle.running_mean, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(norm.running_var.double(), oracle.running_var, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("tiling", TILINGS.values(), ids=TILINGS)
def test_every_tiling_gives_the_same(tiling: Tiling) -> None:
    norm, x = layer(6), images(2, 6, 30, 30).requires_grad_()
    oracle = copy.deepcopy(norm)
    y, expected = normalised(norm, x, tiling), oracle(x)
    torch.testing.assert_close(y, expected)
    torch.testing.assert_close(gradients(y, norm, x), gradients(expected, oracle, x), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(norm.state_dict(), oracle.state_dict())


def test_a_small_spread_far_from_zero_is_kept() -> None:
    """E[x^2] - E[x]^2 would be noise: a float32's last digit is 0.06 at 1000^2, and the variance 0.0001."""
    norm = nn.BatchNorm2d(3, momentum=1, eps=1e-12)
    x = (1000 + 0.01 * torch.randn(8, 3, 9, 9)).contiguous(memory_format=torch.channels_last)
    y = normalised(norm, x, TINY)
    variance, mean = torch.var_mean(x.double(), (0, 2, 3), keepdim=True)
    digit = 2.0**-14  # of a float32 at 1000: the mean that is kept is off by half of it
    torch.testing.assert_close(norm.running_mean.double(), mean.flatten(), rtol=0, atol=0.51 * digit)
    torch.testing.assert_close(norm.running_var.double(), variance.flatten(), rtol=1e-6, atol=0)
    expected = (x.double() - mean) / torch.sqrt(variance * 647 / 648 + 1e-12)
    torch.testing.assert_close(y.double(), expected, rtol=1e-4, atol=0.51 * digit / 0.0095)


@pytest.mark.parametrize("wanted", [(True, False, False), (False, True, False), (False, False, True)])
def test_only_what_is_learned_gets_a_gradient(wanted: tuple[bool, bool, bool]) -> None:
    norm, x = layer(5), images(2, 5, 4, 4)
    learned = x, norm.weight, norm.bias
    for tensor, asked in zip(learned, wanted, strict=True):
        tensor.requires_grad_(asked)
    oracle, same = copy.deepcopy(norm), x.detach().clone().requires_grad_(wanted[0])
    normalised(norm, x, TINY).square().sum().backward()
    oracle(same).square().sum().backward()
    assert [t.grad is not None for t in learned] == list(wanted)
    for tensor, other in zip(learned, (same, oracle.weight, oracle.bias), strict=True):
        torch.testing.assert_close(tensor.grad, other.grad, rtol=1e-4, atol=1e-4)


def test_what_follows_may_write_over_it_and_give_any_gradient() -> None:
    norm, x = layer(5), images(2, 5, 4, 4).requires_grad_()
    oracle, same = copy.deepcopy(norm), x.detach().clone().requires_grad_()
    for module, given in ((norm, x), (oracle, same)):
        y = normalised(module, given, TINY) if module is norm else module(given)
        y = nn.functional.relu(y, inplace=True)
        (y.mean() + y[:, :, ::2].contiguous().exp().sum()).backward()
    torch.testing.assert_close(x.grad, same.grad, rtol=1e-4, atol=1e-4)


def test_it_can_be_differentiated_twice() -> None:
    norm, x = layer(3), images(2, 3, 4, 4).requires_grad_()
    oracle, exact = copy.deepcopy(norm).double(), x.detach().double().requires_grad_()
    found = []
    for module, given in ((norm, x), (oracle, exact)):
        y = normalised(module, given, TINY) if module is norm else module(given)
        slope = torch.autograd.grad(y.exp().sum(), given, create_graph=True)[0]
        found.append(torch.autograd.grad(slope.square().sum(), (given, module.weight)))
    for got, wanted in zip(*found, strict=True):
        torch.testing.assert_close(got.double(), wanted, rtol=1e-3, atol=1e-3)


def test_an_earlier_graph_that_needs_the_running_statistics_complains() -> None:
    norm, x = layer(3), images(2, 3, 4, 4).requires_grad_()
    y = norm.eval()(x)
    normalised(norm.train(), x.detach(), TINY)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()
