"""Grouped convolutions by kernels, against the library's in float64."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d

from cheapconv.models.parts import grouped_kernel
from cheapconv.models.parts.grouped_kernel import QuickConv2d, _fits, _largest, _readable, grouped
from cheapconv.models.quick import quicken
from tests.models.interpreted import interpreted

CPU, NHWC = torch.device("cpu"), torch.channels_last
Numbers = tuple[int, int, int]  # stride, padding, dilation

# (channels, of a group, numbers, image)
CASES: list[tuple[int, int, Numbers, tuple[int, int]]] = [
    (32, 2, (1, 1, 1), (6, 5)),  # eight groups in a tile
    (32, 8, (2, 1, 1), (7, 6)),  # of what a step of two leaves over
    (16, 4, (1, 2, 2), (5, 5)),
    (64, 32, (1, 1, 1), (3, 3)),  # a group that is larger than the smallest tile
    (32, 16, (2, 0, 1), (8, 9)),
]


def drawn(channels: int, group: int, image: tuple[int, int], device: torch.device) -> tuple[Tensor, Tensor]:
    """Images and weights, which want gradients."""
    generator = torch.Generator().manual_seed(channels + group)
    x = torch.randn(3, channels, *image, generator=generator).contiguous(memory_format=NHWC)
    w = torch.randn(channels, group, 3, 3, generator=generator)
    return x.to(device).requires_grad_(), w.to(device).requires_grad_()


def compare(x: Tensor, w: Tensor, numbers: Numbers, error: float) -> None:
    """Outputs and both gradients, to a relative error."""
    y = grouped(x, w, *numbers)
    expected = conv2d(x.double(), w.double(), None, *numbers, groups=x.shape[1] // w.shape[1])
    g = torch.randn(expected.shape, dtype=y.dtype, device=y.device)
    ours = (y, *torch.autograd.grad(y, (x, w), g))
    theirs = (expected, *torch.autograd.grad(expected, (x, w), g.double()))
    assert y.is_contiguous(memory_format=NHWC)
    for found, right in zip(ours, theirs, strict=True):
        assert found.shape == right.shape
        assert (found.double() - right).norm() <= error * right.norm()


@interpreted
@pytest.mark.parametrize(("channels", "group", "numbers", "image"), CASES)
def test_it_is_the_convolution(channels, group, numbers, image):
    x, w = drawn(channels, group, image, CPU)
    compare(x, w, numbers, 1e-6)


@interpreted
@pytest.mark.parametrize("which", [0, 1])
def test_a_gradient_that_nobody_wants_is_not_made(which, monkeypatch):
    x, w = drawn(16, 2, (4, 4), CPU)
    wanted = (x, w)[which]
    (x, w)[1 - which].requires_grad_(False)
    monkeypatch.setattr(grouped_kernel, ("weight_gradient", "input_gradient")[which], None)
    (gradient,) = torch.autograd.grad(grouped(x, w, 1, 1, 1).sum(), wanted)
    assert gradient.shape == wanted.shape


@pytest.mark.parametrize(
    "conv",
    [
        nn.Conv2d(16, 16, 3),  # no groups
        nn.Conv2d(16, 16, 3, groups=16),  # depthwise, for which the library is quick
        nn.Conv2d(48, 48, 3, groups=16, bias=False),  # of three
        nn.Conv2d(32, 64, 3, groups=2, bias=False),
        nn.Conv2d(32, 32, 5, groups=2, bias=False),
        nn.Conv2d(32, 32, 3, groups=2),  # with a bias
        nn.Conv2d(32, 32, 3, padding="same", groups=2, bias=False),
        nn.Conv2d(32, 32, 3, padding=1, groups=2, bias=False, padding_mode="reflect"),
        nn.Conv2d(32, 32, 3, padding=(1, 0), groups=2, bias=False),
        nn.Conv2d(8, 8, 3, groups=2, bias=False),  # less than a tile
        nn.Conv2d(256, 256, 3, groups=2, bias=False),  # a group that is larger than a tile
    ],
)
def test_what_has_no_kernel_is_the_librarys(conv):
    assert not _fits(conv, 64)


def test_a_convolution_in_groups_of_a_power_of_two_has_one():
    assert _fits(nn.Conv2d(32, 32, 3, padding=1, groups=4, bias=False), 32)
    x = torch.empty(1, 32, 4, 4)
    assert [_readable(x.contiguous(memory_format=NHWC)), _readable(x), _readable(x.double())] == [True, False, False]


def test_the_same_network_takes_the_quick_way():
    network = nn.Sequential(nn.Conv2d(32, 32, 3, groups=4, bias=False), nn.BatchNorm2d(32))
    before = network.state_dict()
    quicken(network, torch.device("meta"))
    assert type(network[0]) is nn.Conv2d
    quicken(network, torch.device("cuda"))
    assert type(network[0]) is QuickConv2d
    assert network.state_dict().keys() == before.keys()
    x = torch.randn(2, 32, 5, 5)
    assert torch.equal(network[0](x), conv2d(x, before["0.weight"], groups=4))  # no GPU: the library's


TYPES = torch.float32, torch.bfloat16, torch.float16, torch.float64


def test_groups_of_64_channels_have_one_in_half_precision():
    conv, shared = nn.Conv2d(128, 128, 3, padding=1, groups=2, bias=False), 232_448  # an H100's
    assert [_fits(conv, _largest(dtype, shared)) for dtype in TYPES] == [False, True, True, False]


def test_on_a_gpu_whose_blocks_share_less_memory_they_are_half_as_large():
    """The kernel of the weights' gradient takes 128 KiB for the largest there, and 64 KiB for half as large."""
    assert [_largest(dtype, 101_376) for dtype in TYPES] == [16, 32, 32, 0]


