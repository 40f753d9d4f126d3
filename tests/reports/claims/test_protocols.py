"""How published networks were trained: the file, and when a recipe of ours is the same."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pydantic import ValidationError

from cheapconv import catalog
from cheapconv.reports.claims import protocols, published
from cheapconv.suites.cifar import Cifar10
from cheapconv.suites.recipe import Recipe

FILE = protocols.load()
TABLE = pd.read_csv(published.PUBLISHED)


def declared() -> list[tuple[str, str]]:
    """Every protocol that a recipe of ours is declared to be, with each data set on which it was used."""
    used = [(use.protocol, use.dataset) for use in (*FILE.sources, *FILE.without_numbers)]
    return [pair for pair in dict.fromkeys(used) if FILE.protocols[pair[0]].ours]


def recipes(dataset: str) -> Mapping[str, Recipe]:
    """Those of the suite that calls itself so."""
    catalog.load()
    suite = catalog.parse("suite", {"CIFAR-10": "cifar10", "CIFAR-100": "cifar100", "ImageNet": "imagenet"}[dataset])
    assert suite.label == dataset
    return suite.recipes


@pytest.mark.parametrize(("protocol", "dataset"), declared())
def test_a_recipe_of_ours_that_is_declared_to_be_a_paper_s_is_so_number_by_number(protocol: str, dataset: str) -> None:
    known = FILE.protocols[protocol]
    ours = recipes(dataset)[known.ours]
    theirs = {**FILE.usual, **known.of(dataset, "any network")}
    assert list(protocols.differences(protocols.in_epochs(asdict(ours)), theirs, complete=True)) == []
    labels = {catalog.label("architecture", catalog.parse("architecture", n)): rate for n, rate in ours.lr_of or ()}
    assert labels == known.lr_of


def test_every_source_and_table_is_one_of_the_published_numbers() -> None:
    for use in FILE.sources:
        rows = TABLE[(TABLE["source"] == use.source) & (TABLE["dataset"] == use.dataset)]
        assert len(rows), use
        assert set(use.tables) <= set(rows["table"])
    assert not {use.source for use in FILE.without_numbers} & set(TABLE["source"])
    assert {use.protocol for use in (*FILE.sources, *FILE.without_numbers)} == set(FILE.protocols)


def test_a_key_that_means_nothing_is_refused(tmp_path: Path) -> None:
    text = protocols.RECIPES.read_text().replace("ours: okddip", "our: okddip")
    (tmp_path / "recipes.yaml").write_text(text)
    with pytest.raises(ValidationError, match="our"):
        protocols.load(tmp_path / "recipes.yaml")


def test_a_source_s_recipe_may_depend_on_data_set_table_and_network() -> None:
    moonshine = "Moonshine (Crowley et al., NeurIPS 2018; arXiv:1711.02613v2)"
    cifar, imagenet = FILE.find(moonshine, "CIFAR-10"), FILE.find(moonshine, "ImageNet")
    assert cifar is not None
    assert imagenet is not None
    assert (cifar.recipe["epochs"], imagenet.recipe["epochs"], cifar.recipe["momentum"]) == (200, 100, 0.9)
    repdistiller = FILE.protocols["repdistiller"]
    assert repdistiller.of("CIFAR-100", "WRN-16-2")["lr"] == 0.05
    assert repdistiller.of("CIFAR-100", "MobileNetV2-half")["lr"] == 0.01
    mmrazor = "mmrazor 1.0.0 config READMEs"
    assert FILE.find(mmrazor, "ImageNet", "official DIST code, run 1 of 3") == FILE.find(
        mmrazor, "ImageNet", "official DIST code, run 2 of 3"
    )
    assert FILE.find(mmrazor, "ImageNet", "ResNet-34 -> ResNet-18") is None
    assert FILE.find("CMFF README", "CIFAR-100") is None


def test_a_recipe_in_a_few_words() -> None:
    recipe = FILE.protocols["moonshine_cifar"].recipe
    assert protocols.brief(recipe) == "200 epochs, batch 128, lr 0.1, schedule x 0.2 at 60, 120, 160"
    assert protocols.brief({"batch": 64}) == "epochs not stated, batch 64, lr not stated, schedule not stated"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, []),
        ({"evaluate_every": 10}, []),
        ({"epochs": 100}, ["epochs 100, theirs 200", "schedule x 0.2 at 30, 60, 80, theirs x 0.2 at 60, 120, 160"]),
        ({"batch": 64}, ["batch 64, theirs 128", "lr 0.05, theirs 0.1"]),  # an override of the batch scales the rate
        ({"drop": 0.1}, ["schedule x 0.1 at 60, 120, 160, theirs x 0.2 at 60, 120, 160"]),
        ({"cutout": 16}, ["augmentation pad 4, flip, cutout 16, theirs pad 4, flip"]),
        ({"normalisation": "c10-b"}, ["other constants of normalisation"]),
        ({"validation": 5000}, ["validation 5000, theirs none"]),
        ({"mixup": 0.2}, ["mix kind mixup, alpha 0.2, theirs none"]),
        ({"nesterov": True, "precision": "bf16"}, ["nesterov yes, theirs no", "precision bf16, theirs fp32"]),
    ],
    ids=str,
)
def test_every_override_of_a_recipe_is_told(changes: dict[str, Any], said: list[str]) -> None:
    ours = asdict(Cifar10.recipes["moonshine_cifar"].override(**changes))
    theirs = {**FILE.usual, **FILE.protocols["moonshine_cifar"].of("CIFAR-10", "WRN-16-2")}
    assert sorted(protocols.differences(protocols.in_epochs(ours), theirs, complete=True)) == sorted(said)


def test_of_a_recipe_that_is_half_known_only_that_half_is_compared() -> None:
    ours = protocols.in_epochs(asdict(Cifar10.recipes["moonshine_cifar"]))
    assert list(protocols.differences(ours, {"epochs": 164}, complete=False)) == ["epochs 200, theirs 164"]
