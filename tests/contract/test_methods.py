"""What every registered method promises to the trainer, with its default settings. A new method is covered at once."""

import copy
import dataclasses
import json
import re
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from cheapconv import catalog
from cheapconv.engine.store.cell import Cell
from cheapconv.engine.train.builder import Builder, build_method
from cheapconv.engine.train.teachers import Frozen
from cheapconv.methods.base import Method, Trained
from cheapconv.models.build import build_network
from tests.methods.world import PLACE, SUITE, World, batch, data, make_world, train

catalog.load()
CLASSES = {name: catalog.entry("method", name).cls for name in catalog.names("method")}
METHODS = [name for name, cls in CLASSES.items() if cls.trains and "image" in cls.answers]
TAUGHT = [name for name in METHODS if catalog.entry("method", name).cls.needs_teacher]
every_method = pytest.mark.parametrize("name", METHODS)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return make_world(tmp_path_factory.mktemp("contract"))


def terms(method: Method) -> dict[str, Tensor]:
    """Loss terms of one batch, over all of its updates."""
    found: dict[str, Tensor] = {}
    torch.manual_seed(0)  # of what the method draws itself
    for update in range(method.updates_per_batch):
        for name, term in method.losses(batch(method.views), update).items():
            found[name] = found.get(name, 0) + term
    return found


def total(method: Method) -> Tensor:
    return torch.stack([*terms(method).values()]).sum()


def parameters(method: Method) -> dict[str, nn.Parameter]:
    """Those that are trained, by name."""
    return {name: p for name, p in method.named_parameters() if p.requires_grad}


@every_method
def test_the_config_of_several_phases_says_their_shares(world: World, name: str) -> None:
    """By them a plan knows how long each phase is."""
    method = world.method(name)
    shares = [phase.share for phase in method.phases()]
    assert list(getattr(method.config, "shares", (1.0,))) == pytest.approx(shares)
    assert sum(shares) == pytest.approx(1)


@every_method
def test_terms_are_finite_scalars(world: World, name: str) -> None:
    found = terms(world.method(name))
    assert found
    for term in found.values():
        assert (term.shape, term.dtype) == ((), torch.float32)
        assert term.isfinite()
        assert isinstance(term.item(), float)


@every_method
def test_labels_may_be_soft_where_a_method_says_so(world: World, name: str) -> None:
    """Shares that are all of one class are that class, and others train too."""
    if not catalog.entry("method", name).cls.soft_labels:
        pytest.skip("it needs one class for each image, and a plan refuses recipes that mix them")
    method = world.method(name)
    hard = batch(method.views)
    certain = dataclasses.replace(hard, y=one_hot(hard.y, 10).float())
    between = dataclasses.replace(hard, y=(certain.y + certain.y.flip(0)) / 2)
    found = {}
    for given in (hard, certain, between):
        torch.manual_seed(0)
        fresh = world.method(name)
        found[id(given)] = torch.stack([*fresh.losses(given).values()])
    torch.testing.assert_close(found[id(certain)], found[id(hard)])
    assert found[id(between)].isfinite().all()
    assert not torch.equal(found[id(between)], found[id(hard)])


@every_method
def test_terms_have_the_same_names_at_every_step(world: World, name: str) -> None:
    method = world.method(name)
    assert terms(method).keys() == terms(method).keys()


@every_method
def test_a_gradient_for_every_parameter(world: World, name: str) -> None:
    method = world.method(name)
    total(method).backward()
    for parameter_name, parameter in parameters(method).items():
        assert parameter.grad is not None, parameter_name
        assert parameter.grad.isfinite().all(), parameter_name


@every_method
def test_steps_on_one_batch_lower_the_loss(world: World, name: str) -> None:
    method = world.method(name)
    optimiser = torch.optim.SGD(method.param_groups(), lr=0.01)
    before = total(method).item()
    for _ in range(5):
        optimiser.zero_grad()
        total(method).backward()
        optimiser.step()
        method.after_update()
    assert total(method).item() < before


@every_method
def test_every_parameter_is_in_one_group(world: World, name: str) -> None:
    method = world.method(name)
    grouped = [id(p) for group in method.param_groups() for p in group["params"]]
    assert sorted(grouped) == sorted(map(id, parameters(method).values()))
    assert all(
        group.keys() <= {"params", "lr", "weight_decay", "weight_decay_scale"} for group in method.param_groups()
    )


@every_method
def test_weights_make_another_instance_the_same(world: World, name: str) -> None:
    method, other = world.method(name, seed=0), world.method(name, seed=1)
    saved = copy.deepcopy(method.state_dict())
    assert total(method) != total(other)
    for instance in (method, other):
        instance.load_state_dict(saved)
    for a, b in zip(terms(method).values(), terms(other).values(), strict=True):
        assert torch.equal(a, b)


@every_method
def test_bf16_autocast_trains(world: World, name: str) -> None:
    method, exact = world.method(name), total(world.method(name)).item()
    with torch.autocast("cpu", torch.bfloat16):
        found = terms(method)
    assert {term.dtype for term in found.values()} == {torch.float32}
    torch.stack([*found.values()]).sum().backward()
    assert sum(t.item() for t in found.values()) == pytest.approx(exact, rel=0.1)
    assert all(p.grad.isfinite().all() for p in parameters(method).values())


