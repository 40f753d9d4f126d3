"""CL-ILR: the loss, whose targets are the other heads, and the divided gradients of its shared stages."""

import pytest
import torch
from torch import Tensor

from cheapconv.methods.base import Method
from cheapconv.methods.losses import cross_entropy, kl
from tests.methods.fixed import BATCH, total
from tests.methods.inputs import LABELS, STUDENT, TEACHER, THIRD
from tests.methods.online import AnsweringGroup, at_the_end, leaves
from tests.methods.world import World, batch


def fixed_cl_ilr(world: World, *logits: Tensor, **settings: object) -> Method:
    method = at_the_end(world.method("cl_ilr", **settings))
    method.heads = AnsweringGroup(*logits)
    return method


def test_the_loss(world: World) -> None:
    loss = total(fixed_cl_ilr(world, STUDENT, TEACHER, THIRD).losses(BATCH))
    assert loss.item() == pytest.approx(6.85722117, abs=6e-9)


def test_the_loss_written_out_in_the_form_of_okddip_s_code(world: World) -> None:
    method = fixed_cl_ilr(world, STUDENT, TEACHER, THIRD, ce_weight=1, kd_weight=1, temperature=3, ramped=True)
    logits, expected = [STUDENT, TEACHER, THIRD], 0.0
    for i, z in enumerate(logits):
        others = sum(w for j, w in enumerate(logits) if j != i) / 2
        p, q = (others / 3).softmax(1), (z / 3).softmax(1)
        expected += cross_entropy(z, LABELS).item() + 9 * (p * (p / q).log()).sum().item() / 4
    assert total(method.losses(BATCH)).item() == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(("ramped", "weight"), [(True, 0.006738), (False, 1)])
def test_the_ramp_is_a_choice(world: World, ramped: bool, weight: float) -> None:
    method = fixed_cl_ilr(world, STUDENT, TEACHER, ramped=ramped)
    end = method.losses(BATCH)["kd"]
    method.clock.progress.zero_()
    assert (method.losses(BATCH)["kd"] / end).item() == pytest.approx(weight, abs=1e-6)


@pytest.mark.parametrize("detached", [True, False])
def test_targets_are_detached_unless_told_otherwise(world: World, detached: bool) -> None:
    first, second = leaves(STUDENT, TEACHER)
    method = fixed_cl_ilr(world, first, second, detach_target=detached)
    found = torch.autograd.grad(method.losses(BATCH)["kd"], first)[0]
    constant = torch.autograd.grad(0.5 * 4 * kl(first, TEACHER, 2.0), first)[0]
    assert torch.allclose(found, constant) is detached


def test_the_shared_stages_get_a_divided_gradient(world: World) -> None:
    """As if every head had a quarter of its weight, for what lies below the split."""
    method = world.method("cl_ilr", kd_weight=0.0, ce_weight=1.0)
    stem = method.heads.networks[0].stem.weight
    found = torch.autograd.grad(method.losses(batch())["ce"], stem)[0]
    plain = sum(cross_entropy(z, batch().y) for z in method.heads(batch().x)) / 4
    torch.testing.assert_close(found, torch.autograd.grad(plain, stem)[0])


@pytest.mark.parametrize(("structure", "sizes"), [("split", [4, 4, 1]), ("tree", [4, 2, 1])])
def test_structures(world: World, structure: str, sizes: list[int]) -> None:
    assert world.method("cl_ilr", structure=structure).heads.sizes == sizes


def test_every_head_counts(world: World) -> None:
    found = [(t.name, t.headline) for t in world.method("cl_ilr").networks()]
    assert found == [*((f"head_{i}", True) for i in range(4)), ("ensemble", False)]
