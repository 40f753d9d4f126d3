"""A torch archive is what was written, or it is not read."""

from pathlib import Path
from random import Random

import pytest
import torch

from cheapconv.engine.store.archive import DamagedError, packed, unpacked
from cheapconv.engine.store.files import sha256


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "net.pt"
    path.write_bytes(packed({"weights": torch.arange(40.0), "names": ("a", "b")}))
    return path


def flipped(path: Path, place: int) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 1 << place % 8
    path.write_bytes(data)


def test_an_archive_comes_back(path):
    for noted in (None, sha256(path)):
        assert torch.equal(unpacked(path, noted)["weights"], torch.arange(40.0))


def test_no_flipped_bit_passes_for_what_was_noted(path):
    noted, size = sha256(path), path.stat().st_size
    for place in Random(0).sample(range(size), 20):
        flipped(path, place)
        with pytest.raises(DamagedError, match="is damaged: it is not what was written"):
            unpacked(path, noted)
        flipped(path, place)
    unpacked(path, noted)


def test_no_flipped_bit_changes_a_number_where_nothing_was_noted(path):
    """Results of before: the archive's own checksums are enough for what it holds."""
    found = 0
    for place in Random(1).sample(range(path.stat().st_size), 200):
        flipped(path, place)
        try:
            body = unpacked(path)
            assert torch.equal(body["weights"], torch.arange(40.0))
            assert body["names"] == ("a", "b")
        except DamagedError:
            found += 1
        flipped(path, place)
    assert found > 50


@pytest.mark.parametrize("data", [b"", b"PK", b"\0" * 1000, b"<html>"])
def test_what_is_no_archive_is_damaged(data, path):
    path.write_bytes(data)
    with pytest.raises(DamagedError, match=r"net\.pt cannot be read"):
        unpacked(path)


def test_an_archive_of_something_else_is_damaged(path):
    torch.save([1], path)
    with pytest.raises(DamagedError, match="something else"):
        unpacked(path)
