"""Shared trunks: the same numbers as whole networks give, the sizes of the released graphs, divided gradients."""

import pytest
import torch
from torch import Tensor
from torch.nn.functional import max_pool2d

from cheapconv import catalog
from cheapconv.methods.parts.branches import Branches, split, tree
from cheapconv.methods.parts.siblings import MeanLogits, Siblings
from cheapconv.models.build import build_network
from tests.methods.world import World, batch


def networks(count: int, architecture: str = "wrn(depth=10, width=1)") -> list:
    catalog.load()
    torch.manual_seed(0)
    return [build_network(architecture, "standard", 10) for _ in range(count)]


def grown(count: int, kind: str) -> Branches:
    return tree(networks(count)) if kind == "tree" else split(networks(count), own_stages=1)


def sharing(branches: Branches) -> list[int]:
    """Distinct modules at the stem and at each stage."""
    parts = [[n.stem for n in branches.networks]]
    parts += [[n.stage_modules[i] for n in branches.networks] for i in range(len(branches.sizes))]
    return [len(set(map(id, part))) for part in parts]


@pytest.mark.parametrize(
    ("count", "kind", "expected"),
    [
        (3, "split", [1, 1, 1, 3]),
        (4, "tree", [1, 1, 2, 4]),  # MCL-OKD's: ceil(m / 2) copies of the second stage
        (3, "tree", [1, 1, 2, 3]),
        (5, "tree", [1, 2, 3, 5]),
        (2, "tree", [1, 1, 1, 2]),
    ],
)
def test_what_is_shared(count: int, kind: str, expected: list[int]) -> None:
    assert sharing(grown(count, kind)) == expected


def test_own_stages_move_the_split() -> None:
    branches = split(networks(2), own_stages=2)
    assert sharing(branches) == [1, 1, 2, 2]
    assert branches.shared == 1


@pytest.mark.parametrize("own_stages", [0, 3])
def test_a_split_that_shares_nothing_or_all_is_refused(own_stages: int) -> None:
    with pytest.raises(ValueError, match=f"own_stages is {own_stages}, but a network of 3 stages can own 1 to 2"):
        split(networks(2), own_stages)


@pytest.mark.parametrize("kind", ["split", "tree"])
@pytest.mark.parametrize("count", [2, 3, 5])
def test_maps_and_logits_are_those_of_the_deployed_networks(kind: str, count: int) -> None:
    branches, x = grown(count, kind).eval(), batch().x
    for maps, logits, network in zip(branches.stages(x), branches(x), branches.networks, strict=True):
        for ours, theirs in zip(maps, network.stages(x), strict=True):
            torch.testing.assert_close(ours, theirs)
        torch.testing.assert_close(logits, network(x))


@pytest.mark.parametrize("kind", ["split", "tree"])
def test_every_module_runs_once(kind: str) -> None:
    branches, calls = grown(4, kind), []
    for module in {*(n.stem for n in branches.networks), *(s for n in branches.networks for s in n.stage_modules)}:
        module.register_forward_hook(lambda module, *_: calls.append(id(module)))
    branches(batch().x)
    assert len(calls) == len(set(calls)) == sum(sharing(branches))


def test_the_first_branch_starts_as_the_network_trained_alone(world: World) -> None:
    alone, branch = world.method("scratch").student, world.method("one").networks()[0].network
    for a, b in zip(alone.parameters(), branch.parameters(), strict=True):
        assert torch.equal(a, b)


def test_a_deployed_branch_is_a_plain_network() -> None:
    branch = split(networks(3), own_stages=1).networks[1]
    plain = networks(1)[0]
    plain.load_state_dict(branch.state_dict())
    x = batch().x
    torch.testing.assert_close(plain.eval()(x), branch.eval()(x))


def stem_gradient(branches: Branches, divide: bool) -> Tensor:
    logits = branches.heads(branches.stages(batch().x, divide_gradient=divide))
    return torch.autograd.grad(torch.stack(logits).square().mean(), branches.networks[0].stem.weight)[0]


@pytest.mark.parametrize(("count", "kind", "divisor"), [(2, "split", 2), (4, "split", 4), (4, "tree", 4)])
def test_what_flows_back_is_divided_by_the_number_of_branches(count: int, kind: str, divisor: int) -> None:
    branches = grown(count, kind).eval()
    torch.testing.assert_close(stem_gradient(branches, False) / divisor, stem_gradient(branches, True))


