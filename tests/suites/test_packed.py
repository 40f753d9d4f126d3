"""Tar shards, Parquet and tars of class folders: the batches of the same images in folders, bit for bit."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from cheapconv import catalog
from cheapconv.catalog.errors import UserError
from cheapconv.engine.run.prepare import prepare
from cheapconv.suites import imagenet, images, packed, prepared
from cheapconv.suites.augmentation import Augmentation
from cheapconv.suites.base import Batch
from cheapconv.suites.imagenet import ImageNet
from cheapconv.suites.images import Images
from cheapconv.suites.loader import Loader
from cheapconv.suites.photos import Photos
from cheapconv.suites.place import Place
from cheapconv.suites.skipped import Skipped
from tests.engine.tiny import RECIPE as TINY
from tests.suites.pictures import encoded, folder, parquet, picture, shard, tar

PLACE = Place(torch.device("cpu"))
CLASSES = ("birds", "cats and dogs", "кошки")
TRAIN, VAL = {"birds": 4, "cats and dogs": 5, "кошки": 4}, {"birds": 2, "cats and dogs": 1, "кошки": 2}
RECIPE = replace(TINY, batch=4, augmentation=Augmentation(pad=0, flip=True, area=(0.2, 1.0)))

Labelled = list[tuple[bytes, int]]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Class folders in train/ and val/."""
    folder(tmp_path / "raw" / "train", TRAIN)
    folder(tmp_path / "raw" / "val", VAL, first=50)
    return tmp_path / "raw"


def labelled(source: Path, split: str) -> Labelled:
    """In the order of the files' names."""
    files = sorted((source / split).rglob("*.jpg"))
    return [(file.read_bytes(), CLASSES.index(file.parent.name)) for file in files]


def described(root: Path, splits: dict[str, list[str]], **more: object) -> None:
    """`_info.json`, as timm writes it."""
    body = {name: {"name": name, "filenames": files, "num_samples": 0} for name, files in splits.items()}
    (root / "_info.json").write_text(json.dumps({"splits": body, **more}))


def shards_by_info(source: Path, root: Path) -> None:
    train, val = labelled(source, "train"), labelled(source, "val")
    shard(root / "a.tar", train[:7])
    shard(root / "b.tar", train[7:])
    shard(root / "c.tar", val)
    described(root, {"train": ["a.tar", "b.tar"], "validation": ["c.tar"]}, classes=CLASSES)


def shards_by_name(source: Path, root: Path) -> None:
    train = labelled(source, "train")
    shard(root / "set-train-0000.tar", train[:7])
    shard(root / "set-train-0001.tar", train[7:])
    shard(root / "set-validation-0000.tar", labelled(source, "val"))
    shard(root / "set-test-0000.tar", [(b"", -1)])  # not looked at where there is a validation set


def shards_in_folders(source: Path, root: Path) -> None:
    shard(root / "train" / "0.tar", labelled(source, "train"))
    shard(root / "val" / "0.tar", labelled(source, "val"))


def of_the_hub(source: Path, root: Path) -> None:
    train = labelled(source, "train")
    parquet(root / "data" / "train-00000-of-00002.parquet", train[:7], CLASSES)
    parquet(root / "data" / "train-00001-of-00002.parquet", train[7:], CLASSES)
    parquet(root / "data" / "validation-00000-of-00001.parquet", labelled(source, "val"), CLASSES)


def one_tar(source: Path, root: Path) -> None:
    files = sorted(source.rglob("*.jpg"), reverse=True)
    junk = [("./train/birds/._000.jpg", b"x"), ("./read.me", b"x")]
    tar(root, [*((f"./{file.relative_to(source)}", file.read_bytes()) for file in files), *junk])


LAYOUTS = {
    "_info.json": (shards_by_info, CLASSES),
    "names": (shards_by_name, "012"),
    "folders": (shards_in_folders, "012"),
    "parquet": (of_the_hub, CLASSES),
    "one.tar": (one_tar, CLASSES),
}


def open_images(root: Path) -> Loader:
    data = Images(path=str(root), side=16).open(PLACE)
    assert isinstance(data, Loader)
    return data


def epoch(data: Loader, workers: int = 0, start: int = 0) -> list[Batch]:
    return list(replace(data, workers=workers).train(RECIPE, 3, 1, start))


