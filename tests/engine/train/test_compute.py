"""What a step of training computes, against numbers that follow from the sizes of the networks."""

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn

from cheapconv import catalog
from cheapconv.engine.run.planning import planned as planned_sweep
from cheapconv.engine.store.cell import Cell, recipe_of
from cheapconv.engine.store.compute import StepCount
from cheapconv.engine.train import compute as counting
from cheapconv.engine.train.compute import count, polynomial
from cheapconv.methods.base import Batch, Build, Method, Phase, Trained
from cheapconv.models.build import build_network
from cheapconv.models.size import count_macs
from tests.engine import tiny

NET = "wrn(depth=10, width=1)"
CONVS = ["standard", "G(4)", "G(N)", "B(2)", "od_shift"]
IMAGE, SAMPLES = tiny.Tiny.image, tiny.TRAIN
UNCOUNTED = {"kdcl", "l1_group", "fpgm", "slimming", "taylor", "group_norm", "compact_kd", "blockswap_at", "random_at"}


def planned(method: str, **fields: Any) -> Cell:
    """A cell without a teacher."""
    [cell] = [each.cell for each in tiny.planned(method, **fields).cells]
    return cell


def cells(method: Any, conv: str = "standard") -> tuple[Cell, Cell]:
    """A teacher, and a cell by the method."""
    teacher = {"name": "teacher", "seeds": [5]}
    plan = tiny.planned(teacher, {"conv": conv, "method": method})
    first, second = (planned.cell for planned in plan.cells)
    return first, second


def alone(conv: str = "standard", side: int = 8) -> int:
    """Multiply-adds of a tiny network on an image: forward, and twice as many backward but for the stem's input, which
    needs no gradient."""
    network, shape = build_network(NET, conv, 10), (3, side, side)
    stem = next(module for module in network.modules() if isinstance(module, nn.Conv2d))
    return 3 * count_macs(network, shape) - stem.weight.numel() * math.prod(shape[1:])


def per_image(found: StepCount | None) -> float:
    """Of a step."""
    assert found is not None
    return found.macs / found.images


@pytest.mark.parametrize("conv", CONVS)
def test_training_alone_costs_a_pass_forward_and_two_backward(world, conv):
    assert per_image(count(cells("label_smoothing", conv)[1], None, SAMPLES)) == alone(conv)


def test_a_teacher_costs_a_pass_forward(world):
    teacher, student = cells({"kd": {"teacher": "teacher"}}, "G(N)")
    network = build_network(NET, "standard", 10)
    passed = count_macs(network, IMAGE)
    assert per_image(count(student, teacher, SAMPLES)) == alone("G(N)") + passed


def test_every_network_that_is_trained_counts(world):
    assert per_image(count(cells({"dml": {"peers": 3}}, "G(4)")[1], None, SAMPLES)) == 3 * alone("G(4)")


def test_what_a_teacher_was_asked_before_is_not_asked_again(world):
    """As in training: after the first step it makes logits of its maps."""
    teacher, student = cells({"asking": {"teacher": "teacher"}})
    passed = count_macs(build_network(NET, "standard", 10), IMAGE)
    assert per_image(count(student, teacher, SAMPLES)) == alone() + passed


@pytest.mark.parametrize("form", ["simultaneous", "sequential"])
def test_every_update_on_a_batch_counts(world, form):
    """Peers that learn one after the other look at each other anew before each of their updates."""
    found = per_image(count(cells({"dml": {"peers": 2, "update": form}})[1], None, SAMPLES))
    forward = count_macs(build_network(NET, "standard", 10), IMAGE)
    assert found == 2 * alone() + (2 * forward if form == "sequential" else 0)


def test_views_are_asked_about_one_by_one(world, monkeypatch):
    teacher, student = cells({"asking": {"teacher": "teacher"}})
    passed = count_macs(build_network(NET, "standard", 10), IMAGE)
    monkeypatch.setattr(Asking, "views", 3)
    assert per_image(count(student, teacher, SAMPLES)) == alone() + 3 * passed


