"""ONE: the loss, the gate, what is detached, and which branch is deployed."""

import pytest
import torch
from torch import Tensor
from torch.nn.functional import max_pool2d

from cheapconv.methods.base import Method
from cheapconv.methods.losses import cross_entropy, kl
from cheapconv.methods.one import Gate, gated
from tests.methods.fixed import BATCH, total
from tests.methods.inputs import LABELS, STUDENT, TEACHER, THIRD
from tests.methods.online import GATE, PlainBuild, Predicting, at_the_end, built, gated_branches, gradients, leaves
from tests.methods.world import World, batch


def fixed_one(world: World, *logits: Tensor, **settings: object) -> Method:
    """The method at the end of its ramp, its branches with given logits."""
    method = at_the_end(world.method("one", **settings))
    method.ensemble = gated_branches(*logits)
    return method


def test_the_loss(world: World) -> None:
    terms = fixed_one(world, STUDENT, TEACHER, THIRD).losses(BATCH)
    assert list(terms) == ["ce", "ensemble_ce", "kd"]
    assert total(terms).item() == pytest.approx(12.06460186, abs=6e-9)


def test_the_loss_written_out(world: World) -> None:
    logits = [STUDENT, TEACHER, THIRD]
    ensemble = torch.stack([sum(GATE[b, i] * logits[i][b] for i in range(3)) for b in range(4)])
    expected = cross_entropy(ensemble, LABELS).item()
    for z in logits:
        p, q = (ensemble / 3).softmax(1), (z / 3).softmax(1)
        expected += cross_entropy(z, LABELS).item() + 9 * (p * (p / q).log()).sum().item() / 4
    assert total(fixed_one(world, *logits).losses(BATCH)).item() == pytest.approx(expected, abs=1e-9)


def test_distillation_follows_the_ramp(world: World) -> None:
    method = fixed_one(world, STUDENT, TEACHER, THIRD)
    end = method.losses(BATCH)
    method.clock.progress.zero_()
    start = method.losses(BATCH)
    assert (start["kd"] / end["kd"]).item() == pytest.approx(0.006738, abs=1e-6)
    assert start["ce"] == end["ce"]


@pytest.mark.parametrize("detached", [True, False])
def test_the_target_is_detached_unless_told_otherwise(world: World, detached: bool) -> None:
    first, ensemble = leaves(STUDENT, THIRD)
    method = at_the_end(world.method("one", detach_target=detached))
    method.ensemble = Predicting([first], ensemble)
    kd = method.losses(BATCH)["kd"]
    found = torch.autograd.grad(kd, [first, ensemble], allow_unused=True)
    torch.testing.assert_close(found[0], torch.autograd.grad(9 * kl(first, THIRD, 3.0), first)[0])
    assert (found[1] is None) is detached


def test_labels_alone_train_the_gate(world: World) -> None:
    method = world.method("one")
    terms = method.losses(batch())
    gate = {f"ensemble.gate.{name}" for name, _ in method.ensemble.gate.named_parameters()}
    assert gate <= gradients(method, terms["ensemble_ce"]).keys()
    assert not gate & gradients(method, terms["kd"] + terms["ce"]).keys()


def test_the_gate_is_softmax_of_relu_of_bn() -> None:
    torch.manual_seed(0)
    gate, features = Gate(6, 3), torch.randn(5, 6)
    scores = gate.linear(features)
    normal = (scores - scores.mean(0)) / (scores.var(0, correction=0) + 1e-5).sqrt()
    torch.testing.assert_close(gate(features), normal.relu().softmax(1))


def test_the_gate_sees_the_trunk_s_last_map(world: World) -> None:
    method = world.method("one", own_stages=2).eval()
    branches, x = method.ensemble.branches, batch().x
    trunk = branches.networks[0].stages(x)[0]
    expected = gated(branches(x), method.ensemble.gate(trunk.mean(dim=(2, 3))))
    torch.testing.assert_close(method.ensemble(x), expected)


def test_the_gate_of_a_vgg_looks_behind_the_pooling() -> None:
    method = built("one", PlainBuild("vgg_5p(depth=8)")).eval()
    ensemble, x = method.ensemble, torch.randn(2, 3, 32, 32)
    last = max_pool2d(ensemble.branches.networks[0].stages(x)[2], 2)  # (B, 512, 2, 2)
    torch.testing.assert_close(ensemble(x), gated(ensemble.branches(x), ensemble.gate(last.mean(dim=(2, 3)))))


def test_the_first_branch_is_deployed(world: World) -> None:
    found = [(t.name, t.role, t.headline) for t in world.method("one").networks()]
    assert found == [
        ("branch_0", "student", True),
        ("branch_1", "student", False),
        ("branch_2", "student", False),
        ("ensemble", "ensemble", False),
    ]
