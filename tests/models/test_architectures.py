"""Architectures: rules of their numbers, blocks against their equations, tap points, initialisation."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional

from cheapconv import catalog
from cheapconv.catalog.errors import UserError
from cheapconv.models.architectures.resnet import PostActivationBlock, ResNet
from cheapconv.models.architectures.resnet_od import ActivationBeforeAddBlock, ResNetOD
from cheapconv.models.architectures.resnet_tiny import BiasedBlock, ResNetTiny
from cheapconv.models.architectures.wrn import PreActivationBlock, WideResNet
from cheapconv.models.convs.bottleneck import Bottleneck, BottleneckGroup
from cheapconv.models.convs.group import Group
from cheapconv.models.convs.od_shift import ODShift
from cheapconv.models.convs.standard import Standard
from cheapconv.models.network import Network
from cheapconv.models.parts.layers import Pointwise
from cheapconv.models.parts.shift import Shift

catalog.load()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("wrn(depth=12, width=2)", r"6n \+ 4 .*not 12"),
        ("wrn(depth=4, width=2)", r"6n \+ 4 .*not 4"),
        ("wrn(depth=16, width=0)", "width must be greater than or equal to 1, not 0"),
        ("wrn(depth=16)", "width"),
        ("resnet(depth=18)", r"6n \+ 2 \(8, 14, 20, 38, ...\), not 18"),
        ("resnet_od(depth=2)", r"6n \+ 2 .*not 2"),
    ],
)
def test_impossible_numbers_are_refused_with_the_rule(text, message):
    with pytest.raises(UserError, match=message):
        catalog.parse("architecture", text)


def test_names_of_the_papers():
    assert catalog.parse("architecture", "WRN-40-2") == WideResNet(depth=40, width=2)
    assert catalog.parse("architecture", "ResNet-110") == ResNet(depth=110)
    assert catalog.parse("architecture", "ResNet-56-OD") == catalog.parse("architecture", "resnet_od") == ResNetOD()


@pytest.mark.parametrize("conv", [BottleneckGroup(b=2, groups=16), BottleneckGroup(b=2, group_width=16)])
def test_wrn_of_width_one_refuses_sixteen_groups_of_its_bottleneck(conv):
    with pytest.raises(ValueError, match=r"inner channels divisible by 16, got 8"):
        WideResNet(depth=16, width=1).build(conv, 10)


def weights(block: nn.Module) -> list[torch.Tensor]:
    return [module.weight for module in block.modules() if isinstance(module, nn.Conv2d)]


def norm(x: torch.Tensor) -> torch.Tensor:
    """BN of a fresh layer in training mode, in double precision."""
    mean, variance = x.mean((0, 2, 3), keepdim=True), x.var((0, 2, 3), correction=0, keepdim=True)
    return (x - mean) / (variance + 1e-5).sqrt()


def conv3x3(x: torch.Tensor, weight: torch.Tensor, stride: int = 1) -> torch.Tensor:
    return functional.conv2d(x, weight, stride=stride, padding=1)


@pytest.fixture
def x() -> torch.Tensor:
    return torch.randn(3, 4, 6, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def test_preactivation_block_shares_its_first_norm_with_the_shortcut(x):
    block = PreActivationBlock(Standard(), 4, 8, 2).double()
    first, second, shortcut = weights(block)
    o = norm(x).relu()
    expected = conv3x3(norm(conv3x3(o, first, 2)).relu(), second) + functional.conv2d(o, shortcut, stride=2)
    torch.testing.assert_close(block(x), expected)


def test_preactivation_identity_is_taken_before_the_norm(x):
    block = PreActivationBlock(Standard(), 4, 4, 1).double()
    first, second = weights(block)
    torch.testing.assert_close(block(x), conv3x3(norm(conv3x3(norm(x).relu(), first)).relu(), second) + x)


def test_postactivation_block_ends_in_a_relu(x):
    block = PostActivationBlock(Standard(), 4, 8, 2).double()
    first, second, shortcut = weights(block)
    path = norm(conv3x3(norm(conv3x3(x, first, 2)).relu(), second))
    torch.testing.assert_close(block(x), (path + norm(functional.conv2d(x, shortcut, stride=2))).relu())


def test_biased_block_has_no_norm_in_its_shortcut(x):
    block = BiasedBlock(Standard(), 4, 8, 2).double()
    convolutions = [module for module in block.modules() if isinstance(module, nn.Conv2d)]
    for i, convolution in enumerate(convolutions):
        nn.init.constant_(convolution.bias, i + 1)  # of those before a norm nothing is left
    first, second, shortcut = weights(block)
    path = norm(conv3x3(norm(conv3x3(x, first, 2)).relu(), second))
    torch.testing.assert_close(block(x), (path + functional.conv2d(x, shortcut, stride=2) + 3).relu())


def test_biased_blocks_have_biases_on_single_convolutions_alone():
    assert BiasedBlock(Standard(), 4, 4, 1).shortcut(1) == 1
    biases = {
        conv: [m.bias is not None for m in BiasedBlock(conv, 4, 8, 2).modules() if isinstance(m, nn.Conv2d)]
        for conv in (Standard(), Group(group_width=1))
    }
    assert biases == {Standard(): [True, True, True], Group(group_width=1): [False, False, False, False, True]}


def test_od_block_adds_after_its_last_relu(x):
    block = ActivationBeforeAddBlock(Standard(), 4, 8, 2).double()
    first, second, shortcut = weights(block)
    path = norm(conv3x3(norm(conv3x3(x, first, 2)).relu(), second)).relu()
    torch.testing.assert_close(block(x), path + norm(functional.conv2d(x, shortcut, stride=2)))


def test_od_block_of_shifts_strides_in_its_last_convolution():
    block = ActivationBeforeAddBlock(ODShift(expansion=3), 9, 18, 2)
    path = [m for m in block.path.modules() if isinstance(m, nn.Conv2d | Shift)]
    assert [type(m) for m in path] == [Shift, Pointwise, Shift, Pointwise]
    assert [(m.in_channels, m.out_channels, m.stride) for m in path[1::2]] == [(9, 54, (1, 1)), (54, 18, (2, 2))]


@pytest.mark.parametrize("block", [PreActivationBlock, PostActivationBlock, BiasedBlock, ActivationBeforeAddBlock])
def test_one_bottleneck_replaces_both_convolutions(block):
    spatial = [w for w in weights(block(Bottleneck(b=2), 16, 16, 1)) if w.shape[2] == 3]
    assert [w.shape for w in spatial] == [(8, 8, 3, 3)]


def first_and_last_layers(network: Network) -> tuple[nn.Module, nn.Module]:
    convolutions = [m for m in network.modules() if isinstance(m, nn.Conv2d)]
    return convolutions[0], network.classifier


@pytest.mark.parametrize(
    "architecture", [WideResNet(depth=10, width=2), ResNet(depth=8), ResNetOD(depth=8), ResNetTiny()]
)
def test_stem_shortcuts_and_classifier_are_never_replaced(architecture):
    standard, cheap = (architecture.build(conv, 10) for conv in (Standard(), Group(group_width=1)))
    for before, after in zip(first_and_last_layers(standard), first_and_last_layers(cheap), strict=True):
        assert repr(before) == repr(after)
    shortcuts = [repr(m) for name, m in standard.named_modules() if name.endswith("shortcut")]
    assert shortcuts
    assert shortcuts == [repr(m) for name, m in cheap.named_modules() if name.endswith("shortcut")]


def test_wrn_of_width_one_has_no_shortcut_convolution_in_its_first_stage():
    stage = WideResNet(depth=10, width=1).build(Standard(), 10).stage_modules[0]
    assert stage[0].shortcut is None


def test_taps_of_wrn_are_sums_and_those_of_resnet_follow_a_relu():
    images = torch.randn(2, 3, 8, 8)
    assert min(f.min() for f in WideResNet(depth=10, width=2).build(Standard(), 10).stages(images)) < 0
    assert min(f.min() for f in ResNet(depth=8).build(Standard(), 10).stages(images)) == 0


def test_wrn_embeds_the_pooled_relu_of_its_last_map():
    network = WideResNet(depth=10, width=2).build(Standard(), 10).double()
    f = torch.randn(3, 128, 4, 4, dtype=torch.float64)
    torch.testing.assert_close(network.embed(f), norm(f).relu().mean((2, 3)))


def test_resnet_embeds_the_pooled_last_map():
    f = torch.randn(3, 64, 4, 4)
    for architecture in (ResNet(depth=8), ResNetOD(depth=8)):
        torch.testing.assert_close(architecture.build(Standard(), 10).embed(f), f.mean((2, 3)))


@pytest.mark.parametrize(
    ("architecture", "fan"),
    [
        (WideResNet(depth=10, width=4), lambda w: w.shape[0] * w[0, 0].numel()),
        (ResNet(depth=8), lambda w: w.shape[0] * w[0, 0].numel()),
        (ResNetOD(depth=8), lambda w: w.shape[1] * w[0, 0].numel()),
        (ResNetTiny(), lambda w: w.shape[1] * w[0, 0].numel()),
    ],
    ids=["wrn: fan out", "resnet: fan out", "resnet_od: fan in", "resnet_tiny: fan in"],
)
@pytest.mark.parametrize("conv", [Standard(), Group(groups=4)])
def test_convolutions_start_with_the_deviation_of_their_source(architecture, fan, conv):
    torch.manual_seed(0)
    network = architecture.build(conv, 10)
    for weight in weights(network):
        tolerance = 4 / math.sqrt(2 * weight.numel())  # four standard errors of a standard deviation
        assert weight.std().item() == pytest.approx(math.sqrt(2 / fan(weight)), rel=tolerance)


def test_norms_and_biases_start_neutral():
    network = WideResNet(depth=10, width=2).build(Standard(), 10)
    norms = [m for m in network.modules() if isinstance(m, nn.BatchNorm2d)]
    assert all((m.weight == 1).all() and (m.bias == 0).all() and m.eps == 1e-5 and m.momentum == 0.1 for m in norms)
    assert (network.classifier.bias == 0).all()


def test_every_bias_of_resnet_tiny_starts_at_zero_and_its_classifier_as_its_convolutions():
    torch.manual_seed(0)
    network = ResNetTiny().build(Standard(), 1000)
    layers = [m for m in network.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    assert len(layers) == 10
    assert all((layer.bias == 0).all() for layer in layers)
    assert network.classifier.weight.std().item() == pytest.approx(math.sqrt(2 / 64), rel=0.02)
