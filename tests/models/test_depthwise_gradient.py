"""Gradients of depthwise convolutions in bf16, by way of float32."""

import pytest
import torch
from torch import nn
from torch.nn.functional import conv2d

from cheapconv.models.parts import depthwise_gradient
from cheapconv.models.parts.depthwise_gradient import QuickDepthwise
from cheapconv.models.quick import quicken

CPU = torch.device("cpu")


def layer(**options: object) -> nn.Conv2d:
    torch.manual_seed(0)
    conv = nn.Conv2d(8, 8, **{"kernel_size": 3, "padding": 1, "groups": 8, "bias": False, **options})  # type: ignore[arg-type]
    quicken(conv, CPU)
    assert type(conv) is QuickDepthwise
    return conv


OTHERS = [
    {"stride": 2},
    {"kernel_size": 5, "padding": 2},
    {"kernel_size": (3, 1), "padding": (1, 0), "stride": (2, 1)},
    {"dilation": 2, "padding": 2},
]


@pytest.mark.parametrize("options", OTHERS)
def test_gradients_are_those_of_the_same_numbers(options):
    conv, x = layer(**options), torch.randn(4, 8, 9, 9, generator=torch.Generator().manual_seed(1)).requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        y = conv(x)
    assert y.dtype == torch.bfloat16
    g = torch.randn(y.shape, generator=torch.Generator().manual_seed(2)).bfloat16()
    found = torch.autograd.grad(y, (x, conv.weight), g)
    exact_x, exact_w = (t.detach().bfloat16().double().requires_grad_() for t in (x, conv.weight))
    exact = conv2d(exact_x, exact_w, None, conv.stride, conv.padding, conv.dilation, 8)
    assert (y.double() - exact).norm() <= 3e-3 * exact.norm()
    for ours, right in zip(found, torch.autograd.grad(exact, (exact_x, exact_w), g.double()), strict=True):
        assert ours.dtype == torch.float32
        assert (ours.double() - right).norm() <= 3e-3 * right.norm()


@pytest.mark.parametrize("frozen", [True, False])
def test_a_gradient_that_nobody_wants_is_not_made(frozen):
    conv, x = layer(stride=2), torch.randn(2, 8, 6, 6).requires_grad_(frozen)
    conv.weight.requires_grad_(not frozen)
    with torch.autocast("cpu", torch.bfloat16):
        conv(x).float().sum().backward()
    assert (x.grad is not None, conv.weight.grad is not None) == (frozen, not frozen)


def test_it_can_be_differentiated_twice():
    conv, drawn = layer(stride=2), torch.randn(2, 8, 6, 6, generator=torch.Generator().manual_seed(3)).bfloat16()
    found = []
    for dtype in (torch.bfloat16, torch.float64):
        x, w = drawn.to(dtype).requires_grad_(), conv.weight.detach().bfloat16().to(dtype).requires_grad_()
        conv.weight = nn.Parameter(w)
        y = conv(x) if dtype == torch.bfloat16 else conv2d(x, conv.weight, None, 2, 1, 1, 8)
        (g,) = torch.autograd.grad(y.pow(3).sum(), x, create_graph=True)
        found.append(torch.autograd.grad(g.pow(2).sum(), conv.weight)[0].double())
    assert (found[0] - found[1]).norm() <= 0.03 * found[1].norm()


def test_numbers_of_another_kind_are_convolved_as_the_library_does():
    conv, x = layer(stride=2), torch.randn(2, 8, 6, 6)
    with pytest.raises(RuntimeError) as ours:
        conv(x.bfloat16())
    with pytest.raises(RuntimeError) as theirs:  # in words that depend on the processor
        conv2d(x.bfloat16(), conv.weight, stride=2, padding=1, groups=8)
    assert str(ours.value) == str(theirs.value)
    with torch.autocast("cpu", torch.bfloat16):
        assert conv.double()(x.double()).dtype == torch.float64


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"kernel_size": (3, 1), "padding": (1, 0)},
        {"stride": 2, "groups": 4},
        {"stride": 2, "bias": True},
        {"stride": 2, "padding_mode": "reflect"},
    ],
)
def test_the_library_does_the_rest(options, monkeypatch):
    monkeypatch.setattr(depthwise_gradient, "_Depthwise", None)  # would fail if it were called
    with torch.autocast("cpu", torch.bfloat16):
        assert layer(**options)(torch.randn(2, 8, 6, 6)).isfinite().all()


def test_float32_is_the_librarys(monkeypatch):
    monkeypatch.setattr(depthwise_gradient, "_Depthwise", None)
    assert layer(stride=2)(torch.randn(2, 8, 6, 6)).isfinite().all()
