"""What every network of timm and torchvision promises that is not refused: it is what its library computes.

The same logits in evaluation, in training the same ones for the same random numbers (so that dropout is on or off as it
is there), and maps of the channels that the library says.
"""

import copy

import pytest
import torch
from torch import Tensor, nn

from cheapconv import catalog
from cheapconv.models.network import Network
from tests.models.examples import one_thread

CLASSES, SIDE = 10, 64
# One network of each build: plain, functional dropout, maps (B, H, W, C), attention, a classifier of maps.
TRIED = {
    "timm": ["test_resnet", "ghostnet_050", "legacy_seresnet18", "test_mambaout"],
    "torchvision": ["mnasnet0_5", "squeezenet1_1"],
}
FAMILIES = {"timm": [], "torchvision": []}
NETWORKS = [
    pytest.param(library, name, marks=[] if name in TRIED[library] else pytest.mark.slow, id=name)
    for library in TRIED
    for name in dict.fromkeys([*TRIED[library], *FAMILIES[library]])
]
every_network = pytest.mark.parametrize(("library", "name"), NETWORKS)


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    catalog.load()
    with one_thread():
        yield


def both(library: str, name: str) -> tuple[Network, nn.Module]:
    """The network here and the library's own, with the same weights."""
    architecture = catalog.parse("architecture", f"{library}(name='{name}')")
    torch.manual_seed(0)
    network = architecture.build(catalog.parse("conv", "S"), CLASSES)
    torch.manual_seed(0)
    return network, architecture.create(CLASSES)


def images() -> Tensor:
    return torch.randn(2, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))


def pair_of_passes(network: nn.Module, x: Tensor) -> tuple[Tensor, Tensor]:
    """Logits of two passes in training from one state, of different random numbers."""
    found = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        found.append(copy.deepcopy(network).train()(x))
    return found[0], found[1]


@every_network
@torch.no_grad()
def test_it_computes_what_its_library_computes(library: str, name: str) -> None:
    network, expected = both(library, name)
    x = images()
    own, theirs = pair_of_passes(network, x), pair_of_passes(expected, x)
    for logits, right in zip(own, theirs, strict=True):
        assert torch.equal(logits, right)
    maps = network.eval().stages(x)
    assert torch.equal(network(x), expected.eval()(x))
    assert torch.equal(network.head(maps[-1]), expected(x))
    assert [f.shape[1] for f in maps] == network.channels
    info = getattr(expected, "feature_info", None)
    if info is not None:
        said = [tap["num_chs"] for tap in getattr(info, "info", info)]
        assert network.channels == said[-len(maps) :]


@every_network
@torch.no_grad()
def test_its_stages_leave_their_input_as_it_was(library: str, name: str) -> None:
    network, _ = both(library, name)
    x = images()
    maps = network.train().stages(x)
    kept = [x.clone(), *(f.clone() for f in maps)]
    for start in range(1, len(maps)):
        network.stages(maps[start - 1], start=start)
    network.head(maps[-1])
    assert all(torch.equal(now, before) for now, before in zip([x, *maps], kept, strict=True))


@pytest.mark.parametrize("name", ["ghostnet_050", "legacy_seresnet18"])
@torch.no_grad()
def test_dropout_that_is_no_module_is_on_in_training_and_off_in_evaluation(name: str) -> None:
    network, _ = both("timm", name)
    first, second = pair_of_passes(network, images())
    assert not torch.equal(first, second)
    assert torch.equal(network.eval()(images()), network(images()))


def test_only_networks_that_were_others_before_have_another_version() -> None:
    versions = {name: catalog.parse("architecture", f"timm(name='{name}')").version for name in TRIED["timm"]}
    assert versions == {"test_resnet": 1, "ghostnet_050": 2, "legacy_seresnet18": 2, "test_mambaout": 2}
    assert catalog.parse("architecture", "torchvision(name=mnasnet0_5)").version == 1
