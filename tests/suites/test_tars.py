"""Samples in tar shards: found by their headers once, and what is no whole shard told in a sentence."""

import gzip
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from cheapconv.catalog.errors import UserError
from cheapconv.suites import tars
from tests.suites.pictures import shard, tar

IMAGES = [(b"one" * 300, 3), (b"two", 0), (b"", 12)]


def test_an_image_is_found_by_its_place(tmp_path: Path) -> None:
    shard(tmp_path / "0.tar", IMAGES)
    shard(tmp_path / "1.tar", IMAGES[::-1])
    found = tars.photos(tmp_path, ["0.tar", "1.tar"])
    assert found.labels.tolist() == [3, 0, 12, 12, 0, 3]
    assert [found.read(i) for i in range(6)] == [data for data, _ in [*IMAGES, *IMAGES[::-1]]]


def test_a_sample_is_what_has_its_key(tmp_path: Path) -> None:
    """In any order, in folders, with other files in between, in capitals; a label may stand in a JSON."""
    parts = [
        *(("./a/0.cls", b" 7\n"), ("LICENSE", b"x"), ("note.txt", b"x"), ("._0.jpg", b"x"), ("./b/0.WEBP", b"b")),
        *(("./a/0.json", b"{}"), ("./a/0.PNG", b"a"), ("./b/0.json", b'{"label": 5, "other": 6}')),
    ]
    tar(tmp_path / "0.tar", parts)
    found = tars.photos(tmp_path, ["0.tar"])
    assert [(found.read(i), int(found.labels[i])) for i in range(2)] == [(b"a", 7), (b"b", 5)]
    tar(tmp_path / "1.tar", [("0.jpg", b"x"), ("0.cls", b"1"), ("0.json", json.dumps({"other": 6}).encode())])
    assert tars.photos(tmp_path, ["1.tar"], "other").labels.tolist() == [6]
    assert tars.photos(tmp_path, ["1.tar"]).labels.tolist() == [1]


def test_headers_are_looked_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shard(tmp_path / "0.tar", IMAGES)
    looked: list[Path] = []
    members = tars.members
    monkeypatch.setattr(tars, "members", lambda path: looked.append(path) or members(path))
    for _ in range(2):
        assert len(tars.photos(tmp_path, ["0.tar"])) == 3
    assert len(looked) == 1
    shard(tmp_path / "0.tar", [*IMAGES[:2], (b"", 11)])
    os.utime(tmp_path / "0.tar", ns=(1, 1))
    assert tars.photos(tmp_path, ["0.tar"]).labels.tolist() == [3, 0, 11]


def cut(path: Path, size: int) -> None:
    path.write_bytes(path.read_bytes()[:size])


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda path: cut(path, 1000), r"is cut off, or no tar without compression \(unexpected end of data\)"),
        (lambda path: cut(path, 512 * 3), "is cut off or damaged at byte 1536: copy or download it again"),
        (lambda path: cut(path, 512 * 3 + 100), "is cut off or damaged at byte 1536: copy or download it again"),
        (lambda path: cut(path, 0), r"\(empty file\)"),
        (lambda path: path.write_bytes(b"<html>" * 999), "no tar without compression"),
        (lambda path: path.write_bytes(gzip.compress(path.read_bytes())), "no tar without compression"),
        (lambda path: tar(path, []), "holds no sample of webdataset"),
        (lambda path: tar(path, [("a/0001.jpg", b"x")]), r"sample 'a/0001' lacks a/0001\.cls, the number of its class"),
        (lambda path: tar(path, [("0.cls", b"1")]), "sample '0' lacks an image"),
        (lambda path: tar(path, [("0.jpg", b"x"), ("0.cls", b"cat")]), r"0\.cls is no number of a class"),
        (lambda path: tar(path, [("0.jpg", b"x"), ("0.json", b"[]")]), r"0\.json, field 'label', is no number"),
        (lambda path: path.unlink(), r"cannot be read \(No such file"),
    ],
)
def test_what_is_no_shard_is_one_sentence(tmp_path: Path, change: Callable[[Path], object], sentence: str) -> None:
    change(shard(tmp_path / "0.tar", IMAGES))
    with pytest.raises(UserError, match=sentence) as told:
        tars.photos(tmp_path, ["0.tar"])
    assert "\n" not in str(told.value)
