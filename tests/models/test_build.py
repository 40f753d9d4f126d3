"""Networks that are filled with saved weights: what a fresh network gives that loads them, bit for bit."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from torch import Tensor, nn

from cheapconv import catalog
from cheapconv.models.build import build_network, filled, on_device, require_image, unread_network
from cheapconv.models.meta import on_meta
from tests.models.examples import examples, smallest_side

CPU = torch.device("cpu")
WRN = "wrn(depth=10, width=1)"
BLOCKS = "wrn(depth=10, width=2)"  # wide enough for every conv
POINTWISE = "timm(name='test_efficientnet', cifar_stem=True)"  # for those of 1x1 convolutions


def some_pairs() -> Iterator[Any]:
    """Every architecture with standard convolutions, and every conv in one architecture."""
    for architecture in examples("architecture"):
        yield pytest.param(catalog.canonical(architecture), "standard", id=architecture.registered_name)
    for conv in examples("conv"):
        architecture = BLOCKS if 3 in conv.kernel_sizes else POINTWISE
        yield pytest.param(architecture, catalog.canonical(conv), id=catalog.canonical(conv))


def everything(network: nn.Module) -> dict[str, Tensor]:
    return dict(network.named_parameters()) | dict(network.named_buffers())


@pytest.mark.parametrize(
    ("architecture", "side", "advice"),
    [
        ("vgg(depth=13)", 7, "does not take images of 7 x 7, it takes 32 x 32"),
        ("torchvision(name=alexnet)", 32, "does not take images of 32 x 32, it takes 64 x 64"),
    ],
)
def test_images_that_a_network_does_not_take_are_refused_with_a_size_that_would_do(architecture, side, advice):
    with on_meta():
        network = build_network(architecture, "standard", 10)
    with pytest.raises(ValueError, match=advice):
        require_image(network, (3, side, side))
    require_image(network, (3, 64, 64))
    assert network.training


@pytest.mark.parametrize(("architecture", "conv"), [*some_pairs()])
@torch.no_grad()
def test_it_is_the_network_that_loads_the_weights(architecture, conv):
    torch.manual_seed(0)
    trained = on_device(build_network(architecture, conv, 10), CPU)
    x = torch.randn(2, 3, *[smallest_side(catalog.parse("architecture", architecture))] * 2)
    trained(x)  # moves the statistics
    torch.manual_seed(1)
    before = build_network(architecture, conv, 10)
    before.load_state_dict(trained.state_dict())
    state = torch.get_rng_state()
    found = filled(lambda: unread_network(architecture, conv, 10), trained.state_dict())
    assert torch.equal(torch.get_rng_state(), state)
    assert everything(found).keys() == everything(before).keys()
    for name, tensor in everything(before).items():
        own = everything(found)[name]
        assert torch.equal(own, tensor), name
        assert (own.stride(), own.requires_grad, own.dtype) == (tensor.stride(), tensor.requires_grad, tensor.dtype)
    assert torch.equal(found.eval()(x), before.eval()(x))


@torch.no_grad()
def test_weights_that_are_filled_in_are_its_own():
    trained = build_network(WRN, "standard", 10)
    found = filled(lambda: unread_network(WRN, "standard", 10), trained.state_dict())
    found.classifier.bias.add_(1)
    assert not torch.equal(found.classifier.bias, trained.classifier.bias)


def test_a_file_that_a_network_was_read_from_is_no_longer_needed(tmp_path: Path):
    torch.save(timm.create_model("test_resnet", num_classes=10).state_dict(), tmp_path / "net.pt")
    architecture = f"timm(name='test_resnet', weights='{tmp_path / 'net.pt'}')"
    trained = build_network(architecture, "group(groups=4)", 10).eval()
    (tmp_path / "net.pt").unlink()
    found = filled(lambda: unread_network(architecture, "group(groups=4)", 10), trained.state_dict()).eval()
    x = torch.randn(1, 3, 32, 32)
    assert torch.equal(found(x), trained(x))


def whole_numbers(network: nn.Module) -> nn.Module:
    """The network with integers for the weights of its classifier, as a method may leave it."""
    layer = network.get_submodule("classifier")
    layer.weight = nn.Parameter(torch.zeros_like(layer.weight, dtype=torch.int8), requires_grad=False)
    return network


def test_a_changed_network_keeps_its_integers():
    changed = whole_numbers(build_network(WRN, "standard", 10))
    changed.get_parameter("classifier.weight").copy_(torch.randint(-127, 128, (10, 64)))
    found = filled(lambda: whole_numbers(unread_network(WRN, "standard", 10)), changed.state_dict())
    weight = found.get_parameter("classifier.weight")
    assert (weight.dtype, weight.requires_grad) == (torch.int8, False)
    assert torch.equal(weight, changed.get_parameter("classifier.weight"))


class Tied(nn.Module):
    """One tensor under two names, and one that no state dict holds."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(2, 2, bias=False), nn.Linear(2, 2, bias=False)
        self.second.weight = self.first.weight
        self.offset = torch.ones(2)


def test_what_a_state_dict_does_not_hold_is_real_and_what_was_one_is_one():
    found = filled(Tied, Tied().state_dict())
    assert torch.equal(found.offset, torch.ones(2))
    assert not found.first.weight.is_meta
    assert len([*found.parameters()]) == 1
