"""Convs: names, structure of their operators, geometry, refusals."""

import dataclasses

import pytest
import torch
from torch import nn

from cheapconv import catalog
from cheapconv.catalog.errors import UserError
from cheapconv.models.convs.bottleneck import Bottleneck, BottleneckGroup
from cheapconv.models.convs.group import Group
from cheapconv.models.convs.od_depthwise import ODDepthwise
from cheapconv.models.convs.od_group import ODGroup
from cheapconv.models.convs.od_shift import ODShift
from cheapconv.models.convs.standard import Standard
from cheapconv.models.convs.standard2x2 import Standard2x2
from cheapconv.models.parts.shift import Shift
from tests.models.examples import examples, spatial_operators

catalog.load()
OPERATORS = spatial_operators()


def layers(operator: nn.Module) -> list[str]:
    """The operator's layers in order: `3x3/2 g4` is a 3x3 convolution of stride 2 with 4 groups."""
    names = []
    for module in operator.modules():
        if isinstance(module, nn.Conv2d):
            assert module.bias is None
            groups = f" g{module.groups}" if module.groups > 1 else ""
            names.append(f"{module.kernel_size[0]}x{module.kernel_size[1]}/{module.stride[0]}{groups}")
        elif isinstance(module, nn.BatchNorm2d | nn.ReLU | Shift):
            names.append(type(module).__name__)
    return names


@pytest.mark.parametrize(
    ("spellings", "label"),
    [
        (["standard", "S"], "S"),
        (["standard2x2", "S-2x2"], "S-2x2"),
        (["depthwise", "G(N)", "G( N )", "G(N/1)", "group(group_width=1)"], "G(N)"),
        (["G(N/8)", "group(group_width=8)"], "G(N/8)"),
        (["G(8)", "group(groups=8)"], "G(8)"),
        (["B(2)", "bottleneck(b=2)"], "B(2)"),
        (["BG(2,M/8)", "BG(2, M/8)", "bottleneck_group(b=2, group_width=8)"], "BG(2,M/8)"),
        (["BG(2,M)", "bottleneck_group(group_width=1, b=2)"], "BG(2,M)"),
        (["BG(2,8)", "bottleneck_group(b=2, groups=8)"], "BG(2,8)"),
        (["od_shift", "shift(e=1)", "od_shift(expansion=1)"], "shift(e=1)"),
        (["od_depthwise", "od-dw"], "od-dw"),
        (["od_group", "od-group(8)", "od_group(groups=8)"], "od-group(8)"),
    ],
)
def test_spellings_mean_one_conv(spellings, label):
    convs = {catalog.parse("conv", text) for text in spellings}
    assert len(convs) == 1
    assert catalog.label("conv", convs.pop()) == label


def test_equal_networks_of_different_names_stay_different():
    assert catalog.parse("conv", "G(16)") != catalog.parse("conv", "G(N)")
    assert catalog.parse("conv", "B(1)") != catalog.parse("conv", "BG(1,1)")


@pytest.mark.parametrize(
    ("conv", "expected"),
    [
        (Standard(), ["3x3/2"]),
        (Standard2x2(), ["2x2/2"]),
        (Group(groups=4), ["3x3/2 g4", "BatchNorm2d", "ReLU", "1x1/1"]),
        (Group(group_width=4), ["3x3/2 g2", "BatchNorm2d", "ReLU", "1x1/1"]),
        (Bottleneck(b=2), ["1x1/1", "BatchNorm2d", "ReLU", "3x3/2", "BatchNorm2d", "ReLU", "1x1/1"]),
        (
            BottleneckGroup(b=2, group_width=1),
            ["1x1/1", "BatchNorm2d", "ReLU", "3x3/2 g8", "BatchNorm2d", "ReLU", "1x1/1"],
        ),
        (ODShift(), ["Shift", "1x1/2"]),
        (ODDepthwise(), ["3x3/1 g8", "1x1/2"]),
        (ODGroup(groups=2), ["3x3/1 g2", "1x1/2"]),
    ],
)
def test_order_of_layers_and_place_of_the_stride(conv, expected):
    assert layers(conv.operator(8, 16, stride=2)) == expected


@pytest.mark.parametrize("conv", OPERATORS, ids=catalog.canonical)
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize(("kernel_size", "dilation"), [(3, 1), (3, 2), (1, 1), (5, 1)])
@pytest.mark.parametrize("side", [7, 8])
def test_the_size_of_the_map_depends_on_the_stride_only(conv, stride, kernel_size, dilation, side):
    operator = conv.operator(16, 32, stride=stride, kernel_size=kernel_size, dilation=dilation)
    after = -(-side // stride)
    assert operator(torch.randn(2, 16, side, side)).shape == (2, 32, after, after)


def test_standard2x2_sees_the_corners_of_the_3x3():
    corners = Standard2x2().operator(1, 1)
    whole = nn.Conv2d(1, 1, 3, padding=1, bias=False)
    with torch.no_grad():
        whole.weight.zero_()
        whole.weight[:, :, ::2, ::2] = corners.weight
    x = torch.randn(1, 1, 6, 6)
    torch.testing.assert_close(corners(x), whole(x))


@pytest.mark.parametrize(
    ("text", "in_channels", "out_channels", "message"),
    [
        ("G(16)", 8, 32, r"group\(groups=16\) needs channels divisible by 16, got 8"),
        ("G(N/16)", 8, 32, r"group\(group_width=16\) needs channels divisible by 16, got 8"),
        ("BG(2,16)", 16, 16, r"bottleneck_group\(b=2, groups=16\) needs inner channels divisible by 16, got 8"),
        ("BG(2,M/16)", 16, 16, r"bottleneck_group\(b=2, group_width=16\) needs inner channels divisible by 16, got 8"),
        ("B(32)", 16, 16, r"bottleneck\(b=32\) needs at least 32 output channels, got 16"),
        ("od-group(8)", 12, 16, r"od_group\(groups=8\) needs channels divisible by 8, got 12"),
    ],
)
def test_channels_that_do_not_fit_are_refused_with_the_rule(text, in_channels, out_channels, message):
    with pytest.raises(ValueError, match=message):
        catalog.parse("conv", text).operator(in_channels, out_channels)


@pytest.mark.parametrize(
    "text", ["group", "group(groups=2, group_width=2)", "bottleneck_group(b=2)", "G(0)", "B(0)", "shift(e=0)"]
)
def test_impossible_parameters_are_refused(text):
    with pytest.raises(UserError):
        catalog.parse("conv", text)


@pytest.mark.parametrize("conv", OPERATORS, ids=catalog.canonical)
def test_even_kernels_are_refused(conv):
    with pytest.raises(ValueError, match="kernel_size"):
        conv.operator(16, 16, kernel_size=2)


@pytest.mark.parametrize("conv", examples("conv"), ids=catalog.canonical)
def test_convs_are_values(conv):
    assert hash(conv) == hash(dataclasses.replace(conv))
    for field in dataclasses.fields(conv):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(conv, field.name, 1)