def test_an_odd_tree_divides_where_it_branches() -> None:
    """Of three heads on a tree, two share the second stage: they count a quarter each, the third counts a half."""
    branches, x = grown(3, "tree").eval(), batch().x
    heads = branches.heads(branches.stages(x))
    losses = torch.stack([z.square().mean() for z in heads])
    weights = torch.tensor([0.25, 0.25, 0.5])
    expected = torch.autograd.grad((weights * losses).sum(), branches.networks[0].stem.weight)[0]
    divided = branches.heads(branches.stages(x, divide_gradient=True))
    total = torch.stack([z.square().mean() for z in divided]).sum()
    found = torch.autograd.grad(total, branches.networks[0].stem.weight)[0]
    torch.testing.assert_close(found, expected)


def test_dividing_leaves_the_branches_alone() -> None:
    branches = grown(2, "split").eval()
    own = branches.networks[1].stage_modules[-1]
    found = []
    for divide in (False, True):
        logits = branches.heads(branches.stages(batch().x, divide_gradient=divide))
        found.append(torch.autograd.grad(torch.stack(logits).sum(), [*own.parameters()]))
    torch.testing.assert_close(found[0], found[1])


def test_the_mean_of_a_group_is_that_of_its_logits() -> None:
    group, x = Siblings(networks(3)).eval(), batch().x
    expected = sum(network(x) for network in group.networks) / 3
    torch.testing.assert_close(MeanLogits(group)(x), expected)


@pytest.mark.parametrize(
    "architecture", ["resnet(depth=8)", "vgg(depth=8)", "vgg_5p(depth=8)", "densenet_bc(depth=16)", "mobilenet_v2_half"]
)
def test_other_architectures_have_trunks_too(architecture: str) -> None:
    branches = split(networks(2, architecture), own_stages=1).eval()
    x = torch.randn(2, 3, 32, 32)
    for logits, network in zip(branches(x), branches.networks, strict=True):
        torch.testing.assert_close(logits, network(x))


DENSE, POOLED = "densenet_bc(depth=16)", "vgg_5p(depth=8)"


def test_where_branches_of_a_densenet_part_they_share_the_transition() -> None:
    """As in MCL-OKD: the transition is in the trunk, its place in every network, and it runs once."""
    branches, calls = split(networks(3, DENSE), own_stages=1), []
    transitions = {network.stage_modules[2][0] for network in branches.networks}
    layers = {network.stage_modules[2][1] for network in branches.networks}
    assert (len(transitions), len(layers)) == (1, 3)
    transitions.pop().register_forward_hook(lambda *_: calls.append(1))
    branches(torch.randn(2, 3, 8, 8))
    assert calls == [1]
    assert branches.trunk_channels == 24  # two layers of 12 on a map of 24, halved


def test_a_tree_of_densenets_shares_a_transition_between_two_heads() -> None:
    stages = [[network.stage_modules[i] for network in tree(networks(4, DENSE)).networks] for i in range(3)]
    entrances = [len({id(stage[0]) for stage in stages[i]}) for i in (1, 2)]
    bodies = [len({id(stage[1]) for stage in stages[i]}) for i in (1, 2)]
    assert (entrances, bodies) == ([1, 2], [2, 4])


def test_gradients_are_divided_behind_the_transition() -> None:
    """Its own weights see gradients of the usual size too."""
    branches, x = split(networks(2, DENSE), own_stages=1).eval(), torch.randn(2, 3, 8, 8)
    weight = branches.networks[0].stage_modules[2][0][1].weight
    found = []
    for divide in (False, True):
        logits = branches.heads(branches.stages(x, divide_gradient=divide))
        found.append(torch.autograd.grad(torch.stack(logits).square().mean(), weight)[0])
    torch.testing.assert_close(found[0] / 2, found[1])


@pytest.mark.parametrize("own_stages", [1, 2])
def test_branches_of_a_vgg_start_behind_its_pooling(own_stages: int) -> None:
    branches, x = split(networks(2, POOLED), own_stages).eval(), torch.randn(2, 3, 32, 32)
    trunk, maps = branches.trunk_and_stages(x)
    torch.testing.assert_close(trunk, max_pool2d(maps[0][branches.shared - 1], 2))
    assert branches.trunk_channels == trunk.shape[1]


@pytest.mark.parametrize("architecture", [DENSE, POOLED, "vgg(depth=8)", "alexnet_c"])
@pytest.mark.parametrize("kind", ["split", "tree"])
def test_shared_entrances_leave_the_deployed_networks_plain(architecture: str, kind: str) -> None:
    members = networks(4, architecture)
    branches, x = (tree(members) if kind == "tree" else split(members, own_stages=1)).eval(), torch.randn(2, 3, 32, 32)
    plain = networks(1, architecture)[0].eval()
    for logits, maps, network in zip(branches(x), branches.stages(x), branches.networks, strict=True):
        plain.load_state_dict(network.state_dict())
        torch.testing.assert_close(logits, plain(x))
        torch.testing.assert_close(maps, plain.stages(x))
