"""What is left of a network in use, seen at small ones."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize, prune

from cheapconv import catalog
from cheapconv.models.build import build_network
from cheapconv.models.deployed import deployed
from cheapconv.models.parts.layers import Pointwise

IMAGE = (3, 8, 8)
catalog.load()


def settled(network: nn.Module) -> nn.Module:
    """With statistics and scales of its own, in eval mode."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias)
    with torch.no_grad():
        network.train()(torch.randn(8, *IMAGE))
    return network.eval()


def kinds(network: nn.Module) -> list[str]:
    """Of the layers without layers."""
    return [type(module).__name__ for module in network.modules() if not [*module.children()]]


def assert_same(network: nn.Module, ready: nn.Module) -> None:
    x = torch.randn(2, *IMAGE)
    torch.testing.assert_close(ready(x), network(x), rtol=1e-4, atol=1e-4)


def test_a_norm_behind_a_convolution_is_folded_into_it():
    network = settled(nn.Sequential(nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4), nn.ReLU(inplace=True)))
    ready = deployed(network, IMAGE)
    assert kinds(ready) == ["Conv2d", "Identity", "ReLU"]
    assert kinds(network) == ["Conv2d", "BatchNorm2d", "ReLU"]
    assert not any(parameter.requires_grad for parameter in ready.parameters())
    assert_same(network, ready)


class Forked(nn.Module):
    """A convolution that is read behind its norm and before it."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv(x)
        return self.norm(y) + y


class Twice(nn.Module):
    """A convolution and a norm that are run twice, once apart."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(self.norm(self.conv(x)).relu())


class Written(nn.Module):
    """A map that is written into before the norm reads it."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv(x)
        y.relu_()
        return self.norm(y)


@pytest.mark.parametrize("kind", [Forked, Twice, Written])
def test_a_norm_that_is_not_all_that_reads_a_layer_stays(kind):
    network = settled(kind())
    ready = deployed(network, IMAGE)
    assert kinds(ready) == ["Conv2d", "BatchNorm2d"]
    assert_same(network, ready)


def test_a_norm_by_the_batch_stays():
    network = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4, track_running_stats=False)).eval()
    assert kinds(deployed(network, IMAGE)) == ["Conv2d", "BatchNorm2d"]


class Doubled(nn.Module):
    """A parametrisation."""

    def forward(self, weight: Tensor) -> Tensor:
        return 2 * weight


def test_weights_behind_masks_and_parametrisations_are_plain():
    masked, doubled = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 1)
    prune.random_unstructured(masked, "weight", amount=0.5)
    parametrize.register_parametrization(doubled, "weight", Doubled())
    network = nn.Sequential(masked, doubled).eval()
    with torch.no_grad():
        network(torch.randn(1, *IMAGE))  # without gradients, or the masked weight could not be copied
    ready = deployed(network, IMAGE)
    assert [*ready.state_dict()] == ["0.bias", "0.weight", "1.bias", "1.weight"]
    assert (ready[0].weight == 0).sum() == masked.weight.numel() // 2
    assert_same(network, ready)


class Branches(nn.Module):
    """A convolution and a line beside it, which are one convolution in use."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x) + x

    def materialised(self) -> nn.Module:
        merged = nn.Conv2d(3, 3, 1, bias=False)
        merged.weight = nn.Parameter(self.conv.weight.detach() + torch.eye(3)[:, :, None, None])
        return merged


def test_branches_are_merged_and_then_take_a_norm_in():
    network = settled(nn.Sequential(Branches(), nn.BatchNorm2d(3)))
    ready = deployed(network, IMAGE)
    assert kinds(ready) == ["Conv2d", "Identity"]
    assert_same(network, ready)


def test_rebuilt_weights_and_the_ways_around_an_operator_are_plain_convolutions():
    network = settled(build_network("resnet(depth=8)", "hashed(share=0.1)", 10))
    ready = deployed(network, IMAGE)
    assert {type(m) for m in ready.modules() if isinstance(m, nn.Conv2d)} == {nn.Conv2d}
    assert not any(isinstance(m, Pointwise | nn.BatchNorm2d) for m in ready.modules())
    assert_same(network, ready)
