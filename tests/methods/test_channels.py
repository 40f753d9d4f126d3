"""Groups of channels: their closed-form cost is the counted one, and what is cut out is what was meant."""

import json

import pytest
import torch

from cheapconv import catalog
from cheapconv.methods.base import Cost
from cheapconv.methods.parts.channels import Channels, resize, structure_of
from cheapconv.models.network import Network
from cheapconv.models.size import count_macs, count_params

IMAGE = (3, 16, 16)
PAIRS = [
    ("wrn(depth=10, width=1)", "standard"),
    ("resnet(depth=8)", "standard"),
    ("vgg(depth=8)", "standard"),
    ("mobilenet_v2_half", "standard"),
    ("wrn(depth=10, width=1)", "G(4)"),
    ("resnet(depth=8)", "G(N)"),
    ("wrn(depth=10, width=1)", "BG(2,2)"),
]
every_pair = pytest.mark.parametrize(("architecture", "conv"), PAIRS)


def network(architecture: str, conv: str = "standard") -> Network:
    catalog.load()
    torch.manual_seed(0)
    return catalog.parse("architecture", architecture).build(catalog.parse("conv", conv), 10)


def counted(net: Network, kind: Cost) -> int:
    return count_macs(net, IMAGE) if kind == "macs" else count_params(net)


@every_pair
def test_the_closed_form_predicts_the_cost_of_every_removal(architecture: str, conv: str) -> None:
    net = network(architecture, conv)
    channels = Channels(net, IMAGE)
    assert channels.groups
    rest = {kind: counted(net, kind) - channels.cost(kind, channels.sizes) for kind in ("macs", "params")}
    gone = [[*range(0, group.units - group.least(), 2)] for group in channels.groups]
    kept = [g.size - g.step * len(units) for g, units in zip(channels.groups, gone, strict=True)]
    channels.remove(gone)
    assert any(gone)
    for kind in ("macs", "params"):
        assert counted(net, kind) == rest[kind] + channels.cost(kind, kept)
    assert net(torch.randn(2, *IMAGE)).shape == (2, 10)


@every_pair
def test_channels_that_say_nothing_and_are_not_heard_can_go(architecture: str, conv: str) -> None:
    net = network(architecture, conv).eval()
    channels = Channels(net, IMAGE)
    gone = [[0] if group.units > 1 else [] for group in channels.groups]
    with torch.no_grad():
        for group, units in zip(channels.groups, gone, strict=True):
            for member in (m for m in group.members if m.side != "in"):
                layer = net.get_submodule(member.layer)
                for p in layer.parameters():
                    p[group.channels(units)] = 0
    x = torch.randn(2, *IMAGE)
    before = net(x)
    channels.remove(gone)
    torch.testing.assert_close(net(x), before, rtol=1e-4, atol=1e-5)


def test_sums_tie_a_stage_together() -> None:
    channels = Channels(network("wrn(depth=16, width=1)"), IMAGE)
    tied = [group for group in channels.groups if group.added]
    assert len(tied) == 3 + 1 - 1  # the stem belongs to the first stage, whose width it has
    last = next(group for group in tied if group.size == 64)
    outputs = {m.layer for m in last.members if m.side == "out"}
    assert outputs == {f"stage_modules.2.{path}" for path in ("0.path.2", "0.shortcut", "1.path.2")}
    assert all(not group.added for group in Channels(network("wrn(depth=16, width=1)"), IMAGE, sums=False).groups)


def test_what_is_concatenated_stays() -> None:
    assert Channels(network("wrn(depth=10, width=1)", "ghost"), IMAGE).groups == []


def test_the_classes_stay() -> None:
    for architecture in ("vgg(depth=8)", "resnet(depth=8)"):
        groups = Channels(network(architecture), IMAGE).groups
        assert all((m.layer, m.side) != ("classifier", "out") for group in groups for m in group.members)


def test_grouped_convolutions_lose_one_channel_of_every_group() -> None:
    [first, *_] = [g for g in Channels(network("wrn(depth=10, width=1)", "G(4)"), IMAGE).groups if g.step > 1]
    assert first.step == 4
    assert first.channels([1]) == [1 + part * first.size // 4 for part in range(4)]


@every_pair
def test_a_fresh_network_takes_the_shapes_of_a_cut_one(architecture: str, conv: str) -> None:
    net = network(architecture, conv).eval()
    channels = Channels(net, IMAGE)
    channels.remove([[0] if group.units > 1 else [] for group in channels.groups])
    structure = json.loads(json.dumps(structure_of(net, IMAGE)))
    other = resize(network(architecture, conv), structure).eval()
    other.load_state_dict(net.state_dict())
    x = torch.randn(2, *IMAGE)
    torch.testing.assert_close(other(x), net(x), rtol=1e-5, atol=1e-5)
    assert other.channels == [m.shape[1] for m in other.stages(x)]
    assert other.embed(other.stages(x)[-1]).shape == (2, other.features)
