"""ImageNet: its recipes, its sweeps planned without the data, and what is no ImageNet told in a sentence."""

import os
import shutil
from collections import Counter
from pathlib import Path

import pytest
import torch

from cheapconv import catalog
from cheapconv.catalog.errors import UserError
from cheapconv.engine.read import registry
from cheapconv.engine.run.planning import OWN
from cheapconv.engine.run.prepare import prepare
from cheapconv.reports.claims import published
from cheapconv.suites import imagenet
from cheapconv.suites.imagenet import ImageNet
from cheapconv.suites.place import Place
from tests.suites.pictures import encoded, picture

PLACE = Place(torch.device("cpu"))


@pytest.fixture
def official(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two training images and one more of every class, all the same file."""
    (tmp_path / "one.jpg").write_bytes(encoded(picture(1)))
    for split, count in (("train", 2), ("val", 1)):
        for synset in imagenet._synsets():
            home = tmp_path / "data" / "imagenet" / split / synset
            home.mkdir(parents=True)
            for number in range(count):
                os.link(tmp_path / "one.jpg", home / f"{synset}_{number}.JPEG")
    monkeypatch.setattr(imagenet, "TRAIN", 2000)
    monkeypatch.setattr(imagenet, "VAL", 1000)
    return tmp_path / "data"


def test_the_official_folders_are_opened(official: Path) -> None:
    data = ImageNet(side=32).open(PLACE, official)
    assert (data.samples, data.size("test"), len(data.class_names)) == (2000, 1000, 1000)
    assert data.class_names[0] == "tench, Tinca tinca"
    x, y = next(data.split("test", ImageNet().recipes["torchvision"]))
    assert x.shape == (100, 3, 32, 32)
    assert y.tolist() == list(range(100))
    assert ImageNet().open(PLACE, official, validation=10).size("validation") == 10


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda home: shutil.rmtree(home / "train" / "n01440764"), "train has no folder for 'n01440764'"),
        (lambda home: [shutil.rmtree(home / s / "n01440764") for s in ("train", "val")], "lacks 'n01440764'"),
        (lambda home: [(home / s / "n01440764").rename(home / s / "tench") for s in ("train", "val")], "has 'tench'"),
        (lambda home: next((home / "train" / "n01440764").iterdir()).unlink(), "1,999 and 1,000 images"),
        (lambda home: shutil.rmtree(home / "val"), "has no train/ and val/"),
        (lambda home: shutil.rmtree(home / "train"), "has no train/ and val/"),
    ],
)
def test_what_is_no_imagenet_is_one_sentence(official: Path, change, sentence: str) -> None:
    change(official / "imagenet")
    with pytest.raises(UserError, match=sentence) as told:
        ImageNet().open(PLACE, official)
    assert "\n" not in str(told.value)


def test_without_a_folder_it_says_how_to_name_one() -> None:
    with pytest.raises(UserError, match="--data DIR or CHEAPCONV_DATA"):
        ImageNet().open(PLACE)


@pytest.mark.slow  # 3,000 images
def test_what_was_prepared_is_another_suite(official: Path, tmp_path: Path) -> None:
    prepare("imagenet", official, 32, tmp_path / "store")
    data = ImageNet(side=32, prepared=32).open(PLACE, tmp_path / "store")
    assert (data.samples, data.size("test")) == (2000, 1000)
    with pytest.raises(UserError, match=r"the suite is imagenet\(prepared=32\) then"):
        ImageNet().open(PLACE, tmp_path / "store")
    with pytest.raises(UserError, match="is no finished store"):
        ImageNet(prepared=32).open(PLACE, official)
    assert ImageNet(prepared=32).fingerprint != ImageNet().fingerprint


def test_recipes_are_the_papers() -> None:
    recipes = ImageNet().recipes

    def rates(name: str, epochs: list[float]) -> list[float]:
        recipe = recipes[name]
        return [recipe.lr * recipe.schedule.factor(epoch, recipe.epochs) for epoch in epochs]

    for name in ("moonshine_imagenet", "od_imagenet"):
        assert rates(name, [0, 29, 30, 59, 60, 89, 90, 99]) == pytest.approx(
            [0.1, 0.1, 0.01, 0.01, 1e-3, 1e-3, 1e-4, 1e-4]
        )
        assert (recipes[name].epochs, recipes[name].batch, recipes[name].weight_decay) == (100, 256, 1e-4)
    assert rates("torchvision", [0, 29, 30, 59, 60, 89]) == pytest.approx([0.1, 0.1, 0.01, 0.01, 1e-3, 1e-3])
    assert rates("short", [0, 1, 2, 9, 16]) == pytest.approx([0, 1, 2, 1, 0])
    assert [recipes["short"].side(224, e) for e in (0, 11, 12, 13, 15)] == [160, 160, 192, 192, 192]
    assert recipes["torchvision"].augmentation.area == (0.08, 1.0)
    assert ImageNet(side=64).recipes["short"].side(64, 0) == 32
    assert ImageNet(side=64).recipes["short"].side(64, 15) == 64


@pytest.mark.parametrize(("sweep", "cells"), [("moonshine-imagenet", 9), ("od-imagenet", 10)])
def test_the_sweeps_are_planned_without_the_data(sweep: str, cells: int) -> None:
    from cheapconv.engine.run.planning import plan

    found = plan(registry.load(OWN).sweep(sweep), sweep)
    assert len(found.cells) == cells
    assert found.skipped == ()
    assert {planned.cell.data for planned in found.cells} == {"ilsvrc2012:1281167+50000"}


def test_the_papers_rows_stand_beside_the_sweep() -> None:
    """Table 3: two cheap networks and two small ones, alone and by AT with the settings that the sweep has."""
    rows = published.load()
    table = rows[(rows["dataset"] == ImageNet.label) & (rows["table"] == "Table 3") & (rows["teacher"] == "ResNet-34")]
    moonshine = table[table["source"].str.startswith("Moonshine")]
    found = Counter(zip(moonshine["network"], moonshine["conv"], moonshine["method"], strict=True))
    wanted = [("ResNet-34", "G(4)"), ("ResNet-34", "G(N)"), ("ResNet-18", "S"), ("ResNet-18-0.5", "S")]
    assert found == Counter((*pair, method) for pair in wanted for method in ("scratch", "at"))
    assert all(published.agree(settings, {}) for settings in moonshine["settings"])
    catalog.load()
    for network, conv in wanted:
        assert catalog.label("architecture", catalog.parse("architecture", network)) == network
        assert catalog.label("conv", catalog.parse("conv", "standard" if conv == "S" else conv)) == conv
