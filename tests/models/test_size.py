"""The counters of models/size.py on layers whose cost is known by hand."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from cheapconv import catalog
from cheapconv.engine.measure.sizes import sizes
from cheapconv.models.architectures.wrn import WideResNet
from cheapconv.models.build import build_network
from cheapconv.models.convs.group import Group
from cheapconv.models.quick import QUICK, quicken
from cheapconv.models.size import count_macs, count_macs_twice, count_params, count_params_with_bn_stats, weights_bytes


class FunctionalConvolution(nn.Module):
    """A convolution whose weight is rebuilt in every call, which no module hook sees."""

    def __init__(self) -> None:
        super().__init__()
        self.core = nn.Parameter(torch.ones(5))

    def forward(self, x):
        return functional.conv2d(x, self.core.view(5, 1, 1, 1).expand(5, 3, 3, 3), padding=1)


class Attention(nn.Module):
    """Scaled dot-product attention of every pixel on every other, by torch's function or by hand."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how = how

    def forward(self, x):
        q = x.flatten(2).transpose(1, 2)  # (B, 64, 3)
        if self.how == "function":
            return functional.scaled_dot_product_attention(q, q, q)
        if self.how == "einsum":
            return torch.einsum("bij,bjd->bid", torch.einsum("bid,bjd->bij", q, q).softmax(-1), q)
        return (q @ q.transpose(1, 2)).softmax(-1) @ q


COSTS = {
    **{f"attention by {how}": (Attention(how), 2 * 64 * 64 * 3) for how in ("function", "einsum", "products")},
    "convolution": (nn.Conv2d(3, 8, 3, padding=1), 27 * 8 * 64),
    "convolution with bias": (nn.Conv2d(3, 8, 3, padding=1, bias=True), 27 * 8 * 64),
    "strided": (nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False), 27 * 8 * 16),
    "grouped": (nn.Conv2d(3, 6, 3, padding=1, groups=3), 9 * 6 * 64),
    "transposed": (nn.ConvTranspose2d(3, 8, 3, stride=2, padding=1, output_padding=1), 27 * 8 * 64),
    "linear with bias": (nn.Sequential(nn.Flatten(), nn.Linear(192, 10)), 1920),
    "linear without bias": (nn.Sequential(nn.Flatten(), nn.Linear(192, 10, bias=False)), 1920),
    "linear on a sequence": (nn.Linear(8, 5), 3 * 8 * 8 * 5),
    "functional": (FunctionalConvolution(), 27 * 5 * 64),
    "nothing": (nn.Sequential(nn.BatchNorm2d(3), nn.ReLU(), nn.MaxPool2d(2), nn.AdaptiveAvgPool2d(1)), 0),
    "shuffle and pad": (nn.Sequential(nn.ChannelShuffle(3), nn.ZeroPad2d(1), nn.Upsample(scale_factor=2)), 0),
}


@pytest.mark.parametrize("name", COSTS)
def test_macs_of_a_layer(name):
    layer, macs = COSTS[name]
    assert count_macs(layer, (3, 8, 8)) == macs
    with FlopCounterMode(display=False) as counter:
        layer.eval()(torch.zeros(1, 3, 8, 8))
    assert counter.get_total_flops() == 2 * macs


def test_where_the_two_counters_differ_is_known(monkeypatch):
    layer, macs = COSTS["convolution"]
    assert count_macs_twice(layer, (3, 8, 8)) == (macs, macs)
    monkeypatch.setattr(FlopCounterMode, "get_total_flops", lambda self: 14)
    assert count_macs_twice(layer, (3, 8, 8)) == (macs, 7)
    assert (sizes(layer, (3, 8, 8)).macs, sizes(layer, (3, 8, 8)).macs_by_torch) == (macs, 7)


def test_counting_leaves_the_network_alone_and_prints_nothing(capfd):
    network = WideResNet(depth=10, width=1).build(Group(groups=4), 10).train()
    before = copy.deepcopy(network.state_dict())
    attributes = {name: set(vars(module)) for name, module in network.named_modules()}
    count_macs(network, (3, 8, 8))
    assert network.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())
    assert {name: set(vars(module)) for name, module in network.named_modules()} == attributes
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in network.modules())
    assert capfd.readouterr() == ("", "")


def test_a_network_that_cannot_run_is_an_error_that_says_why(capfd):
    with pytest.raises(RuntimeError, match=r"cannot be run on images of 8 x 8 \(.*channels"):
        count_macs(nn.Conv2d(3, 8, 3), (5, 8, 8))
    assert capfd.readouterr() == ("", "")


def test_params_count_what_is_trained():
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.BatchNorm2d(4, affine=False))
    assert count_params(network) == 27 * 4 + 4 + 8
    assert count_params_with_bn_stats(network) == count_params(network) + 2 * 8
    network[0].weight.requires_grad_(False)
    assert count_params(network) == 4 + 8


def test_a_norm_without_statistics_adds_none():
    network = nn.BatchNorm2d(4, track_running_stats=False)
    assert count_params_with_bn_stats(network) == count_params(network) == 8


def test_weights_bytes_are_those_of_the_file_without_counters():
    network = WideResNet(depth=10, width=1).build(Group(groups=4), 10)
    assert weights_bytes(network) == 4 * count_params_with_bn_stats(network)
    assert weights_bytes(network.half()) == 2 * count_params_with_bn_stats(network)


@pytest.mark.parametrize("kind", QUICK)
@pytest.mark.parametrize("conv", ["G(4)", "G(N)", "BG(2,M/8)"])
def test_layers_that_are_quick_in_training_are_counted_as_the_librarys(conv, kind, monkeypatch):
    """A kernel of this project's own is no operation of torch's, so no counter sees it."""
    catalog.load()
    network = build_network("wrn(depth=16, width=2)", conv, 10)
    expected = count_macs_twice(network, (3, 32, 32))
    quicken(network, torch.device(kind))
    before = [type(layer) for layer in network.modules()]

    def unseen(*_):
        raise AssertionError("by a kernel")

    for layer in {quick for layers in QUICK.values() for quick in layers.values()}:
        monkeypatch.setattr(layer, "forward", unseen)
    assert count_macs_twice(network, (3, 32, 32)) == expected
    assert [type(layer) for layer in network.modules()] == before  # it is trained further
