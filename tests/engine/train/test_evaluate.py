"""Accuracy: every test image counts once, and evaluating changes nothing."""

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from cheapconv.engine.store.runs import Store
from cheapconv.engine.train.builder import Builder, build_method
from cheapconv.engine.train.evaluate import Evaluation, Examination, Scores, in_turn, samples
from cheapconv.engine.train.teachers import Frozen
from cheapconv.methods.base import Method, Trained
from cheapconv.models.build import build_network
from cheapconv.suites import memory as batch
from cheapconv.suites.memory import InMemory, normalise
from cheapconv.suites.recipe import Recipe
from cheapconv.suites.task import Classification, Task
from tests.engine import tiny, toys
from tests.engine.tiny import PLACE, RECIPE

TASK = Classification(10)


@pytest.fixture(autouse=True)
def world(monkeypatch: pytest.MonkeyPatch) -> None:
    tiny.install(monkeypatch)
    monkeypatch.setattr(batch, "EVAL_BATCH", 10)  # 23 test images: 10, 10 and 3


class One(Method):
    """A method of one network."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__(toys.builder(), None)
        self.network = network

    def networks(self) -> list[Trained]:
        """It."""
        return [Trained("one", self.network)]


def evaluate(method: Method, data: InMemory, recipe: Recipe, task: Task) -> Evaluation:
    """All networks on all splits."""
    examination = Examination(method, recipe, task, PLACE)
    for split, x, y in samples(data, recipe):
        examination.answer(split, x, y)
    return examination.end()


def scores(network: nn.Module, data: InMemory) -> dict[str, float]:
    """Of one network on the test set."""
    return evaluate(One(network), data, RECIPE, Classification(len(data.class_names))).scores["test"]["one"]


def on_test(method: Method, data: InMemory) -> Scores:
    """Of every network of a method."""
    return evaluate(method, data, RECIPE, TASK).scores["test"]


def small_network(seed: int = 0, classes: int = 10) -> nn.Module:
    torch.manual_seed(seed)
    return build_network("wrn(depth=10, width=1)", "standard", classes).eval()


class Always(nn.Module):
    """The same logits for every image."""

    def __init__(self, logits: Tensor) -> None:
        super().__init__()
        self.logits = logits

    def forward(self, x: Tensor) -> Tensor:
        return self.logits.expand(len(x), -1)


def test_every_image_counts_once(monkeypatch):
    """The mean of the batches' accuracies would be another number."""
    data = tiny.data()
    data.test_y[:] = torch.tensor([1] * 20 + [0] * 3)  # only the last, small batch is right
    found = scores(Always(torch.arange(10.0).flip(0)), data)
    assert found == {"top1": pytest.approx(3 / 23)}


def test_mistakes_are_in_the_order_of_the_test_set():
    data, network = tiny.data(), small_network()
    with torch.no_grad():
        guesses = network(normalise(data.test_x, RECIPE.normalisation)).argmax(dim=1)
    expected = torch.where(guesses == data.test_y, 0, guesses + 1)
    assert evaluate(One(network), data, RECIPE, TASK).mistakes["one"].tolist() == expected.tolist()


def test_they_are_so_of_several_places():
    """Whose batches of ten of 23 images are the first and the last, and the one between them."""
    data = tiny.data()
    parts = [[y for _, y in replace(data, rank=rank, world=2).split("test", RECIPE)] for rank in range(2)]
    assert [len(part) for part in parts] == [2, 1]
    assert in_turn(parts).tolist() == data.test_y.tolist()


def test_accuracy_is_that_of_one_pass_over_all_images():
    data, network = tiny.data(), small_network()
    with torch.no_grad():
        guesses = network(normalise(data.test_x, RECIPE.normalisation)).argmax(dim=1)
    expected = (guesses == data.test_y).float().mean().item()
    assert scores(network, data) == {"top1": pytest.approx(expected)}


def test_top_5_counts_the_five_best_guesses_where_there_are_100_classes():
    data = tiny.data(classes=100)
    logits = torch.zeros(100)
    logits[[7, 3, 50, 99, 0]] = torch.tensor([5.0, 4.0, 3.0, 2.0, 1.0])
    data.test_y[:] = torch.tensor([7] * 5 + [0] * 4 + [50] * 2 + [8] * 12)
    assert scores(Always(logits), data) == {"top1": pytest.approx(5 / 23), "top5": pytest.approx(11 / 23)}


def test_there_is_no_top_5_with_few_classes():
    assert scores(small_network(), tiny.data()).keys() == {"top1"}