@every_method
def test_networks_can_be_evaluated_and_one_is_the_headline(world: World, name: str) -> None:
    method = world.method(name).eval()
    found = method.networks()
    assert any(t.headline for t in found)
    assert all(t.role == "student" for t in found if t.headline)
    names = [t.name for t in found]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"\w+", n) for n in names)  # they are file names
    assert [t.name for t in method.networks()] == names
    for trained in found:
        with torch.no_grad():
            assert trained.network(batch(count=5).x).shape == (5, 10)


@every_method
def test_what_is_deployed_is_what_is_trained(world: World, name: str) -> None:
    method = world.method(name)
    before = {t.name: [p.detach().clone() for p in t.network.parameters()] for t in method.networks()}
    total(method).backward()
    torch.optim.SGD(method.param_groups(), lr=0.1).step()
    for trained in method.networks():
        changed = zip(before[trained.name], trained.network.parameters(), strict=True)
        assert any(not torch.equal(a, b) for a, b in changed), trained.name


class Spy(Builder):
    """A builder that remembers the frozen teachers it has given out."""

    def teacher(self, copy: bool = False) -> nn.Module | Frozen:
        given = super().teacher(copy)
        if isinstance(given, Frozen):
            self.frozen = [*getattr(self, "frozen", []), given.network]
        return given


@pytest.mark.parametrize("name", TAUGHT)
def test_a_frozen_teacher_stays_as_it_was(world: World, name: str) -> None:
    cell = world.cell(name)
    spy = Spy(cell, cell.classes, PLACE, world.store, data().train_y)
    method = build_method(cell, spy)
    frozen = getattr(spy, "frozen", [])
    before = [copy.deepcopy(network.state_dict()) for network in frozen]
    optimiser = torch.optim.SGD(method.param_groups(), lr=0.1)
    for _ in range(2):
        method.eval()
        method.train()
        total(method).backward()
        optimiser.step()
    own = {id(t) for t in [*method.parameters(), *method.buffers(), *method.state_dict(keep_vars=True).values()]}
    for network, state in zip(frozen, before, strict=True):
        assert not any(module.training for module in network.modules())
        assert all(p.grad is None and not p.requires_grad for p in network.parameters())
        assert not own & {id(t) for t in [*network.parameters(), *network.buffers()]}
        assert all(torch.equal(state[key], value) for key, value in network.state_dict().items())


@every_method
def test_the_trainer_takes_it_through_all_epochs(world: World, name: str, tmp_path: Path) -> None:
    """Covers `phases`, `views`, `after_update`, `end_epoch`, `finish` and the clock as the trainer uses them."""
    recipe = catalog.parse("suite", SUITE).recipes["short"].override(epochs=4, batch=8)
    method = world.method(name)
    position = train(method, tmp_path, recipe)
    assert position.epoch == len(position.curve) == 4
    for row in position.curve:
        assert row.scores.keys() == {t.name for t in method.networks()}
        assert row.loss == pytest.approx(sum(row.terms.values()))
    for trained in method.networks():
        if trained.role == "student":
            check_that_it_can_be_loaded(world.cell(name), trained)


def check_that_it_can_be_loaded(cell: Cell, trained: Trained) -> None:
    """A deployed network is its texts, its structure and its weights, and nothing else."""
    fresh = build_network(trained.architecture or cell.architecture, trained.conv or cell.conv, cell.classes)
    if trained.structure is not None:
        structure = json.loads(json.dumps(trained.structure))
        fresh = catalog.entry("method", cell.method).cls.rebuild(fresh, structure)
    fresh.load_state_dict(trained.network.state_dict())
    with torch.no_grad():
        torch.testing.assert_close(fresh.eval()(batch().x), trained.network.eval()(batch().x))


@every_method
def test_phases_share_the_epochs_and_have_steps(world: World, name: str) -> None:
    method = world.method(name)
    assert method.updates_per_batch >= 1
    assert method.views >= 1
    phases = method.phases()
    assert sum(phase.share for phase in phases) == pytest.approx(1)
    assert all(phase.share > 0 for phase in phases)


@every_method
def test_a_structure_is_json_that_fits_a_fresh_instance(world: World, name: str) -> None:
    structure = world.method(name).structure()
    if structure is not None:
        world.method(name).restructure(json.loads(json.dumps(structure)))


@every_method
def test_settings_survive_json(name: str) -> None:
    entry = catalog.entry("method", name)
    config = entry.config()
    settings = json.loads(json.dumps(dataclasses.asdict(config)))
    assert catalog.build("method", name, settings) == config
    assert dataclasses.fields(config) == () or config.__dataclass_params__.frozen


@every_method
def test_it_says_what_it_is_and_where_it_comes_from(name: str) -> None:
    entry = catalog.entry("method", name)
    assert issubclass(entry.cls, Method)
    assert entry.cls.__doc__ != Method.__doc__
    assert entry.summary.endswith(".")
    assert entry.paper
    assert entry.cls.version >= 1