def test_nothing_is_said_of_what_does_not_train_here(world, monkeypatch):
    cell = planned("scratch")
    monkeypatch.setattr(catalog.entry("method", "scratch").cls, "trains", False)
    assert count(cell, None, SAMPLES) is None


def test_nor_of_a_loss_that_no_network_is_in(world, monkeypatch):
    def losses(self, batch, update=0):
        return {"nothing": self.student.classifier.weight.sum()}

    monkeypatch.setattr(catalog.entry("method", "scratch").cls, "losses", losses)
    assert count(planned("scratch"), None, SAMPLES) is None


@pytest.mark.parametrize("hook", ["end_epoch", "finish"])
def test_nothing_is_said_of_what_also_works_between_steps(world, monkeypatch, hook):
    assert count(planned("scratch"), None, SAMPLES) is not None
    monkeypatch.setattr(catalog.entry("method", "scratch").cls, hook, lambda self, context: None)
    assert count(planned("scratch"), None, SAMPLES) is None


@pytest.mark.parametrize("phases", [[Phase(begin=lambda context: None)], [Phase(share=0.5), Phase(share=0.5)]])
def test_nor_of_what_begins_with_work_or_has_several_phases(world, monkeypatch, phases):
    monkeypatch.setattr(catalog.entry("method", "scratch").cls, "phases", lambda self: phases)
    assert count(planned("scratch"), None, SAMPLES) is None


def test_where_images_grow_it_is_the_mean_over_epochs(world):
    cell = planned("scratch", epochs=4)
    grown = replace(cell, recipe=cell.recipe | {"growth": {"first": 32, "last": 64, "start": 0.25, "end": 0.5}})
    sides = [recipe_of(grown).side(8, epoch) for epoch in range(4)]
    assert sides == [32, 32, 64, 64]
    assert per_image(count(grown, None, SAMPLES)) == (alone(side=32) + alone(side=64)) / 2


@pytest.mark.parametrize("batch", [1, 2, 64, 1000])
def test_products_between_samples_are_those_of_the_recipes_batch(batch):
    """What a step of rkd does: passes, distances of pairs, angles of three."""
    at = counting.IMAGES
    assert polynomial(at, [7 + 100 * b + 30 * b**2 + 5 * b**3 for b in at], batch) == (
        7 + 100 * batch + 30 * batch**2 + 5 * batch**3
    )


def test_relations_are_counted_as_in_a_batch_of_that_size(world, monkeypatch):
    """Directly, and by smaller batches."""
    teacher, student = cells({"rkd": {"teacher": "teacher"}})
    few = count(student, teacher, SAMPLES)
    monkeypatch.setattr(counting, "IMAGES", (tiny.BATCH, 2, 3, 4, 5))
    assert count(student, teacher, SAMPLES) == few


def test_random_numbers_and_threads_of_the_process_stay(world):
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    count(planned("scratch"), None, SAMPLES)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.get_num_threads() == threads


def test_of_every_method_it_is_known_whether_it_can_be_counted():
    """The sweep that has all of them."""
    plan = planned_sweep("methods-quick", None, None, None)
    known = {each.cell.key: each.cell for each in plan.cells}
    counts = {cell.method: count(cell, known.get(cell.teacher or ""), 1297) for cell in known.values()}
    assert {method for method, found in counts.items() if found is None} == UNCOUNTED
    dearest = max(counts, key=lambda method: per_image(counts[method]) if counts[method] else 0)
    assert dearest == "reviewkd"


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
        said = sum(self.teacher(view).sum() + self.teacher.stages(view)[0].sum() for view in batch.views)
        return {"ce": self.loss(self.student(batch.x), batch.y), "none": 0 * said}

    def networks(self) -> list[Trained]:
        """One."""
        return [Trained("student", self.student)]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tiny suite, and the method above."""
    tiny.install(monkeypatch)
    catalog.register("method", "asking")(Asking)
