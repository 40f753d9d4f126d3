"""What a step of training computes, against numbers that follow from the sizes of the networks."""

import math
from typing import Any

import pytest
import torch
from torch import nn

from cheapconv import catalog
from cheapconv.engine.store.cell import Cell
from cheapconv.engine.store.compute import Compute
from cheapconv.engine.train import compute as counting
from cheapconv.engine.train.compute import compute
from cheapconv.methods.base import Batch, Build, Method, Trained
from cheapconv.models.build import build_network
from cheapconv.models.size import count_macs
from tests.engine import tiny

NET = "wrn(depth=10, width=1)"
CONVS = ["standard", "G(4)", "G(N)", "B(2)", "od_shift"]


def cells(method: Any, conv: str = "standard") -> tuple[Cell, Cell]:
    """A teacher, and a cell by the method."""
    teacher = {"name": "teacher", "seeds": [5]}
    plan = tiny.planned(teacher, {"conv": conv, "method": method})
    first, second = (planned.cell for planned in plan.cells)
    return first, second


def alone(conv: str = "standard") -> int:
    """Multiply-adds of a tiny network on an image: forward, and twice as many backward but for the stem's input, which
    needs no gradient."""
    network, shape = build_network(NET, conv, 10), catalog.parse("suite", "tiny").image
    stem = next(module for module in network.modules() if isinstance(module, nn.Conv2d))
    return 3 * count_macs(network, shape) - stem.weight.numel() * math.prod(shape[1:])


def per_image(found: Compute | None) -> float:
    """Of a step."""
    assert found is not None
    return found.macs / found.images


@pytest.mark.parametrize("conv", CONVS)
def test_training_alone_costs_a_pass_forward_and_two_backward(world, conv):
    assert per_image(compute(cells("label_smoothing", conv)[1], None)) == alone(conv)


def test_a_teacher_costs_a_pass_forward(world):
    teacher, student = cells({"kd": {"teacher": "teacher"}}, "G(N)")
    network = build_network(NET, "standard", 10)
    passed = count_macs(network, catalog.parse("suite", "tiny").image)
    assert per_image(compute(student, teacher)) == alone("G(N)") + passed


def test_every_network_that_is_trained_counts(world):
    assert per_image(compute(cells({"dml": {"peers": 3}}, "G(4)")[1], None)) == 3 * alone("G(4)")


def test_what_a_teacher_was_asked_before_is_not_asked_again(world):
    """As in training: after the first step it makes logits of its maps."""
    teacher, student = cells({"asking": {"teacher": "teacher"}})
    passed = count_macs(build_network(NET, "standard", 10), catalog.parse("suite", "tiny").image)
    assert per_image(compute(student, teacher)) == alone() + passed


def test_what_does_not_train_computes_nothing(world, monkeypatch):
    [cell] = [planned.cell for planned in tiny.planned("scratch").cells]
    monkeypatch.setattr(catalog.entry("method", "scratch").cls, "trains", False)
    assert compute(cell, None) == Compute(macs=0, images=1)


@pytest.mark.parametrize("hook", ["end_epoch", "finish"])
def test_nothing_is_said_of_what_also_works_between_steps(world, monkeypatch, hook):
    [cell] = [planned.cell for planned in tiny.planned("scratch").cells]
    assert compute(cell, None) is not None
    monkeypatch.setattr(catalog.entry("method", "scratch").cls, hook, lambda self, context: None)
    assert compute(cell, None) is None


def test_large_images_are_counted_on_fewer_of_them(world, monkeypatch):
    [cell] = [planned.cell for planned in tiny.planned("scratch").cells]
    whole = compute(cell, None)
    assert whole is not None
    monkeypatch.setattr(counting, "PIXELS", 1)
    assert compute(cell, None) == Compute(macs=2 * whole.macs // whole.images, images=2)


def test_random_numbers_and_weights_of_the_process_stay(world):
    [cell] = [planned.cell for planned in tiny.planned("scratch").cells]
    before = torch.get_rng_state()
    compute(cell, None)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("groups", [1, 2, 8])
@pytest.mark.parametrize("kind", [nn.Conv2d, nn.ConvTranspose2d])
def test_gradients_of_a_convolution_cost_as_much_as_it_each(kind, groups):
    """torch's own rule takes the gradient of a weight in groups for that of one without."""
    layer, x = kind(8, 16, 3, stride=2, groups=groups, bias=False), torch.randn(2, 8, 9, 9, requires_grad=True)
    with counting.operations() as forward:
        y = layer(x)
    with counting.operations() as backward:
        y.sum().backward()
    positions = (y if kind is nn.Conv2d else x).shape[2:]
    macs = 2 * layer.weight.numel() * math.prod(positions)
    assert (forward.get_total_flops(), backward.get_total_flops()) == (2 * macs, 4 * macs)


class Asking(Method):
    """Asks its teacher for logits, then for maps."""

    needs_teacher = True

    def __init__(self, build: Build, config: object) -> None:
        super().__init__(build, config)
        self.student, self.teacher, self.loss = build.network(), build.teacher(), build.loss

    def losses(self, batch: Batch, update: int = 0) -> dict[str, torch.Tensor]:
        """Of the labels; what the teacher says weighs nothing."""
        said = self.teacher(batch.x).sum() + self.teacher.stages(batch.x)[0].sum()
        return {"ce": self.loss(self.student(batch.x), batch.y), "none": 0 * said}

    def networks(self) -> list[Trained]:
        """One."""
        return [Trained("student", self.student)]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tiny suite, and the method above."""
    tiny.install(monkeypatch)
    catalog.register("method", "asking")(Asking)
