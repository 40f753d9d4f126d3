"""Networks: initial weights by seed and member, frozen teachers, and what `load` gives back."""

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from cheapconv.catalog.errors import UserError
from cheapconv.engine.store import networks
from cheapconv.engine.store.cell import Cell
from cheapconv.engine.store.content import content_hash
from cheapconv.engine.store.networks import load
from cheapconv.engine.store.runs import Store
from cheapconv.engine.train.builder import Builder, build_method
from cheapconv.engine.train.precision import use_ieee_float32
from cheapconv.engine.train.teachers import Frozen
from cheapconv.models.build import build_network
from cheapconv.suites.memory import normalise
from tests.engine import tiny
from tests.engine.tiny import PLACE, RECIPE


@pytest.fixture(autouse=True)
def world(monkeypatch: pytest.MonkeyPatch) -> None:
    tiny.install(monkeypatch)
    tiny.skip_measuring(monkeypatch)


def cell(method: str = "scratch", seed: int = 0) -> Cell:
    return tiny.planned_by(method, seeds=[seed]).cells[-1].cell


def builder(tmp_path: Path, **which: Any) -> Builder:
    return Builder(cell(**which), 10, PLACE, Store(tmp_path))


def same(a: nn.Module, b: nn.Module) -> bool:
    pairs = zip(a.state_dict().values(), b.state_dict().values(), strict=True)
    return all(torch.equal(x, y) for x, y in pairs)


def images() -> Tensor:
    """(23, 3, 8, 8)."""
    return normalise(tiny.data().test_x, RECIPE.normalisation)


# Building


def test_a_member_has_the_same_weights_under_every_method(tmp_path):
    """Also where the method has modules of its own, and whatever the generator was asked before."""
    first = builder(tmp_path).network()
    torch.rand(3)
    students = build_method(cell("od"), builder(tmp_path, method="od")).students
    assert same(first, build_method(cell("noisy"), builder(tmp_path, method="noisy")).student)
    assert same(first, students[0])
    assert not same(first, students[1])
    assert not same(first, builder(tmp_path, seed=1).network())


def test_building_a_network_draws_nothing_from_the_method(tmp_path):
    before = torch.get_rng_state()
    builder(tmp_path).network()
    assert torch.equal(torch.get_rng_state(), before)


def test_a_builder_makes_the_named_network_on_request(tmp_path):
    build = builder(tmp_path)
    assert build.network("wrn(depth=10, width=2)", "group(groups=2)").channels == [32, 64, 128]
    assert build.network().channels == [16, 32, 64]


def test_the_methods_own_modules_depend_on_the_seed_alone(tmp_path):
    heads = [build_method(cell("od", seed), builder(tmp_path, method="od", seed=seed)).teacher for seed in (0, 0, 1)]
    assert same(heads[0], heads[1])
    assert not torch.equal(heads[0].classifier.weight, heads[2].classifier.weight)


@pytest.fixture
def trained(tmp_path: Path) -> tuple[Store, str]:
    """A finished cell of online distillation with two students."""
    whole = tiny.planned_by("od", epochs=1)
    tiny.run(Store(tmp_path), whole)
    return Store(tmp_path), whole.cells[0].cell.key


def test_a_teacher_is_frozen_and_its_copy_is_not(tmp_path):
    whole = tiny.planned_by("kd", epochs=1)
    tiny.run(Store(tmp_path), whole)
    teacher, student = (p.cell for p in whole.cells)
    build = Builder(student, 10, PLACE, Store(tmp_path))
    frozen, trainable = build.teacher(), build.teacher(copy=True)
    assert not isinstance(frozen, nn.Module)
    assert same(frozen.network, load(Store(tmp_path), teacher.key).network)
    assert same(frozen.network, trainable)
    assert not frozen(images()).requires_grad
    assert trainable.training
    assert trainable(images()).requires_grad
    assert same(frozen.network, load(Store(tmp_path), teacher.key).network)  # eval mode: no statistics moved


def test_a_frozen_network_is_the_network(tmp_path):
    network = builder(tmp_path).network().eval()
    frozen, x = Frozen(copy.deepcopy(network).train()), images()
    maps = frozen.stages(x)
    assert frozen.channels == network.channels == [f.shape[1] for f in maps]
    torch.testing.assert_close(frozen(x), network(x))
    torch.testing.assert_close(frozen.head(maps[-1]), network(x))
    torch.testing.assert_close(frozen.embed(maps[-1]), network.embed(network.stages(x)[-1]))
    assert not any(f.requires_grad for f in maps)


# Loading


def test_loading_gives_the_logits_of_the_trained_network(tmp_path, monkeypatch):
    logits: dict[str, Tensor] = {}
    save = networks.save

    def save_and_remember(folder: Path, method: Any, *said: Any) -> None:
        save(folder, method, *said)
        with torch.no_grad():
            logits.update({t.name: t.network.eval()(images()) for t in method.networks()})

    monkeypatch.setattr(networks, "save", save_and_remember)
    whole = tiny.planned_by("od", epochs=1)
    tiny.run(Store(tmp_path), whole)
    for name in ("student_0", "student_1"):
        loaded = load(Store(tmp_path), whole.cells[0].cell.key, name)
        assert not loaded.network.training
        with torch.no_grad():
            assert torch.equal(loaded.network(images()), logits[name])
    assert not torch.equal(logits["student_0"], logits["student_1"])


def test_loading_gives_what_is_needed_to_use_the_network(trained):
    loaded = load(*trained)
    assert loaded.class_names == tuple(f"class {i}" for i in range(10))
    assert (loaded.mean, loaded.std) == (RECIPE.normalisation.mean, RECIPE.normalisation.std)
    assert loaded.cell.architecture == "wrn(depth=10, width=1)"
    assert same(loaded.network, load(*trained, "student_0").network)  # the first of the headline


def test_a_run_folder_is_enough_where_the_file_of_the_first_weights_is_gone(tmp_path):
    first = tmp_path / "first.pt"
    torch.save({"weights": build_network("timm(name=test_resnet)", "standard", 10).state_dict()}, first)
    whole = tiny.planned({"architecture": f"timm(name=test_resnet, weights='{first}')"}, epochs=1)
    cell = whole.cells[0].cell
    assert list(cell.weights.values()) == [content_hash(first)]
    assert tiny.ends(Store(tmp_path), whole) == ["done"]
    before = load(Store(tmp_path), cell.key).network
    first.unlink()
    after = load(Store(tmp_path), cell.key).network
    assert same(before, after)
    assert torch.equal(before(images()), after(images()))


@pytest.mark.parametrize("name", ["student_2", "ensemble", "../student_0"])
def test_a_network_that_was_not_saved_is_refused_with_those_that_were(name, trained):
    with pytest.raises(UserError, match=f"no saved network '{name}' in .*; its students: student_0, student_1"):
        load(*trained, name)


def test_a_cell_that_is_not_done_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"cell abc is not finished in .*: run it first"):
        load(Store(tmp_path), "abc")


@pytest.mark.gpu
@pytest.mark.parametrize("conv", ["standard", "group(groups=2)", "od_shift(expansion=1)", "od_depthwise"])
def test_logits_on_cuda_are_those_on_the_cpu(conv, tmp_path):
    use_ieee_float32()
    network = builder(tmp_path).network("wrn(depth=10, width=1)", conv).eval()
    with torch.no_grad():
        expected = network(images())
        found = network.cuda()(images().cuda()).cpu()
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_only_students_are_saved(trained):
    store, key = trained
    assert sorted(path.name for path in (store.run(key).folder / "networks").iterdir()) == [
        "student_0.pt",
        "student_1.pt",
    ]
