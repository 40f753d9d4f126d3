"""Prepared photographs: resized once, whole or not there, the same bytes however often the making was killed."""

import io
import json
import tarfile
from pathlib import Path

import pytest
import torch
from PIL import Image

from cheapconv import catalog
from cheapconv.catalog.errors import UserError
from cheapconv.engine.run.prepare import prepare
from cheapconv.suites import prepared
from cheapconv.suites.images import Images
from cheapconv.suites.place import Place
from tests.suites.pictures import encoded, folder, picture

PLACE = Place(torch.device("cpu"))


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(prepared, "IMAGES_A_SHARD", 4)
    root = tmp_path / "raw"
    folder(root / "train", {"a": 5, "b": 4})
    folder(root / "val", {"a": 2, "b": 1}, first=50)
    (root / "train" / "a" / "large.png").write_bytes(encoded(picture(99, 200, 80), "PNG"))
    return root


def files(store: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in store.iterdir()}


def test_images_come_back_with_their_labels(source: Path, tmp_path: Path) -> None:
    prepare("imagenet", source, 32, tmp_path / "store")
    found = prepared.listed(tmp_path / "store")
    assert found.class_names == ("a", "b")
    assert found.test is not None
    assert sorted(found.train.labels.tolist()) == [0] * 6 + [1] * 4
    assert sorted(found.test.labels.tolist()) == [0, 0, 1]
    raw = {path.read_bytes(): path.parent.name for path in source.rglob("*.jpg")}
    kept = [found.train.read(i) for i in range(10)]
    assert sum(data in raw for data in kept) == 9  # the small JPEGs, byte for byte
    for data, label in zip(kept, found.train.labels.tolist(), strict=True):
        assert raw.get(data, "a") == found.class_names[label]
    [large] = [Image.open(io.BytesIO(data)) for data in kept if data not in raw]
    assert (large.size, large.format) == ((80, 32), "JPEG")


def test_a_shard_is_a_tar_as_webdataset_reads_it(source: Path, tmp_path: Path) -> None:
    prepare("imagenet", source, 32, tmp_path)
    about = json.loads((tmp_path / "_info.json").read_text())
    assert about["splits"]["train"]["num_samples"] == 10
    assert about["splits"]["train"]["shard_lengths"] == [4, 4, 2]
    first = about["splits"]["train"]["filenames"][0]
    with tarfile.open(tmp_path / first) as tar:
        names = tar.getnames()
        label = tar.extractfile(names[1])
        assert label is not None
        assert label.read() in (b"0", b"1")
    assert names[:4] == ["00000000.jpg", "00000000.cls", "00000001.jpg", "00000001.cls"]


def test_what_was_killed_goes_on_and_ends_with_the_same_bytes(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    prepare("imagenet", source, 32, tmp_path / "whole")
    resized, left = prepared.resized, [6]

    def killed(data: bytes, side: int) -> bytes:
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        return resized(data, side)

    monkeypatch.setattr(prepared, "resized", killed)
    with pytest.raises(KeyboardInterrupt):
        prepare("imagenet", source, 32, tmp_path / "killed")
    assert not prepared.is_store(tmp_path / "killed")
    monkeypatch.setattr(prepared, "resized", resized)
    capsys.readouterr()
    prepare("imagenet", source, 32, tmp_path / "killed")
    assert files(tmp_path / "killed") == files(tmp_path / "whole")
    assert capsys.readouterr().out.count(": kept") == 1


def test_a_damaged_shard_is_made_again_and_a_lost_one_is_told(source: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    prepare("imagenet", source, 32, store)
    before = files(store)
    tar = sorted(store.glob("train-*.tar"))[0]
    tar.write_bytes(tar.read_bytes()[:700])
    with pytest.raises(UserError, match="is cut off: prepare the data again"):
        prepared.listed(store)
    prepare("imagenet", source, 32, store)
    assert files(store) == before
    tar.unlink()
    with pytest.raises(UserError, match="missing or damaged: prepare the data again"):
        prepared.listed(store)


def test_broken_images_are_left_out_and_named(source: Path, tmp_path: Path) -> None:
    (source / "train" / "b" / "broken.jpg").write_bytes(b"none")
    prepare("imagenet", source, 32, tmp_path / "store")
    about = prepared.info(tmp_path / "store")
    assert about.skipped == {"train/b/broken.jpg": "it is no image of a known kind"}
    (source / "val" / "b" / "broken.jpg").write_bytes(b"none")
    with pytest.raises(UserError, match="2 of 15 images cannot be read"):
        prepare("imagenet", source, 32, tmp_path / "other")


def test_a_store_is_a_folder_of_photographs_to_train_on(source: Path, tmp_path: Path) -> None:
    prepare("imagenet", source, 32, tmp_path / "store")
    stored, raw = (Images(path=str(path), side=16) for path in (tmp_path / "store", source))
    assert stored.fingerprint != raw.fingerprint  # one of its images is another
    assert (stored.train_samples, stored.open(PLACE).size("test")) == (10, 3)


@pytest.mark.parametrize("missing", ["train", "val"])
def test_a_wrong_folder_is_one_sentence(source: Path, tmp_path: Path, missing: str) -> None:
    (source / missing).rename(source / "elsewhere")
    with pytest.raises(UserError, match="has no train/ and val/ of class folders"):
        prepare("imagenet", source, 32, tmp_path / "store")


def test_a_suite_that_is_read_as_it_is_has_nothing_to_prepare(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="'digits' is read as it is"):
        prepare("digits", tmp_path, 32, tmp_path)
    catalog.load()
