"""Parquet of photographs: unpacked once, whole or not at all, and what cannot be told in a sentence."""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cheapconv.catalog import cache
from cheapconv.catalog.errors import UserError
from cheapconv.suites import parquet as parquets
from cheapconv.suites import tars
from tests.suites.pictures import parquet

IMAGES = [(bytes([i]) * (i + 1), i % 2) for i in range(9)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return parquet(tmp_path / "train-00000-of-00001.parquet", IMAGES, ["dog", "кот"])


def test_rows_come_in_their_order(path: Path) -> None:
    unpacked = parquets.unpacked(path)
    found = tars.photos(unpacked.parent, [unpacked.name])
    assert [(found.read(i), int(found.labels[i])) for i in range(len(found))] == IMAGES
    assert parquets.class_names(path) == ("dog", "кот")
    assert found.name(0).startswith("train-00000-of-00001-")


def test_it_is_unpacked_once(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = parquets.unpacked(path)
    before = first.stat().st_ino
    assert parquets.unpacked(path).stat().st_ino == before
    parquet(path, IMAGES[:2])
    assert parquets.unpacked(path) != first


def test_what_was_interrupted_is_not_there(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*_: object) -> int:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(tars, "add", killed)
        with pytest.raises(KeyboardInterrupt):
            parquets.unpacked(path)
    assert [file.name for file in cache.folder().glob(f"{path.stem}*") if file.suffix != ".lock"] == []
    assert len(tars.members(parquets.unpacked(path))) == 2 * len(IMAGES)


def test_an_image_may_be_a_column_of_bytes(tmp_path: Path) -> None:
    pq.write_table(pa.table({"image": [b"x", b"y"], "label": [0, 1]}), tmp_path / "plain.parquet")
    assert parquets.class_names(tmp_path / "plain.parquet") == ()
    assert len(tars.members(parquets.unpacked(tmp_path / "plain.parquet"))) == 4


def test_a_cache_without_room_is_one_sentence(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("CHEAPCONV_CACHE", str(tmp_path / "file"))
    with pytest.raises(UserError, match="name a folder with room for all of the data by CHEAPCONV_CACHE"):
        parquets.unpacked(path)


def columns(path: Path, **values: object) -> None:
    pq.write_table(pa.table(values), path)


def read(path: Path) -> None:
    parquets.class_names(path)
    parquets.unpacked(path)


def damaged(path: Path) -> None:
    body = bytearray(path.read_bytes())
    body[10:120] = bytes(110)
    path.write_bytes(body)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:300]), "is cut off, or no Parquet"),
        (lambda path: columns(path, img=[b"x"], label=[1]), r"columns img \(binary\), label \(int64\): it needs image"),
        (lambda path: columns(path, image=[b"x"]), "it needs image, with its bytes, and label, a number"),
        (lambda path: columns(path, image=[b"x"], label=["cat"]), r"label \(string\): it needs"),
        (lambda path: columns(path, image=["a.jpg"], label=[1]), r"image \(string\)"),
        (lambda path: columns(path, image=[{"path": "a.jpg"}], label=[1]), r"image \(struct<path: string>\)"),
        (lambda path: parquet(path, [(b"x", 1), (b"y", None)]), "row 1 has no label"),
        (damaged, "is damaged"),
    ],
)
def test_what_cannot_be_read_is_one_sentence(path: Path, change: Callable[[Path], object], sentence: str) -> None:
    change(path)
    with pytest.raises(UserError, match=sentence) as told:
        read(path)
    assert "\n" not in str(told.value)