def test_the_recipes_precision_is_used():
    class Precision(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            product = x.flatten(1) @ torch.zeros(192, 10)
            seen.append(product.dtype)
            return product

    seen: list[torch.dtype] = []
    for precision in ("fp32", "bf16"):
        evaluate(One(Precision()), tiny.data(), replace(RECIPE, precision=precision), TASK)
    assert set(seen[:3]) == {torch.float32}
    assert set(seen[3:]) == {torch.bfloat16}


def built(name: str, folder: Path, **config: Any) -> Any:
    cell = tiny.planned({"method": {name: config}}).cells[0].cell
    return build_method(cell, Builder(cell, cell.classes, PLACE, Store(folder)))


class Pixels(nn.Module):
    """The first ten pixels as logits."""

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1)[:, :10]


class Two(Method):
    """A network whose answer depends on the image, and one that answers with one number."""

    def __init__(self, number: float) -> None:
        super().__init__(toys.builder(), None)
        self.number = number

    def networks(self) -> list[Trained]:
        """Both."""
        return [Trained("usable", Pixels()), Trained("odd", Always(torch.full((10,), self.number)))]


@pytest.mark.parametrize(("number", "flaw"), [(0.5, "constant"), (float("nan"), "not finite")])
def test_flaws_are_found_by_network(number, flaw):
    assert evaluate(Two(number), tiny.data().hold_out(7), RECIPE, TASK).flaws == {"odd": flaw}


def test_every_network_of_a_method_is_evaluated_in_eval_mode(tmp_path):
    """With batch statistics the guesses would depend on how the test set is cut up."""
    data, method = tiny.data(), built("od", tmp_path, students=2)
    found = on_test(method, data)
    assert list(found) == ["student_0", "student_1", "ensemble"]
    for trained in method.networks():
        assert found[trained.name] == scores(trained.network.eval(), data)


class Scattered(Method):
    """Its networks are nowhere in its module tree, and one of them uses a module that is."""

    def __init__(self) -> None:
        super().__init__(toys.builder(), None)
        self.dropout = nn.Dropout(0.9)
        self.alone = [small_network(0).train()]

    def networks(self) -> list[Trained]:
        """A network with BN, and a function that drops nine of ten logits in train mode."""
        return [Trained("alone", self.alone[0]), Trained("thinned", Thinned([self.dropout, small_network(1)]))]


class Thinned(nn.Module):
    """Modules of others, one after the other."""

    def __init__(self, parts: list[nn.Module]) -> None:
        super().__init__()
        self.parts = parts  # a list is no module

    def forward(self, x: Tensor) -> Tensor:
        return self.parts[0](self.parts[1](x))


def test_held_out_images_are_scored_apart(tmp_path):
    method, data = built("od", tmp_path, students=2), tiny.data().hold_out(7)
    found = evaluate(method, data, RECIPE, TASK).scores
    own = replace(data, test_x=data.validation_x, test_y=data.validation_y)
    assert found["validation"] == on_test(method, own) != found["test"]
    assert evaluate(method, tiny.data(), RECIPE, TASK).scores.keys() == {"test"}


def test_a_network_is_in_eval_mode_wherever_the_method_keeps_it():
    method, data = Scattered(), tiny.data()
    found = on_test(method, data)
    for seed, name in enumerate(("alone", "thinned")):
        assert found[name] == scores(small_network(seed), data)
    assert all(m.num_batches_tracked == 0 for m in method.alone[0].modules() if isinstance(m, nn.BatchNorm2d))


def test_evaluating_leaves_the_method_as_it_was_and_in_train_mode(tmp_path):
    method = built("od", tmp_path, students=2)
    before, random = copy.deepcopy(method.state_dict()), torch.get_rng_state()
    evaluate(method, tiny.data(), RECIPE, TASK)
    assert all(module.training for module in method.modules())
    assert all(torch.equal(tensor, before[name]) for name, tensor in method.state_dict().items())
    assert torch.equal(torch.get_rng_state(), random)
    assert all(p.grad is None for p in method.parameters())


def test_a_frozen_teacher_is_the_same_after_training(tmp_path, monkeypatch):
    """Weights and BN statistics, and it never leaves eval mode."""
    tiny.skip_measuring(monkeypatch)
    teachers: list[tuple[Frozen, dict[str, Tensor]]] = []
    create = Frozen.__init__

    def remember(self: Frozen, network: nn.Module, *passes: Any) -> None:
        create(self, network, *passes)
        teachers.append((self, copy.deepcopy(network.state_dict())))

    whole = tiny.planned_by("kd")  # wires a teacher of its own
    monkeypatch.setattr(Frozen, "__init__", remember)
    assert set(tiny.run(Store(tmp_path), whole).values()) == {"done"}
    [(teacher, before)] = teachers
    assert not any(module.training for module in teacher.network.modules())
    assert all(torch.equal(tensor, before[name]) for name, tensor in teacher.network.state_dict().items())
    assert all(p.grad is None and not p.requires_grad for p in teacher.network.parameters())
