"""Sizes of networks against measured golden rows and, for other numbers, against closed forms."""

import csv
from pathlib import Path

import pytest
import torch

from engine import catalog
from engine.errors import UserError
from models.network import Network
from models.size import count_macs, count_params, count_params_with_bn_stats
from tests.models import formulas

GOLDEN = Path(__file__).parents[1] / "golden" / "golden_models.csv"


def expressible(row: dict[str, str]) -> bool:
    try:
        catalog.parse("architecture", row["architecture"])
        catalog.parse("conv", row["conv"])
    except UserError:
        return False
    return True


catalog.load()
ROWS = [row for row in csv.DictReader(GOLDEN.read_text().splitlines()) if expressible(row)]


def build(architecture: str, conv: str, classes: int) -> Network:
    """The network without storage: sizes need shapes only."""
    with torch.device("meta"):
        return catalog.parse("architecture", architecture).build(catalog.parse("conv", conv), classes)


def sizes(network: Network, side: int = 32) -> tuple[int, int, int]:
    return count_params(network), count_params_with_bn_stats(network), count_macs(network, (3, side, side))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['architecture']}-{row['conv']}-{row['num_classes']}")
def test_golden_row(row):
    network = build(row["architecture"], row["conv"], int(row["num_classes"]))
    shape = tuple(int(side) for side in row["input"].split("x"))
    assert count_params(network) == int(row["params_trainable"])
    if row["params_with_bn_stats"]:
        assert count_params_with_bn_stats(network) == int(row["params_with_bn_stats"])
    if row["macs"]:
        assert count_macs(network, shape) == int(row["macs"])


def test_no_golden_row_of_these_families_is_left_out():
    convs = {row["conv"] for row in ROWS}
    assert {"S", "S-2x2", "G(2)", "G(N/16)", "G(N)", "B(4)", "BG(2,M/16)", "BG(4,M)", "shift(e=9)", "od-dw"} <= convs
    counts = {"WRN-40-2": 23, "WRN-16-2": 23, "WRN-40-1": 21, "WRN-16-1": 21, "WRN-28-10": 5}
    counts |= {"ResNet-20-OD": 10, "ResNet-56-OD": 11} | {f"ResNet-{d}": 2 for d in (8, 14, 20, 32, 44, 56, 110)}
    for architecture, count in counts.items():
        assert sum(row["architecture"] == architecture for row in ROWS) >= count, architecture


def test_labels_are_the_names_of_the_golden_table():
    for row in ROWS:
        architecture, conv = catalog.parse("architecture", row["architecture"]), catalog.parse("conv", row["conv"])
        assert catalog.label("architecture", architecture) == row["architecture"]
        assert catalog.label("conv", conv) == row["conv"]


PATHS = {
    "S": formulas.standard(),
    "S-2x2": formulas.standard(4),
    "G(1)": formulas.group(lambda n: 1),
    "G(16)": formulas.group(lambda n: 16),
    "G(N/2)": formulas.group(lambda n: n // 2),
    "G(N)": formulas.group(lambda n: n),
    "B(1)": formulas.bottleneck(1, lambda m: 1),
    "B(3)": formulas.bottleneck(3, lambda m: 1),
    "BG(2,4)": formulas.bottleneck(2, lambda m: 4),
    "BG(2,M/8)": formulas.bottleneck(2, lambda m: m // 8),
    "BG(8,M)": formulas.bottleneck(8, lambda m: m),
    "shift(e=2)": formulas.od_shift(2),
    "od-dw": formulas.od_group(lambda n: n),
    "od-group(8)": formulas.od_group(lambda n: 8),
}


def check(network: Network, expected: formulas.Size) -> None:
    assert sizes(network) == (expected.params, expected.params_with_bn_stats, expected.macs)


@pytest.mark.parametrize("conv", PATHS)
@pytest.mark.parametrize(("depth", "width", "classes"), [(10, 1, 100), (22, 3, 7)])
def test_wrn_closed_form(depth, width, classes, conv):
    check(build(f"WRN-{depth}-{width}", conv, classes), formulas.wrn(depth, width, classes, PATHS[conv]))


@pytest.mark.parametrize("conv", PATHS)
@pytest.mark.parametrize(
    ("architecture", "depth", "classes"), [("ResNet-8", 8, 100), ("ResNet-26", 26, 7), ("ResNet-14-OD", 14, 100)]
)
def test_resnet_closed_form(architecture, depth, classes, conv):
    check(build(architecture, conv, classes), formulas.resnet(depth, classes, PATHS[conv]))


def test_hundred_classes_cost_ninety_outputs_more():
    small, large = sizes(build("WRN-40-2", "G(N/8)", 10)), sizes(build("WRN-40-2", "G(N/8)", 100))
    assert [b - a for a, b in zip(small, large, strict=True)] == [11610, 11610, 11520]
