"""Sizes of networks against measured golden rows and, for other numbers, against closed forms."""

import csv
import re
from pathlib import Path

import pytest

from cheapconv import catalog
from cheapconv.catalog.errors import UserError
from cheapconv.models.meta import on_meta
from cheapconv.models.network import Network
from cheapconv.models.size import count_macs, count_params, count_params_with_bn_stats
from tests.models import formulas

# Rows that are no network of the catalog, by architecture.
NOT_NETWORKS = {
    "DARTS": "a searched network, known by rounded printed numbers only",
    "ONE ResNet-32, 3 branches, training time": "a training graph",
    "ONE ResNet-32, 4 branches, training time": "a training graph",
    "ONE ResNet-110-B18, 3 branches, training time": "a training graph",
    "OKDDip branch-based ResNet-32, 4 branches, training time": "a training graph",
    "FFL ResNet-32, 2 branches, training time without fusion module": "a training graph",
    "FFL fusion module (64 channels, 8x8)": "a part of a training graph",
    "OD teacher head (m=4, 256 channels)": "a part of a training graph",
}
# Rows of a network whose convs are no single conv of the catalog.
NOT_BUILT = {
    ("MobileNetV2", "Shuffle_4"): "replaces convolutions of a network that is cheap already",
}
# Rows whose conv has a remark behind its name: see test_golden_separable.py.
WRITTEN_DIFFERENTLY = re.compile(r"(ACDC_\d+|SepHashedDecimate|HashedSeparable) \(.*\)")

GOLDEN = Path(__file__).parents[1] / "golden" / "golden_models.csv"


def expressible(row: dict[str, str]) -> bool:
    try:
        catalog.parse("architecture", row["architecture"])
        catalog.parse("conv", row["conv"])
    except UserError:
        return False
    return (row["architecture"], row["conv"]) not in NOT_BUILT


catalog.load()
TABLE = list(csv.DictReader(GOLDEN.read_text().splitlines()))
ROWS = [row for row in TABLE if expressible(row)]


def build(architecture: str, conv: str, classes: int) -> Network:
    """The network without storage: sizes need shapes only."""
    with on_meta():
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


def test_rows_that_are_not_built_are_the_listed_ones():
    skipped = {(row["architecture"], row["conv"]) for row in TABLE if row not in ROWS}
    unlisted = {pair for pair in skipped if pair[0] not in NOT_NETWORKS and pair not in NOT_BUILT}
    assert {pair for pair in unlisted if not WRITTEN_DIFFERENTLY.fullmatch(pair[1])} == set()
    assert skipped >= set(NOT_BUILT)
    assert {architecture for architecture, _ in skipped} >= set(NOT_NETWORKS)


def test_no_golden_row_of_these_families_is_left_out():
    convs = {row["conv"] for row in ROWS}
    assert {"S", "S-2x2", "G(2)", "G(N/16)", "G(N)", "B(4)", "BG(2,M/16)", "BG(4,M)", "shift(e=9)", "od-dw"} <= convs
    counts = {"WRN-40-2": 23, "WRN-16-2": 23, "WRN-40-1": 21, "WRN-16-1": 21, "WRN-28-10": 5}
    counts |= {"ResNet-34": 11, "ShiftResNet-20": 8, "ShiftResNet-56": 8, "VGG-16-5P": 2, "DenseNet-100-12": 2}
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


@pytest.mark.parametrize("conv", PATHS)
def test_resnet_x4_closed_form(conv):
    check(build("ResNet-14x4", conv, 7), formulas.resnet(14, 7, PATHS[conv], widths=[32, 64, 128, 256]))


@pytest.mark.parametrize("conv", PATHS)
def test_resnet_of_mlperf_tiny_closed_form(conv):
    """An operator of several layers has no bias; of the paths here those of S and S-2x2 are single convolutions."""
    biases = 2 if conv in ("S", "S-2x2") else 0
    check(build("ResNet-8 (MLPerf Tiny)", conv, 7), formulas.resnet_tiny(7, PATHS[conv], biases))


@pytest.mark.parametrize("conv", PATHS)
@pytest.mark.parametrize(("architecture", "width"), [("ResNet-18-ImageNet", 1), ("ResNet-18-0.5", 2)])
def test_resnet_imagenet_closed_form(architecture, width, conv):
    widths = [64, 64, 128 // width, 256 // width, 512 // width]
    expected = formulas.resnet_imagenet([2, 2, 2, 2], widths, 7, PATHS[conv])
    network = build(architecture, conv, 7)
    assert sizes(network, side=224) == (expected.params, expected.params_with_bn_stats, expected.macs)


@pytest.mark.parametrize("bottleneck", [True, False])
@pytest.mark.parametrize(("layers", "growth", "classes"), [(2, 8, 7), (6, 24, 100)])
def test_densenet_closed_form(layers, growth, classes, bottleneck):
    name = f"DenseNet-{6 * layers + 4}-{growth}" if bottleneck else f"DenseNet-{3 * layers + 4}-{growth}-plain"
    check(build(name, "S", classes), formulas.densenet(layers, growth, classes, bottleneck))


@pytest.mark.parametrize(
    ("name", "blocks", "width"), [("resnet_bottleneck(blocks=3, width=2)", 3, 2), ("ResNet-110-B12", 12, 1)]
)
def test_resnet_bottleneck_closed_form(name, blocks, width):
    check(build(name, "S", 7), formulas.resnet_bottleneck(blocks, width, 7))


def test_hundred_classes_cost_ninety_outputs_more():
    small, large = sizes(build("WRN-40-2", "G(N/8)", 10)), sizes(build("WRN-40-2", "G(N/8)", 100))
    assert [b - a for a, b in zip(small, large, strict=True)] == [11610, 11610, 11520]
