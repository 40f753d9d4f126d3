"""The shift operation against its definition."""

import pytest
import torch
from ptflops import get_model_complexity_info
from torch import nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from cheapconv.models.parts.shift import Shift, _move, shift
from cheapconv.models.parts.shift_kernel import shifted
from tests.models.interpreted import interpreted

FORMATS = [torch.contiguous_format, torch.channels_last]


def one_hot_weight(channels: int) -> torch.Tensor:
    """Depthwise kernels (C, 1, 3, 3) that do the same: a one at row 1 + dy, column 1 + dx."""
    weight = torch.zeros(channels, 1, 3, 3)
    for c in range(channels):
        dx, dy = (c % 3 - 1, c // 3 % 3 - 1) if c < channels // 9 * 9 else (0, 0)
        weight[c, 0, 1 + dy, 1 + dx] = 1
    return weight


@pytest.mark.parametrize("channels", [16, 32, 64])
def test_single_pixel_moves_against_the_offset(channels):
    x = torch.zeros(1, channels, 8, 8)
    x[:, :, 3, 4] = 1
    y = shift(x)
    for c in range(channels):
        dx, dy = (c % 3 - 1, c // 3 % 3 - 1) if c < channels // 9 * 9 else (0, 0)
        assert y[0, c].nonzero().tolist() == [[3 - dy, 4 - dx]], c


def test_left_over_channels_stay():
    x = torch.randn(2, 16, 5, 5)
    y = shift(x)
    assert torch.equal(y[:, 9:], x[:, 9:])
    assert torch.equal(y[:, 4], x[:, 4])
    assert torch.equal(shift(x[:, :8]), x[:, :8])


@pytest.mark.parametrize("memory_format", FORMATS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_equals_a_one_hot_depthwise_convolution(memory_format, dtype):
    x = torch.randn(2, 20, 6, 7).to(dtype).to(memory_format=memory_format)
    y = shift(x)
    assert y.dtype == dtype
    assert y.is_contiguous(memory_format=memory_format)
    assert torch.equal(y, functional.conv2d(x, one_hot_weight(20).to(dtype), padding=1, groups=20))


def test_gradient_shifts_back():
    x = torch.randn(2, 20, 4, 5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(shift, (x,))
    assert torch.autograd.gradgradcheck(shift, (x,))
    gradient = torch.zeros(2, 20, 4, 5, dtype=torch.float64)
    gradient[:, 0, 2, 2] = 1  # channel 0 has dx = dy = -1: y[2, 2] was x[1, 1]
    shift(x).backward(gradient)
    assert x.grad is not None
    assert x.grad[:, 0].nonzero().tolist() == [[0, 1, 1], [1, 1, 1]]


def test_larger_kernel_and_dilation():
    x = torch.zeros(1, 25, 9, 9)
    x[:, :, 4, 4] = 1
    assert shift(x, kernel_size=5)[0, 0].nonzero().tolist() == [[6, 6]]
    assert shift(x, kernel_size=3, dilation=2)[0, 0].nonzero().tolist() == [[6, 6]]
    assert torch.equal(shift(x, kernel_size=1), x)


def test_a_map_smaller_than_the_offset_is_shifted_out():
    assert shift(torch.ones(1, 9, 1, 1)).flatten().tolist() == [0, 0, 0, 0, 1, 0, 0, 0, 0]
    assert shift(torch.ones(1, 9, 2, 2), dilation=3).sum() == 4


def test_module_has_no_state_and_refuses_even_kernels():
    assert not Shift().state_dict()
    with pytest.raises(ValueError, match="odd kernel_size, got 2"):
        Shift(kernel_size=2)


@pytest.mark.parametrize("options", [{}, {"dilation": 2}, {"kernel_size": 5}])
def test_it_is_deployed_as_a_depthwise_convolution(options):
    module, x = Shift(**options, channels=30), torch.randn(2, 30, 7, 6)
    found = module.as_deployed()
    assert isinstance(found, nn.Conv2d)
    assert found.groups == 30
    assert torch.equal(found(x), module(x))
    assert found.weight.sum() == 30
    assert Shift(**options).as_deployed()(x).equal(module(x))


@pytest.mark.parametrize("memory_format", FORMATS)
@pytest.mark.parametrize("options", [{}, {"dilation": 2}, {"kernel_size": 5}, {"dilation": 4}])
def test_every_way_of_moving_gives_the_same_bits(memory_format, options):
    x = torch.randn(3, 30, 7, 6).to(memory_format=memory_format)  # 30: of 25 offsets and of 9, some are left over
    for towards in (1, -1):
        given = {"kernel_size": 3, "dilation": 1, **options}
        given["dilation"] *= towards
        moved = _move(x, **given)
        with torch.autocast("cpu", torch.bfloat16):  # which must not round what is only moved
            convolved = torch.ops.cheapconv.shift(x, **given)
        assert torch.equal(convolved, moved)
        assert convolved.is_contiguous(memory_format=memory_format)


def test_nobody_counts_multiply_adds():
    x = torch.randn(1, 18, 8, 8).to(memory_format=torch.channels_last)
    with FlopCounterMode(display=False) as counter:
        shift(x)
    assert counter.get_total_flops() == 0
    network = nn.Sequential(Shift(), nn.Conv2d(18, 4, 1, bias=False))
    macs, _ = get_model_complexity_info(network, (18, 8, 8), as_strings=False, print_per_layer_stat=False)
    assert macs == 18 * 4 * 64


@pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")  # PyTorch 2.11's own tracer does
def test_compiles_without_a_graph_break():
    x = torch.randn(2, 16, 4, 4, requires_grad=True)
    compiled = torch.compile(shift, backend="aot_eager", fullgraph=True)
    expected, got = (torch.autograd.grad(f(x).square().sum(), x)[0] for f in (shift, compiled))
    assert torch.equal(got, expected)


@pytest.mark.gpu
@pytest.mark.parametrize("memory_format", FORMATS)
def test_cuda_equals_cpu(memory_format):
    x = torch.randn(4, 20, 8, 8).to(memory_format=memory_format).requires_grad_()
    on_gpu = x.detach().cuda().requires_grad_()
    shift(x).square().sum().backward()
    shift(on_gpu).square().sum().backward()
    assert x.grad is not None
    assert on_gpu.grad is not None
    assert torch.equal(shift(on_gpu).cpu(), shift(x))
    assert torch.equal(on_gpu.grad.cpu(), x.grad)


@interpreted
@pytest.mark.parametrize("memory_format", FORMATS)
@pytest.mark.parametrize("given", [(3, 1), (3, -1), (5, 1), (3, 2)])
@pytest.mark.parametrize("shape", [(2, 20, 8, 8), (3, 9, 5, 7), (1, 4, 3, 3), (2, 27, 1, 6)])
def test_the_kernel_moves_the_same(shape, given, memory_format):
    x = torch.randn(shape).to(memory_format=memory_format)
    found = shifted(x, *given)
    assert torch.equal(found, _move(x, *given))
    assert found.stride() == x.stride()
