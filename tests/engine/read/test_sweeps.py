"""The sweeps that come with the suite: what each promises is what its plan holds."""

import csv
from pathlib import Path

import pytest

from cheapconv import catalog
from cheapconv.engine.plan import cells
from cheapconv.engine.plan.plan import Plan
from cheapconv.engine.read import registry
from cheapconv.engine.store.cell import Cell
from cheapconv.engine.train.rehearsal import rehearse

ROOT = Path(__file__).parents[3]
GOLDEN = ROOT / "tests" / "golden" / "golden_models.csv"


@pytest.fixture(scope="module")
def shipped() -> registry.Registry:
    return registry.load(ROOT / "registry.yaml")


def taken_on_trust(cell: Cell, teacher: Cell | None) -> None:
    """Rehearses nothing: what a sweep holds is seen without its networks."""


def planned(shipped: registry.Registry, name: str, rehearsal: cells.Rehearsal = taken_on_trust) -> Plan:
    return cells.plan(shipped.sweep(name), name, rehearsal)


@pytest.mark.parametrize(
    "name",
    [
        *("quick", "cifar10-short", "cifar100-short", "mlperf-tiny"),
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("cifar10-cpu", "od-cifar10", "moonshine-cifar10")),
    ],
)
def test_every_cell_can_be_wired(shipped: registry.Registry, name: str) -> None:
    rehearsed = planned(shipped, name, rehearse)
    assert not rehearsed.skipped
    assert [p.cell.key for p in rehearsed.cells] == [p.cell.key for p in planned(shipped, name).cells]


@pytest.mark.parametrize(
    ("name", "count", "teachers"),
    [
        ("quick", 26, 2),
        ("cifar10-brief", 147, 3),
        ("cifar10-short", 13, 1),
        ("cifar100-short", 5, 1),
        ("od-cifar10", 39, 3),
        ("mlperf-tiny", 27, 3),
    ],
)
def test_number_of_cells(shipped: registry.Registry, name: str, count: int, teachers: int) -> None:
    found = planned(shipped, name)
    assert len(found.cells) == count
    assert [p.entry for p in found.cells].count("teacher") == teachers


def test_cells_of_the_brief_sweep_are_cells_of_the_long_one(shipped: registry.Registry) -> None:
    """But for those that train for longer."""
    brief, whole = ([p.cell for p in planned(shipped, name).cells] for name in ("cifar10-brief", "cifar10-cpu"))
    others = {cell.key: cell.epochs for cell in brief if cell.key not in {cell.key for cell in whole}}
    assert {*others.values()} == {14}
    assert len(others) == 39


def test_fashion_quick_has_every_conv_of_standard_convolutions_once(shipped: registry.Registry) -> None:
    teacher, students = shipped.sweep("fashion-quick").entries
    names = [catalog.parse("conv", text).registered_name for text in students.conv]
    of_pointwise = {"pointwise_group", "pointwise_low_rank"}  # stand in for 1x1 convolutions alone
    assert {*names} == {*catalog.names("conv")} - of_pointwise
    assert len({catalog.canonical(catalog.parse("conv", text)) for text in students.conv}) == len(names)
    assert [choice.name for choice in students.method] == ["scratch", "kd", "at", "od"]
    assert {choice.teacher for choice in students.method} == {None, teacher.name}


def test_moonshine_is_table_2(shipped: registry.Registry) -> None:
    """The students are those whose sizes the paper's Table 2 gives."""
    found = planned(shipped, "moonshine-cifar10")
    assert len(found.cells) == 5 * (1 + 25 * 3)
    students = {(p.cell.architecture_label, p.cell.conv_label) for p in found.cells if p.entry is None}
    with GOLDEN.open() as file:
        sizes = [r for r in csv.DictReader(file) if "moonshine builder" in r["source"] and "Table 2" in r["source"]]
    table = {(row["architecture"], row["conv"]) for row in sizes if row["num_classes"] == "10"}
    assert students == table - {("WRN-40-2", "S")}
    assert len(students) == 25
    kd = [p.cell for p in found.cells if p.cell.method == "kd"]
    assert {cell.method_label for cell in kd} == {"kd(form=moonshine_code)"}


def test_od_holds_the_corrected_and_the_released_loss(shipped: registry.Registry) -> None:
    found = planned(shipped, "od-cifar10")
    labels = {p.cell.method_label for p in found.cells}
    assert labels == {"scratch", "kd", "od", "od(form=code)"}
    assert "form=code" in shipped.sweep("od-cifar10").description


def test_both_moonshine_sweeps_hold_the_same_table(shipped: registry.Registry) -> None:
    ten, hundred = (shipped.sweep(f"moonshine-cifar{classes}") for classes in (10, 100))
    assert [e.model_dump() for e in ten.entries] == [e.model_dump() for e in hundred.entries]
    assert (ten.recipe, ten.seeds) == (hundred.recipe, hundred.seeds)
    assert (ten.suite, hundred.suite) == ("cifar10", "cifar100")


def test_the_cpu_sweep_asks_for_one_precision_and_few_epochs(shipped: registry.Registry) -> None:
    recipes = [p.cell.recipe for p in planned(shipped, "cifar10-short").cells]
    assert {(recipe["epochs"], recipe["precision"]) for recipe in recipes} == {(6, "bf16")}


def test_the_whole_sweep_for_a_cpu_has_a_control_for_everything_it_asks(shipped: registry.Registry) -> None:
    """Distillation of the standard network itself, its thin versions, and the weight of standardised logits alone."""
    rows = {
        (p.cell.architecture_label, p.cell.conv_label, p.cell.method) for p in planned(shipped, "cifar10-cpu").cells
    }
    cheap = {conv for architecture, conv, _ in rows if architecture == "WRN-16-2"} - {"S"}
    assert len(cheap) == 9
    methods = {"scratch", "kd", "at", "od", "dml", "kd_ls"}
    assert {("WRN-16-2", conv, method) for conv in {*cheap, "S"} for method in methods} <= rows
    thin = {architecture for architecture, conv, _ in rows if conv == "S"} - {"WRN-16-2"}
    assert len(thin) == 2
    assert {(name, "S", method) for name in thin for method in ("scratch", "kd", "at")} <= rows
    by_weight = {p.cell.method_label for p in planned(shipped, "cifar10-cpu").cells if p.cell.conv_label == "G(N)"}
    assert {"kd_ls", "kd(temperature=2, kd_weight=9)"} <= by_weight


def test_mlperf_tiny_is_its_network_as_published_and_with_three_cheap_convs(shipped: registry.Registry) -> None:
    students = [p.cell for p in planned(shipped, "mlperf-tiny").cells if p.entry is None]
    assert {cell.architecture_label for cell in students} == {"ResNet-8 (MLPerf Tiny)"}
    assert {(cell.conv_label, cell.method) for cell in students} == {
        (conv, method) for conv in ("S", "G(4)", "G(N)", "BG(2,M/8)") for method in ("scratch", "kd")
    }
