"""Weight decay of structured parameters: asked for in the registry, set by the builder, used by the optimiser."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from cheapconv import catalog
from cheapconv.catalog.errors import UserError
from cheapconv.engine.read.registry import load
from cheapconv.engine.store.cell import Cell
from cheapconv.engine.store.runs import Store
from cheapconv.engine.train.builder import Builder, build_method
from cheapconv.engine.train.optimiser import make_optimiser
from cheapconv.methods.base import Phase
from cheapconv.models.build import standard_params
from cheapconv.models.size import count_params
from cheapconv.models.structured import structured_modules, weight_decay_scales
from tests.engine import fakes, tiny
from tests.engine.tiny import CONSTANT, PLACE, train
from tests.engine.toys import Quadratic, by_hand

WRN = "wrn(depth=10, width=1)"


@pytest.fixture(autouse=True)
def world(monkeypatch: pytest.MonkeyPatch) -> None:
    tiny.install(monkeypatch)


def cell(scale: str | None = "compression", conv: str = "Generic_0.25", method: str = "scratch") -> Cell:
    return tiny.planned({"conv": conv, "method": method, "weight_decay_scale": scale}).cells[0].cell


def decays(cell: Cell, folder: Path) -> list[tuple[float, int]]:
    """Weight decay and number of parameters of each group of the cell's optimiser."""
    method = build_method(cell, Builder(cell, 10, PLACE, Store(folder)))
    groups = make_optimiser(method, CONSTANT, Phase()).param_groups
    return [(group["weight_decay"], sum(p.numel() for p in group["params"])) for group in groups]


def test_structured_parameters_decay_by_the_compression_ratio(tmp_path):
    network = Builder(cell(), 10, PLACE, Store(tmp_path)).network()
    ratio = count_params(network) / standard_params(WRN, 10)
    structured = sum(p.numel() for m in structured_modules(network) for p in m.parameters())
    assert ratio < 0.5
    assert decays(cell(), tmp_path) == [
        (0.01, count_params(network) - structured),
        (pytest.approx(0.01 * ratio), structured),
    ]


@pytest.mark.parametrize("conv", ["S", "Hashed_0.10", "G(N)"])
def test_other_convs_keep_one_group(conv, tmp_path):
    assert [decay for decay, _ in decays(cell(conv=conv), tmp_path)] == [0.01]


def test_nothing_is_scaled_unless_the_recipe_says_so(tmp_path):
    assert [decay for decay, _ in decays(cell(scale=None), tmp_path)] == [0.01]


def test_every_student_is_scaled(tmp_path):
    crowd = cell(method="od")
    method = build_method(crowd, Builder(crowd, 10, PLACE, Store(tmp_path)))
    scaled = weight_decay_scales(method)
    structured = [p for m in structured_modules(method) for p in m.parameters()]
    assert len(method.students) > 1
    assert len(scaled) == len(structured) == 12 * len(method.students)


def test_scaling_draws_nothing(tmp_path):
    """The networks are the same with and without."""
    one, other = (Builder(cell(scale), 10, PLACE, Store(tmp_path)) for scale in (None, "compression"))
    for _ in range(2):
        pairs = zip(one.network().state_dict().values(), other.network().state_dict().values(), strict=True)
        assert all(torch.equal(a, b) for a, b in pairs)


class Scaled(Quadratic):
    """The parabola, whose parameter is structured."""

    def __init__(self) -> None:
        super().__init__()
        self.structured, self.weight_decay_scale = True, 0.5


def test_a_step_is_the_formula(tmp_path):
    method = Scaled()
    start = method.w.detach().clone()
    train(method, tmp_path, replace(CONSTANT, weight_decay=0.02))
    expected = by_hand(start, [0.1] * tiny.STEPS, decay=0.01)
    torch.testing.assert_close(method.w.detach().double(), expected, rtol=1e-6, atol=1e-7)


def test_entry_and_sweep_set_it_and_null_takes_it_back():
    scales = ["compression", None]
    both = tiny.planned({"conv": "Generic_0.25", "weight_decay_scale": scales}).cells
    assert [p.cell.recipe["weight_decay_scale"] for p in both] == scales
    own = tiny.planned("scratch", {"weight_decay_scale": None}, weight_decay_scale="compression").cells
    assert [p.cell.recipe["weight_decay_scale"] for p in own] == scales


def test_it_is_in_the_key_only_where_it_is_set():
    def without_the_field(cell: Cell) -> Cell:
        return replace(cell, recipe={k: v for k, v in cell.recipe.items() if k != "weight_decay_scale"})

    assert cell(None).key == without_the_field(cell(None)).key
    assert cell("compression").key != cell(None).key


def test_another_word_is_refused_with_file_and_line(tmp_path, monkeypatch):
    fakes.install(monkeypatch)
    entry = "      - {architecture: net(width=4), conv: S, method: alone, weight_decay_scale: ratio}"
    with pytest.raises(UserError, match=r"registry.yaml:6.*weight_decay_scale.*compression"):
        load(fakes.write_registry(tmp_path, entry))


def test_standard_params_are_those_of_the_standard_network():
    with torch.device("meta"):
        network = catalog.parse("architecture", WRN).build(catalog.parse("conv", "S"), 10)
    assert standard_params(WRN, 10) == count_params(network)
