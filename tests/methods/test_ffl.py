"""Feature fusion learning: the loss, its detached targets, the fusion module and its weight decay."""

import pytest
import torch
from torch import Tensor

from cheapconv.methods.base import Method
from cheapconv.methods.ffl import Fusion
from cheapconv.methods.losses import cross_entropy, kl
from tests.methods.fixed import BATCH, total
from tests.methods.inputs import LABELS, STUDENT, TEACHER, THIRD
from tests.methods.online import Predicting, at_the_end, gradients, leaves
from tests.methods.world import World, batch


def fixed_ffl(world: World, fused: Tensor, *branches: Tensor) -> Method:
    method = at_the_end(world.method("ffl"))
    method.fused = Predicting(branches, fused)
    return method


def test_the_loss(world: World) -> None:
    loss = total(fixed_ffl(world, THIRD, STUDENT, TEACHER).losses(BATCH))
    assert loss.item() == pytest.approx(15.75083802, abs=6e-9)


def test_the_loss_written_out(world: World) -> None:
    def kl3(target: Tensor, learner: Tensor) -> float:
        p, q = (target / 3).softmax(1), (learner / 3).softmax(1)
        return 9 * (p * (p / q).log()).sum().item() / 4

    expected = sum(cross_entropy(z, LABELS).item() for z in (STUDENT, TEACHER, THIRD))
    expected += kl3(THIRD, STUDENT) + kl3(THIRD, TEACHER) + kl3((STUDENT + TEACHER) / 2, THIRD)
    loss = total(fixed_ffl(world, THIRD, STUDENT, TEACHER).losses(BATCH))
    assert loss.item() == pytest.approx(expected, abs=1e-9)


def test_all_targets_are_detached(world: World) -> None:
    fused, first, second = leaves(THIRD, STUDENT, TEACHER)
    terms = fixed_ffl(world, fused, first, second).losses(BATCH)
    kd = torch.autograd.grad(terms["kd"], [fused, first], allow_unused=True)
    assert kd[0] is None
    torch.testing.assert_close(kd[1], torch.autograd.grad(9 * kl(first, THIRD, 3.0), first)[0])
    back = torch.autograd.grad(terms["fusion_kd"], [first, fused], allow_unused=True)
    assert back[0] is None
    torch.testing.assert_close(back[1], torch.autograd.grad(9 * kl(fused, (STUDENT + TEACHER) / 2, 3.0), fused)[0])


def test_the_fused_classifier_s_error_reaches_every_branch(world: World) -> None:
    method = world.method("ffl")
    reached = gradients(method, method.losses(batch())["fusion_ce"])
    stages = {n for n, _ in method.named_parameters() if ".stage_modules." in n or ".stem." in n}
    assert stages <= reached.keys()


def test_both_ways_of_distillation_follow_the_ramp(world: World) -> None:
    method = fixed_ffl(world, THIRD, STUDENT, TEACHER)
    end = method.losses(BATCH)
    method.clock.progress.zero_()
    start = method.losses(BATCH)
    for name in ("kd", "fusion_kd"):
        assert (start[name] / end[name]).item() == pytest.approx(0.006738, abs=1e-6)


def test_the_fusion_module_layer_by_layer() -> None:
    torch.manual_seed(0)
    fusion, maps = Fusion(2, 3, 10), [torch.randn(4, 3, 5, 5), torch.randn(4, 3, 5, 5)]
    depthwise, pointwise = fusion.fuse[0].weight, fusion.fuse[3].weight
    assert depthwise.shape == (6, 1, 3, 3)
    assert pointwise.shape == (3, 6, 1, 1)

    def norm_relu(x: Tensor) -> Tensor:
        mean, var = x.mean((0, 2, 3), keepdim=True), x.var((0, 2, 3), keepdim=True, correction=0)
        return ((x - mean) / (var + 1e-5).sqrt()).relu()

    both = torch.cat(maps, dim=1)
    each = [torch.conv2d(both[:, i : i + 1], depthwise[i : i + 1], padding=1) for i in range(6)]
    mixed = norm_relu(torch.einsum("oi,bihw->bohw", pointwise[:, :, 0, 0], norm_relu(torch.cat(each, 1))))
    torch.testing.assert_close(fusion(maps), fusion.classifier(mixed.mean((2, 3))))


def test_the_fusion_module_has_its_own_weight_decay(world: World) -> None:
    branches, fusion = world.method("ffl").param_groups()
    assert "weight_decay" not in branches
    assert fusion["weight_decay"] == 1e-5


def test_branches_count_and_the_fused_classifier_does_not(world: World) -> None:
    method = world.method("ffl").eval()
    trained = method.networks()
    assert [(t.name, t.headline) for t in trained] == [("branch_0", True), ("branch_1", True), ("ensemble", False)]
    x = batch().x
    maps = [n.stages(x)[-1] for n in method.fused.branches.networks]
    torch.testing.assert_close(trained[-1].network(x), method.fused.fusion(maps))


def test_the_fusion_starts_as_in_the_released_code() -> None:
    """N(0, sqrt(2 / n)), n = k k out_channels: also of the depthwise convolution, whose fan would be one channel."""
    torch.manual_seed(0)
    depthwise, _, _, pointwise, *_ = Fusion(2, 256, 10).fuse
    assert depthwise.weight.std().item() == pytest.approx((2 / (9 * 512)) ** 0.5, rel=0.05)
    assert pointwise.weight.std().item() == pytest.approx((2 / 256) ** 0.5, rel=0.05)
    assert abs(pointwise.weight.mean().item()) < 1e-3