def same(a: list[Batch], b: list[Batch]) -> bool:
    pairs = list(zip(a, b, strict=True))
    return all(torch.equal(p.index, q.index) and torch.equal(p.x, q.x) and torch.equal(p.y, q.y) for p, q in pairs)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_batches_are_those_of_the_folders(
    source: Path, tmp_path: Path, layout: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(images, "IN_MEMORY", 0)
    make, names = LAYOUTS[layout]
    make(source, tmp_path / layout)
    raw, data = open_images(source), open_images(tmp_path / layout)
    assert data.class_names == tuple(names)
    whole = epoch(raw)
    assert same(epoch(data), whole)
    assert same(epoch(data, workers=2, start=2), whole[2:])
    [(x, y)], [(other_x, other_y)] = raw.split("test", RECIPE), data.split("test", RECIPE)
    assert torch.equal(x, other_x)
    assert torch.equal(y, other_y)
    fingerprints = {Images(path=str(root), side=16).fingerprint for root in (source, tmp_path / layout)}
    assert (len(fingerprints) == 1) == (data.class_names == CLASSES)


@pytest.mark.parametrize("layout", ["names", "parquet"])
def test_imagenet_is_read_in_the_order_of_its_shards(
    source: Path, tmp_path: Path, layout: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imagenet, "TRAIN", 13)
    monkeypatch.setattr(imagenet, "VAL", 5)
    home = tmp_path / "data" / "imagenet"
    LAYOUTS["names"][0](source, home) if layout == "names" else hub_without_names(source, home)
    data = ImageNet(side=32).open(PLACE, tmp_path / "data")
    assert isinstance(data, Loader)
    assert (len(data.class_names), data.class_names[0]) == (1000, "tench, Tinca tinca")
    files = [sorted(file.relative_to(source) for file in (source / s).rglob("*.jpg")) for s in ("train", "val")]
    train, val = (
        Photos.of_files(source, [*map(str, part)], [CLASSES.index(f.parent.name) for f in part]) for part in files
    )
    raw = Loader(train, val, data.class_names, 32, PLACE, Skipped(18), workers=0)
    whole = epoch(raw)
    assert same(epoch(data, workers=2), whole)
    assert same(epoch(data, start=1), whole[1:])
    assert data.hold_out(3).size("validation") == 3
    monkeypatch.setattr(imagenet, "VAL", 6)
    with pytest.raises(UserError, match="has 13 and 5 images of the official 13 and 6"):
        ImageNet().open(PLACE, tmp_path / "data")


def hub_without_names(source: Path, home: Path) -> None:
    for split in ("train", "val"):
        parquet(home / f"{split}-00000-of-00001.parquet", labelled(source, split))


def test_broken_images_are_left_out_and_named(source: Path, tmp_path: Path) -> None:
    train = labelled(source, "train")
    shard(tmp_path / "wds" / "train.tar", [*train, (encoded(picture(70))[:150], 1)])
    shard(tmp_path / "wds" / "val.tar", labelled(source, "val"))
    data = Images(path=str(tmp_path / "wds"), side=16).open(PLACE)
    [name] = data.skipped
    assert name.startswith("train.tar at byte ")
    assert data.samples == 13
    parquet(tmp_path / "hub" / "train-0.parquet", [*train, (None, 1)])
    parquet(tmp_path / "hub" / "val-0.parquet", [*labelled(source, "val")])
    assert [*Images(path=str(tmp_path / "hub"), side=16).open(PLACE).skipped.values()] == ["the file is empty"]


def test_a_split_that_is_not_there_is_made(source: Path, tmp_path: Path) -> None:
    both = [*labelled(source, "train"), *labelled(source, "val")]
    shard(tmp_path / "wds" / "x-train-0.tar", both)
    found = Images(path=str(tmp_path / "wds"), side=16)
    flat = folder(tmp_path / "flat", {})
    for number, (data, label) in enumerate(both):
        (flat / str(label)).mkdir(parents=True, exist_ok=True)
        (flat / str(label) / f"{number}.jpg").write_bytes(data)
    assert found.fingerprint == Images(path=str(flat), side=16).fingerprint


def test_shards_can_be_prepared(source: Path, tmp_path: Path) -> None:
    catalog.load()
    shards_by_info(source, tmp_path / "wds")
    prepare("imagenet", tmp_path / "wds", 16, tmp_path / "store")
    assert prepared.is_store(tmp_path / "store")
    assert not packed.is_packed(tmp_path / "store")
    assert prepared.listed(tmp_path / "store").class_names == CLASSES


def test_folders_with_a_tar_beside_them_are_folders(source: Path) -> None:
    """ILSVRC2012_img_train.tar, which they were unpacked from."""
    tar(source / "raw_img_train.tar", [("n01440764.tar", b"x")])
    assert not packed.is_packed(source)
    assert Images(path=str(source), side=16).train_samples == 13


def named(root: Path, count: int = 3) -> Path:
    return shard(root / "x-train-0.tar", [(encoded(picture(i)), i % 2) for i in range(count)])


def with_val(root: Path, labels: tuple[int, int]) -> None:
    named(root)
    shard(root / "x-val-0.tar", [(encoded(picture(10 + i)), label) for i, label in enumerate(labels)])


BAD: dict[str, tuple[Callable[[Path], object], str]] = {
    "no split": (
        lambda root: shard(root / "0000.tar", [(b"x", 0)]),
        r"like '0000\.tar', and none of the split train",
    ),
    "no train": (lambda root: described(root, {"val": ["a.tar"]}), "no files of the split train, but of val"),
    "no shards": (lambda root: described(root, {"train": []}), "names a split without files"),
    "lost": (
        lambda root: described(root, {"train": ["a.tar"]}),
        r"a\.tar cannot be read \(No such file",
    ),
    "odd info": (
        lambda root: (root / "_info.json").write_text('{"splits": {"train": {"filenames": 3}}}'),
        r"_info\.json is not as timm reads it \(splits\.train\.filenames: ",
    ),
    "a label of the test": (
        lambda root: with_val(root, (0, -1)),
        r"val-0\.tar at byte \d+ has label -1, ",
    ),
    "a wild label": (lambda root: with_val(root, (0, 10**12)), "labels up to 1,000,000,000,000 on 3 training images"),
    "one class": (lambda root: shard(root / "train.tar", [(b"x", 0)]), "has no label but 0"),
    "more than are named": (
        lambda root: (named(root), described(root, {"train": ["x-train-0.tar"]}, classes=["only"])),
        r"x-train-0\.tar at byte \d+ has label 1, and the classes are 0 to 0",
    ),
    "unfinished": (
        lambda root: (named(root), (root / "x-train-0.json").write_text("{}")),
        "is an unfinished store of `cheapconv prepare`: run it to its end",
    ),
}


@pytest.mark.parametrize("kind", BAD)
def test_what_is_no_data_set_is_one_sentence(tmp_path: Path, kind: str) -> None:
    make, sentence = BAD[kind]
    root = folder(tmp_path / "data", {})
    root.mkdir()
    make(root)
    with pytest.raises(UserError, match=sentence) as told:
        _ = Images(path=str(root), side=16).fingerprint
    assert "\n" not in str(told.value)


def test_what_is_no_imagenet_is_one_sentence(source: Path, tmp_path: Path) -> None:
    shards_by_info(source, tmp_path)
    with pytest.raises(UserError, match="names 3 classes: the suite has 1,000"):
        ImageNet().open(PLACE, tmp_path)
    named(tmp_path / "alone")
    with pytest.raises(UserError, match="of the split train alone: put those of val beside them"):
        ImageNet().open(PLACE, tmp_path / "alone")
    shard(tmp_path / "alone" / "x-val-0.tar", [(b"x", 1000)])
    with pytest.raises(UserError, match=r"has label 1000, and the classes are 0 to 999"):
        ImageNet().open(PLACE, tmp_path / "alone")


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ([("./a.jpg", b"x"), ("b/b.jpg", b"x")], "images that lie in no folder"),
        ([("b/b.jpg", b"x")], "one folder, 'b'"),
        ([("b/b.txt", b"x")], "no folders"),
    ],
)
def test_a_tar_needs_folders(tmp_path: Path, files: list[tuple[str, bytes]], sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        packed.listed(tar(tmp_path / "x.tar", files))
