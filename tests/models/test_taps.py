"""Where the maps of each architecture are taken: number, channels, sides, before or after activation."""

import pytest
import torch
from torch import nn

from cheapconv import catalog
from cheapconv.models.convs.standard import Standard
from cheapconv.models.meta import on_meta
from cheapconv.models.network import Network
from cheapconv.models.parts.pre_activation import EndsInReLU, before_relu

catalog.load()

TAPS = {  # name: side of the images, channels of the maps, sides of the maps, post-activation
    "WRN-10-2": (32, [32, 64, 128], [32, 16, 8], False),
    "ResNet-8": (32, [16, 32, 64], [32, 16, 8], True),
    "ResNet-8-OD": (32, [16, 32, 64], [32, 16, 8], False),
    "ResNet-8x4": (32, [64, 128, 256], [32, 16, 8], True),
    "ShiftResNet-8": (32, [16, 32, 64], [32, 16, 8], False),
    "WRN-20-8-B": (32, [64, 128, 256], [32, 16, 8], True),
    "ResNet-50-C": (32, [256, 512, 1024, 2048], [32, 16, 8, 4], True),
    "ResNet-18": (224, [64, 128, 256, 512], [56, 28, 14, 7], True),
    "VGG-13": (32, [128, 256, 512, 512], [16, 8, 4, 4], True),
    "VGG-16-3FC": (32, [128, 256, 512, 512], [16, 8, 4, 2], True),
    "AlexNet-C": (32, [192, 384, 256, 256], [4, 2, 2, 2], True),
    "DenseNet-40-12": (32, [96, 120, 132], [32, 16, 8], False),
    "DenseNet-40-12-plain": (32, [168, 312, 456], [32, 16, 8], False),
    "MobileNetV2": (224, [24, 32, 96, 320], [56, 28, 14, 7], False),
    "MobileNetV2-half": (32, [12, 16, 48, 160], [16, 8, 4, 2], False),
    "ShuffleNetV1": (32, [240, 480, 960], [16, 8, 4], True),
    "ShuffleNetV2": (32, [116, 232, 464], [16, 8, 4], True),
}


def build(name: str) -> Network:
    return catalog.parse("architecture", name).build(Standard(), 10)


@pytest.mark.parametrize("name", TAPS)
def test_maps_are_taken_where_the_literature_takes_them(name):
    side, channels, sides, post_activation = TAPS[name]
    with on_meta():
        network = build(name).eval()
        maps = network.stages(torch.empty(1, 3, side, side))
    assert [tuple(f.shape[1:]) for f in maps] == [(c, s, s) for c, s in zip(channels, sides, strict=True)]
    assert network.post_activation == post_activation


@pytest.mark.parametrize("name", ["ResNet-8", "ShuffleNetV1", "ShuffleNetV2", "ResNet-110-B12"])
def test_maps_before_activation_train_the_network_alike(name):
    network, x = build(name), torch.randn(4, 3, 16, 16)
    torch.testing.assert_close(network.head(network.stages(x, pre_activation=True)[-1].relu()), network(x))


def test_pre_activation_maps_start_at_a_stage_too():
    network = build("ResNet-8").eval()
    x = torch.randn(2, 3, 16, 16)
    first = network.stages(x)[0]
    assert torch.equal(network.stages(first, 1, pre_activation=True)[0], network.stages(x, pre_activation=True)[1])


def test_before_relu_stops_before_a_relu_that_overwrites():
    layers = nn.Sequential(nn.Sequential(nn.Identity()), nn.Sequential(nn.BatchNorm2d(2), nn.ReLU(inplace=True)))
    x = torch.randn(3, 2, 4, 4)
    torch.testing.assert_close(before_relu(layers, x), nn.BatchNorm2d(2)(x))
    assert before_relu(layers, x).min() < 0


def test_a_block_that_ends_in_a_relu_says_its_sum():
    class Negated(EndsInReLU):
        def before_relu(self, x):
            return -x

    block = Negated()
    assert block(torch.tensor([1.0, -2.0])).tolist() == [0, 2]
    with pytest.raises(AssertionError, match="Linear does not end in a ReLU"):
        before_relu(nn.Linear(1, 1), torch.zeros(1))


@pytest.mark.parametrize(("side", "sides"), [(32, [16, 8, 4, 4]), (64, [32, 16, 8, 4]), (16, [8, 4, 2, 2])])
def test_vgg_pools_a_fourth_time_where_images_are_64x64(side, sides):
    with on_meta():
        maps = build("VGG-8").eval().stages(torch.empty(1, 3, side, side))
    assert [f.shape[2] for f in maps] == sides


@pytest.mark.parametrize("name", ["VGG-8", "VGG-8-5P", "AlexNet-C"])
@pytest.mark.parametrize("side", [8, 16, 40])
def test_networks_for_32x32_images_take_others(name, side):
    with on_meta():
        assert build(name).eval()(torch.empty(2, 3, side, side)).shape == (2, 10)
