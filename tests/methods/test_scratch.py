"""Training alone."""

import pytest
import torch

from cheapconv import catalog
from tests.methods.fixed import BATCH, Fixed, fixed_method, total
from tests.methods.inputs import STUDENT
from tests.methods.world import World, batch


def test_the_loss_is_cross_entropy() -> None:
    terms = fixed_method("scratch", [Fixed(STUDENT)]).losses(BATCH)
    assert list(terms) == ["ce"]
    assert total(terms).item() == pytest.approx(1.04724098, abs=6e-9)


def test_it_is_a_baseline_without_a_teacher() -> None:
    scratch = catalog.entry("method", "scratch").cls
    assert scratch.is_baseline
    assert not scratch.needs_teacher


def test_the_network_is_what_is_deployed(world: World) -> None:
    method = world.method("scratch")
    [trained] = method.networks()
    assert (trained.name, trained.role, trained.headline) == ("student", "student", True)
    method.losses(batch())["ce"].backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in trained.network.parameters())
    assert torch.equal(trained.network(batch().x), method.student(batch().x))
