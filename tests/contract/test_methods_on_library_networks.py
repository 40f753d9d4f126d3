"""Every method trains a network of timm and one of torchvision to the end and saves it, or the plan refuses to."""

import functools
from collections.abc import Callable
from pathlib import Path

import pytest

from cheapconv import catalog
from cheapconv.engine.train.rehearsal import rehearse
from tests.contract.test_methods import check_that_it_can_be_loaded
from tests.methods.world import SUITE, World, make_world, train

catalog.load()
NETWORKS = {
    "timm": "timm(name='test_efficientnet', cifar_stem=True)",
    "torchvision": "torchvision(name='resnet18', cifar_stem=True)",
}
TRIED = {("timm", "l1_group"), ("timm", "compact_kd"), ("timm", "blockswap_at")}  # the others under `slow`
REFUSED = {"blockswap_at": "residual branches", "random_at": "residual branches"}
CLASSES = {name: catalog.entry("method", name).cls for name in catalog.names("method")}
METHODS = [name for name, cls in CLASSES.items() if cls.trains and "image" in cls.answers]
PAIRS = [
    pytest.param(library, name, marks=[] if (library, name) in TRIED else pytest.mark.slow, id=f"{library}-{name}")
    for library in NETWORKS
    for name in METHODS
]


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], World]:
    """By library, the world whose teacher is its network."""
    return functools.cache(lambda library: make_world(tmp_path_factory.mktemp(library), NETWORKS[library]))


@pytest.mark.parametrize(("library", "name"), PAIRS)
def test_it_is_trained_to_the_end_or_refused_by_the_plan(
    worlds: Callable[[str], World], library: str, name: str, tmp_path: Path
) -> None:
    world, architecture = worlds(library), NETWORKS[library]
    cell, teacher = (world.cell(method, architecture=architecture) for method in (name, "scratch"))
    if name in REFUSED:
        with pytest.raises(ValueError, match=REFUSED[name]):
            rehearse(cell, teacher if cell.teacher else None)
        return
    rehearse(cell, teacher if cell.teacher else None)
    method = world.method(name, architecture=architecture)
    whole = sum(p.numel() for p in method.networks()[0].network.parameters())
    recipe = catalog.parse("suite", SUITE).recipes["short"].override(epochs=4, batch=12)
    assert train(method, tmp_path, recipe).epoch == 4
    for trained in method.networks():
        if trained.role == "student":
            check_that_it_can_be_loaded(cell, trained)
    # A network that was cut is rebuilt from its structure; one that was only quantised has one too.
    assert method.structure() or sum(p.numel() for p in method.networks()[0].network.parameters()) == whole


def test_channels_that_cannot_be_cut_are_refused_before_anything_trains(worlds: Callable[[str], World]) -> None:
    with pytest.raises(ValueError, match="its layers do not follow when channels are removed"):
        rehearse(worlds("timm").cell("l1_group", architecture="timm(name=test_nfnet)"), None)


def test_a_thin_network_of_a_library_learns_from_its_base(worlds: Callable[[str], World], tmp_path: Path) -> None:
    world, architecture = worlds("timm"), f'thin(base="{NETWORKS["timm"]}", width=0.5)'
    cell, teacher = (world.cell(method, architecture=architecture) for method in ("kd", "scratch"))
    rehearse(cell, teacher)
    method = world.method("kd", architecture=architecture)
    before = {name: p.detach().clone() for name, p in method.networks()[0].network.named_parameters()}
    recipe = catalog.parse("suite", SUITE).recipes["short"].override(epochs=2, batch=12)
    assert train(method, tmp_path, recipe).epoch == 2
    (trained,) = method.networks()
    assert all(not p.equal(before[name]) for name, p in trained.network.named_parameters() if "weight" in name)
    check_that_it_can_be_loaded(cell, trained)
