"""Parameters while training, against the golden rows measured on the released codes."""

import csv
from pathlib import Path

import pytest

from cheapconv.methods.ffl import Fusion
from cheapconv.models.meta import on_meta
from tests.methods.online import PlainBuild, built, trainable

GOLDEN = Path(__file__).parents[1] / "golden" / "golden_models.csv"
ROWS = {r["architecture"]: int(r["params_trainable"]) for r in csv.DictReader(GOLDEN.read_text().splitlines())}


def size(name: str, architecture: str, **settings: object) -> int:
    """Trainable parameters of a method on CIFAR-100; without storage, because sizes need shapes only."""
    build = PlainBuild(architecture, classes=100)
    with on_meta():
        return trainable(built(name, build, **settings))


@pytest.mark.parametrize(
    ("row", "name", "architecture", "settings"),
    [
        ("ONE ResNet-32, 3 branches, training time", "one", "ResNet-32", {}),
        ("ONE ResNet-32, 4 branches, training time", "one", "ResNet-32", {"branches": 4}),
        ("ONE ResNet-110-B18, 3 branches, training time", "one", "ResNet-110-B18", {}),
        ("OKDDip branch-based ResNet-32, 4 branches, training time", "okddip", "ResNet-32", {}),
    ],
)
def test_sizes_are_those_of_the_released_codes(row: str, name: str, architecture: str, settings: dict) -> None:
    assert size(name, architecture, **settings) == ROWS[row]


def test_one_on_a_densenet_has_the_size_of_mcl_okd() -> None:
    assert size("one", "DenseNet-40-12", branches=4) == 405_076


def test_feature_fusion() -> None:
    branches = ROWS["FFL ResNet-32, 2 branches, training time without fusion module"]
    fusion = ROWS["FFL fusion module (64 channels, 8x8)"]
    assert sum(p.numel() for p in Fusion(2, 64, 100).parameters()) == fusion == 16_228
    assert size("ffl", "ResNet-32") == branches + fusion


@pytest.mark.parametrize(("name", "members"), [("dml", 2), ("kdcl", 2), ("ind", 4)])
def test_independent_networks_add_up(name: str, members: int) -> None:
    assert size(name, "ResNet-32") == members * 472_756


def test_network_based_okddip_shares_nothing() -> None:
    assert size("okddip", "ResNet-32", structure="network") == 4 * 472_756 + 2 * 64 * 8