@interpreted
def test_what_follows_may_be_done_in_place():
    x, w = drawn(16, 2, (4, 4), CPU)
    found, expected = grouped(x, w, 1, 1, 1).relu_().sum(), conv2d(x, w, None, 1, 1, 1, groups=8).relu_().sum()
    for ours, theirs in zip(torch.autograd.grad(found, (x, w)), torch.autograd.grad(expected, (x, w)), strict=True):
        torch.testing.assert_close(ours, theirs)


@pytest.mark.gpu
@pytest.mark.parametrize("autocast", [False, True])
def test_a_layer_of_groups_of_64_channels_trains_on_a_gpu(autocast):
    x, w = drawn(128, 64, (8, 8), torch.device("cuda"))
    layer = QuickConv2d(128, 128, 3, padding=1, groups=2, bias=False).to("cuda")
    layer.load_state_dict({"weight": w.detach()})
    with torch.autocast("cuda", torch.bfloat16, enabled=autocast):
        y = layer(x)
    y.sum().backward()
    assert y.dtype == (torch.bfloat16 if autocast else torch.float32)
    expected = conv2d(x.double(), w.double(), padding=1, groups=2)
    right = torch.autograd.grad(expected.sum(), w)[0]
    assert layer.weight.grad is not None
    assert (layer.weight.grad.double() - right).norm() <= (1e-2 if autocast else 1e-4) * right.norm()


SINGLE, HALF = (torch.float32, 3e-6), (torch.bfloat16, 1e-2)


@pytest.mark.gpu
@pytest.mark.parametrize(
    ("channels", "group", "numbers", "image", "dtype", "error"),
    [
        *[(*case, *precision) for case in CASES for precision in (SINGLE, HALF)],
        *[(32, 2, (1, 1, 1), (32, 32), *precision) for precision in (SINGLE, HALF)],
        *[(64, 4, (2, 1, 1), (32, 32), *precision) for precision in (SINGLE, HALF)],
        (128, 64, (1, 1, 1), (8, 8), *HALF),
    ],
)
def test_it_is_the_convolution_on_a_gpu(channels, group, numbers, image, dtype, error):
    x, w = drawn(channels, group, image, torch.device("cuda"))
    compare(x.detach().to(dtype).requires_grad_(), w.detach().to(dtype).requires_grad_(), numbers, error)


@pytest.mark.gpu
def test_it_is_cast_and_repeats_its_bits():
    conv = nn.Conv2d(32, 32, 3, padding=1, groups=4, bias=False).cuda()
    quicken(conv, torch.device("cuda"))
    x = torch.randn(64, 32, 16, 16, device="cuda").contiguous(memory_format=NHWC).requires_grad_()
    found = []
    for _ in range(2):
        with torch.autocast("cuda", torch.bfloat16):
            y = conv(x)
        assert y.dtype == torch.bfloat16
        found.append((y, *torch.autograd.grad(y.float().square().sum(), (x, conv.weight))))
    assert [gradient.dtype for gradient in found[0][1:]] == [torch.float32] * 2
    assert all(torch.equal(*pair) for pair in zip(*found, strict=True))
