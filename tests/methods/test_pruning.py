"""The pruning baselines: their scores against Torch-Pruning and numbers on paper, and what is left of a network."""

import copy
import json

import pytest
import torch
import torch_pruning
from torch import Tensor, nn

from cheapconv.engine.store.networks import load
from cheapconv.engine.train.builder import Builder
from cheapconv.methods.base import Context
from cheapconv.methods.parts.channels import Channels
from tests.engine.finished import finish
from tests.methods.world import CPU, PLACE, World, batch, data

PRUNING = ("l1_group", "group_norm", "fpgm", "slimming", "taylor")
every = pytest.mark.parametrize("name", PRUNING)


def context() -> Context:
    return Context(lambda: iter([batch(), batch()]), CPU, 0)


def pruned(world: World, name: str, **settings: object):
    """The method after its pruning, and the cost of its network before."""
    method = world.method(name, **settings)
    cost = method.config.cost
    before = method._build.cost(cost, method.student)
    phase = method.phases()[1]
    assert phase.begin is not None
    phase.begin(context())
    return method, before


@every
@pytest.mark.parametrize(("cost", "keep"), [("macs", 0.5), ("params", 0.6)])
def test_the_budget_is_met_within_two_percent(world: World, name: str, cost: str, keep: float) -> None:
    method, before = pruned(world, name, cost=cost, keep=keep)
    left = method._build.cost(cost, method.student)
    assert 0.98 * keep * before <= left <= keep * before


def test_the_budget_of_a_cheap_conv(world: World) -> None:
    method, _ = pruned(world, "l1_group", like="G(4)")
    cheap = method._build.cost("macs", conv="G(4)")
    assert 0.98 * cheap <= method._build.cost("macs", method.student) <= cheap


def test_a_grouped_convolution_is_not_taken_for_a_depthwise_one_in_the_next_round(world: World) -> None:
    """Its inputs would be tied to its outputs, which are fewer. The weights are such that its outputs go first."""
    method = world.method("group_norm", conv="G(4)", rounds=4, keep=0.5)
    for module in method.student.modules():
        if isinstance(module, nn.Conv2d) and module.groups > 1:
            module.weight.data[1:].mul_(1e-3)
    before = method._build.cost("macs", method.student)
    method.phases()[1].begin(context())
    assert 0.98 * 0.5 * before <= method._build.cost("macs", method.student) <= 0.5 * before
    method.student(batch().x)


def test_a_budget_out_of_reach_names_the_reason(world: World) -> None:
    with pytest.raises(ValueError, match="cannot be met"):
        pruned(world, "l1_group", keep=0.001)
    with pytest.raises(ValueError, match="to begin with"):
        pruned(world, "l1_group", limit=10**12)


@every
def test_a_resumed_method_and_a_loaded_network_are_the_pruned_one(world: World, name: str) -> None:
    method, _ = pruned(world, name)
    again = world.method(name)
    again.restructure(json.loads(json.dumps(method.structure())))
    again.load_state_dict(method.state_dict())
    x = batch().x
    torch.testing.assert_close(again.eval().student(x), method.eval().student(x), rtol=1e-4, atol=1e-5)

    cell = world.cell(name)
    finish(world.store, cell, method)
    loaded = load(world.store, cell.key).network
    torch.testing.assert_close(loaded(x), method.student(x), rtol=1e-4, atol=1e-5)
    assert loaded.channels == method.student.channels


def library_scores(method, importance) -> list[Tensor]:
    """Torch-Pruning's own scores of all groups."""
    graph = torch_pruning.DependencyGraph().build_dependency(method.student.eval(), torch.zeros(1, 3, 8, 8))
    groups = graph.get_all_groups(root_module_types=[nn.Conv2d, nn.Linear], ignored_layers=[method.student.classifier])
    return [importance(group) for group in groups]


@pytest.mark.parametrize(("name", "power"), [("l1_group", 1), ("group_norm", 2)])
def test_magnitudes_are_those_of_torch_pruning(world: World, name: str, power: int) -> None:
    method = world.method(name)
    importance = torch_pruning.importance.GroupMagnitudeImportance(p=power, group_reduction="mean", normalizer="mean")
    ours = [method.score(g, context()) for g in Channels(method.student, (3, 8, 8)).groups]
    for a, b in zip(ours, library_scores(copy.deepcopy(method), importance), strict=True):
        torch.testing.assert_close(a, b)


def test_a_filter_in_the_middle_of_the_others_goes_first(world: World) -> None:
    method = world.method("fpgm")
    [group] = [g for g in Channels(method.student, (3, 8, 8)).groups if g.name == "stage_modules.0.0.path.0"]
    weight = method.student.get_submodule(group.name).weight
    with torch.no_grad():
        weight.zero_()
        weight[:, 0, 0, 0] = torch.arange(16.0)
    expected = torch.tensor([float(sum(abs(i - j) for j in range(16))) for i in range(16)], dtype=torch.float64)
    torch.testing.assert_close(method.score(group, context()), expected / expected.mean())


def test_taylor_is_the_squared_product_of_gradient_and_weight(world: World) -> None:
    method = world.method("taylor", batches=2)
    method.prepare(context())
    [group] = [g for g in Channels(method.student, (3, 8, 8)).groups if g.name == "stage_modules.0.0.path.0"]
    net = method.student.eval()
    nn.functional.cross_entropy(net(batch().x), batch().y).backward()
    first, norm, second = (net.get_submodule(f"stage_modules.0.0.path.{part}") for part in ("0", "1.0", "2"))
    expected = (
        (first.weight * first.weight.grad).sum(dim=(1, 2, 3)).square()
        + (norm.weight * norm.weight.grad).square()
        + (second.weight * second.weight.grad).sum(dim=(0, 2, 3)).square()
    )
    score = method.score(group, context()).float()
    torch.testing.assert_close(score, expected.detach() / expected.detach().mean(), rtol=1e-3, atol=1e-5)


def test_slimming_pulls_every_scale_by_its_sign(world: World) -> None:
    method = world.method("slimming", sparsity=0.01)
    norms = [m for m in method.student.modules() if isinstance(m, nn.BatchNorm2d)]
    with torch.no_grad():
        norms[0].weight[0] = -2.0
    gradients = torch.autograd.grad(method.losses(batch())["sparsity"], [n.weight for n in norms])
    for norm, gradient in zip(norms, gradients, strict=True):
        torch.testing.assert_close(gradient, 0.01 * norm.weight.sign())
    method.clock.phase = 1
    assert list(method.losses(batch())) == ["ce"]


def test_slimming_leaves_the_sums_of_residual_blocks_whole(world: World) -> None:
    method, _ = pruned(world, "slimming")
    assert method.student.channels == [16, 32, 64]


def test_a_pruned_teacher_can_teach(world: World) -> None:
    method, _ = pruned(world, "l1_group")
    cell = world.cell("l1_group")
    finish(world.store, cell, method)
    student = world.cell("scratch")
    object.__setattr__(student, "teacher", cell.key)
    teacher = Builder(student, 10, PLACE, world.store, data().train_y).teacher()
    assert [m.shape[1] for m in teacher.stages(batch().x)] == teacher.channels == method.student.channels
