"""Which convolutions an architecture lets a conv replace, and what stands around them."""

import math

import pytest
import torch
from torch import nn

from cheapconv import catalog
from cheapconv.models.convs.standard import Standard
from cheapconv.models.meta import on_meta
from cheapconv.models.network import Network
from cheapconv.models.parts.single import Bias, single_operator
from cheapconv.models.size import count_params

catalog.load()


def build(architecture: str, conv: str) -> Network:
    with on_meta():
        return catalog.parse("architecture", architecture).build(catalog.parse("conv", conv), 10)


def kernels(network: Network) -> list[int]:
    return [m.kernel_size[0] for m in network.modules() if isinstance(m, nn.Conv2d)]


@pytest.mark.parametrize(
    ("architecture", "kept"),
    [
        ("VGG-16", {3: 1}),
        ("VGG-16-3FC", {3: 1}),
        ("AlexNet-C", {11: 1}),
        ("DenseNet-22-12", {3: 1, 1: 11}),  # nine bottlenecks and two transitions
        ("DenseNet-13-12-plain", {3: 1, 1: 2}),
        ("resnet_bottleneck(blocks=2)", {3: 1, 1: 15}),  # twelve of the blocks and three projections
        ("ResNet-18", {7: 1, 1: 3}),
        ("ResNet-34-C", {3: 1, 1: 3}),
        ("ResNet-8x4", {3: 1, 1: 3}),
        ("ShiftResNet-8", {3: 1, 1: 5}),
    ],
)
def test_spatial_convolutions_but_the_first_are_replaced(architecture, kept):
    replaced = [k for k in kernels(build(architecture, "standard2x2")) if k != 2]
    assert {kernel: replaced.count(kernel) for kernel in replaced} == kept


def test_the_5x5_of_alexnet_stays_a_5x5():
    assert kernels(build("AlexNet-C", "standard")) == [11, 5, 3, 3, 3]
    assert [k for k in kernels(build("AlexNet-C", "depthwise")) if k > 1] == [11, 5, 3, 3, 3]


def test_the_bias_stays_where_no_norm_follows():
    def biases(architecture: str, conv: str) -> int:
        network = build(architecture, conv)
        return sum(m.bias is not None for m in network.modules() if isinstance(m, nn.Conv2d | Bias))

    assert biases("AlexNet-C", "standard") == biases("AlexNet-C", "standard2x2") == biases("AlexNet-C", "G(4)") == 5
    assert biases("VGG-8", "standard") == biases("VGG-8", "standard2x2") == 5
    assert biases("VGG-8", "G(4)") == 1


def test_bias_is_added_to_each_channel():
    bias = Bias(2)
    with torch.no_grad():
        bias.bias.copy_(torch.tensor([1.0, -1.0]))
    assert bias(torch.zeros(1, 2, 1, 2)).tolist() == [[[[1, 1]], [[-1, -1]]]]


@pytest.mark.parametrize("architecture", ["VGG-8", "AlexNet-C", "DenseNet-40-12", "ResNet-110-B12"])
def test_a_wider_inside_is_refused_where_there_is_none(architecture):
    with pytest.raises(ValueError, match=r"od_shift\(expansion=3\) widens the inside of a residual block"):
        build(architecture, "shift(e=3)")
    assert single_operator(catalog.parse("conv", "shift(e=1)"), 8, 16)[1].out_channels == 16


@pytest.mark.parametrize("architecture", ["MobileNetV2", "MobileNetV2-half", "ShuffleNetV1", "ShuffleNetV2"])
def test_networks_that_are_cheap_already_refuse_other_convs_with_advice_that_is_true(architecture):
    advice = "cheaper by pointwise_group or pointwise_low_rank, or all of them narrower by thin"
    with pytest.raises(ValueError, match=rf"group\(groups=4\) has nothing to replace in \w+, .*{advice}"):
        build(architecture, "G(4)")
    params = [count_params(build(architecture, conv)) for conv in ("S", "PG(2)", "PLR_0.25")]
    assert params[0] > max(params[1:])


def test_vgg_starts_small():
    torch.manual_seed(0)
    network = catalog.parse("architecture", "VGG-8").build(Standard(), 100)
    convolutions = [m for m in network.modules() if isinstance(m, nn.Conv2d)]
    assert all((m.bias == 0).all() for m in [*convolutions, network.classifier])
    assert network.classifier.weight.std().item() == pytest.approx(0.01, rel=0.05)
    for module in convolutions:
        deviation = math.sqrt(2 / (9 * module.out_channels))
        assert module.weight.std().item() == pytest.approx(deviation, rel=4 / math.sqrt(2 * module.weight.numel()))


def test_alexnet_starts_as_pytorch_does():
    torch.manual_seed(0)
    network = catalog.parse("architecture", "AlexNet-C").build(Standard(), 10)
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            bound = 1 / math.sqrt(module.weight[0].numel())
            for values in (module.weight, module.bias):
                assert values.abs().max().item() == pytest.approx(bound, rel=0.1)


def test_mobilenet_drops_in_training_only():
    network = catalog.parse("architecture", "MobileNetV2").build(Standard(), 10)
    e = torch.ones(1, network.features)
    torch.manual_seed(0)
    assert not torch.equal(network.classify(e), network.classify(e))
    assert torch.equal(network.eval().classify(e), network.classifier(e))


def test_hidden_layers_of_vgg_end_in_a_relu():
    network = catalog.parse("architecture", "VGG-8-3FC").build(Standard(), 10)
    f = torch.randn(2, 512, 2, 2)
    e = network.embed(f)
    assert e.shape == (2, 512)
    assert e.min() == 0
    pooled = f.amax((2, 3))
    for layer in (network.hidden[0][0], network.hidden[1][0]):
        pooled = layer(pooled).relu()
    torch.testing.assert_close(e, pooled)
