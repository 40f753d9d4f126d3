"""Reading Fashion-MNIST: where its files may lie, what becomes of them, and one sentence for what can be wrong."""

import gzip
import hashlib
import os
from pathlib import Path

import pytest
import torch

from cheapconv import catalog
from cheapconv.catalog.errors import UserError
from cheapconv.suites import fashion
from cheapconv.suites.fashion import FashionMnist

TRAIN, TEST = 5, 2


def idx(*shape: int, values: bytes) -> bytes:
    return bytes([0, 0, 8, len(shape)]) + b"".join(n.to_bytes(4, "big") for n in shape) + values


def bodies() -> dict[str, bytes]:
    """A small Fashion-MNIST: image i is 10 i everywhere, but for its first pixels; label i is i."""
    found = {}
    for name, count in (("train", TRAIN), ("t10k", TEST)):
        images = b"".join(bytes([100 + i, 200]) + bytes([10 * i]) * (28 * 28 - 2) for i in range(count))
        found[f"{name}-images-idx3-ubyte"] = idx(count, 28, 28, values=images)
        found[f"{name}-labels-idx1-ubyte"] = idx(count, values=bytes(range(count)))
    return found


@pytest.fixture(autouse=True)
def official(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the small files for the official ones, on a machine without Debian's."""
    md5 = {name: hashlib.md5(body).hexdigest() for name, body in bodies().items()}
    monkeypatch.setattr(FashionMnist, "md5", md5)
    monkeypatch.setattr(fashion, "DEBIAN", tmp_path / "debian")


def write(home: Path, packed: bool = True) -> Path:
    home.mkdir(parents=True, exist_ok=True)
    for name, body in bodies().items():
        (home / f"{name}{'.gz' if packed else ''}").write_bytes(gzip.compress(body) if packed else body)
    return home


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("below", ["", "FashionMNIST/raw"])
def test_the_files_are_found_bare_and_as_torchvision_lays_them_out(tmp_path, below, packed):
    write(tmp_path / "data" / below, packed)
    data = FashionMnist().load(tmp_path / "data")
    assert data.train_x.shape == (TRAIN, 3, 32, 32)
    assert data.test_x.shape == (TEST, 3, 32, 32)
    assert (data.train_x.dtype, data.train_y.dtype) == (torch.uint8, torch.int64)
    assert data.train_y.tolist() == [0, 1, 2, 3, 4]
    assert data.class_names[9] == "Ankle boot"


def test_debian_s_files_need_no_option(tmp_path):
    write(tmp_path / "debian")
    assert len(FashionMnist().load().train_y) == TRAIN
    assert len(FashionMnist().load(tmp_path).train_y) == TRAIN  # where --data names the folder of other data


def test_images_have_a_black_border_and_three_equal_channels(tmp_path):
    image = FashionMnist().load(write(tmp_path)).train_x[3]
    assert torch.equal(image[0], image[1])
    assert torch.equal(image[0], image[2])
    assert image[0, 2, 2:6].tolist() == [103, 200, 30, 30]
    assert image[0, 29, 29] == 30
    outside = torch.ones(32, 32, dtype=torch.bool)
    outside[2:30, 2:30] = False
    assert (image[0][outside] == 0).all()


def test_half_the_side_is_the_mean_of_four_pixels(tmp_path):
    suite = FashionMnist(side=16)
    data = suite.load(write(tmp_path))
    assert data.image == suite.image == (3, 16, 16)
    assert data.train_x[3, :, 1, 1].tolist() == [91] * 3  # of 103, 200, 30 and 30: 90.75
    assert data.train_x[3, 0, 14, 1:15].tolist() == [30] * 14
    assert (data.test_x[:, :, 0] == 0).all()
    assert (data.test_x[:, :, :, 15] == 0).all()


def test_the_first_images_are_a_suite_of_their_own(tmp_path):
    few, whole = FashionMnist(images=3), FashionMnist()
    data, all_of_it = few.load(write(tmp_path)), whole.load(tmp_path)
    assert torch.equal(data.train_x, all_of_it.train_x[:3])
    assert data.train_y.tolist() == [0, 1, 2]
    assert torch.equal(data.test_x, all_of_it.test_x)
    assert (few.train_samples, whole.train_samples) == (3, 60_000)
    catalog.load()
    assert catalog.canonical(few) == "fashion_mnist(images=3)"
    assert catalog.canonical(whole) == "fashion_mnist"
    assert catalog.parse("suite", "fashion_mnist(images=3)") == few
    with pytest.raises(UserError, match="images"):
        catalog.parse("suite", "fashion_mnist(images=60001)")
    with pytest.raises(UserError, match="side"):
        catalog.parse("suite", "fashion_mnist(side=28)")


def refusal(folder: Path | None) -> str:
    with pytest.raises(UserError) as caught:
        FashionMnist().load(folder)
    sentence = str(caught.value)
    assert sentence.endswith(".")
    assert "\n" not in sentence
    return sentence


def test_a_missing_file_is_named_with_every_way_out(tmp_path):
    write(tmp_path / "data")
    (tmp_path / "data" / "t10k-labels-idx1-ubyte.gz").unlink()
    sentence = refusal(tmp_path / "data")
    assert sentence.startswith(f"Fashion-MNIST is not in {tmp_path / 'data'} (t10k-labels-idx1-ubyte.gz is missing)")
    assert all(way in sentence for way in ("dataset-fashion-mnist", "--data DIR", "--download"))
    assert f"Fashion-MNIST is not in {tmp_path / 'debian'}" in refusal(None)


def harm(body: bytes) -> dict[str, bytes]:
    packed = gzip.compress(body)
    return {
        "another pixel": gzip.compress(body[:-1] + b"\x01"),
        "longer": gzip.compress(body + b"\x00"),
        "torn": packed[: len(packed) // 2],
        "another checksum": packed[:-8] + bytes(8),
        "another stream": packed[:10] + b"\xff" * 20 + packed[30:],
        "no archive": b"<html>404</html>",
        "empty": b"",
    }


@pytest.mark.parametrize("kind", harm(b""))
def test_a_damaged_archive_is_named_and_never_parsed(tmp_path, monkeypatch, kind):
    path = write(tmp_path) / "train-images-idx3-ubyte.gz"
    path.write_bytes(harm(bodies()["train-images-idx3-ubyte"])[kind])
    parsed = []
    monkeypatch.setattr(fashion.idx, "read", parsed.append)
    damaged = f"{path} is damaged (its content is not the official one): delete it and fetch it again."
    assert refusal(tmp_path) == damaged
    assert parsed == []


def test_an_archive_that_pretends_to_hold_more_is_not_unpacked_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(fashion, "LARGEST", 10_000)
    path = write(tmp_path) / "train-images-idx3-ubyte.gz"
    path.write_bytes(gzip.compress(bytes(10**7)))
    read = []
    monkeypatch.setattr(fashion.hashlib, "md5", lambda body, **_: read.append(len(body)) or hashlib.new("md5", b""))
    assert "is damaged" in refusal(tmp_path)
    assert max(read) <= 10_000


def test_a_download_that_fails_is_one_sentence(tmp_path, monkeypatch):
    from torchvision import datasets

    def refuse(*args: object, **kwargs: object) -> None:
        raise OSError("no network")

    monkeypatch.setattr(datasets, "FashionMNIST", refuse)
    with pytest.raises(UserError, match=r"could not be fetched \(no network\): copy its files to .* by hand\.$"):
        FashionMnist().load(tmp_path, download=True)
    write(tmp_path)
    assert len(FashionMnist().load(tmp_path, download=True).train_y) == TRAIN  # nothing is missing


@pytest.mark.slow
def test_real_fashion_mnist(monkeypatch):
    """The real files, where Debian's package is installed or CHEAPCONV_DATA names their folder."""
    monkeypatch.undo()
    named = os.environ.get("CHEAPCONV_DATA")
    folder = Path(named) if named else None
    if not all(fashion._path(folder, name) for name in FashionMnist.md5):
        pytest.skip("neither Debian's package dataset-fashion-mnist nor CHEAPCONV_DATA has the files")
    data = FashionMnist().load(folder)
    assert data.samples == FashionMnist().train_samples
    assert torch.bincount(data.train_y).tolist() == [6000] * 10
    assert torch.bincount(data.test_y).tolist() == [1000] * 10
    assert data.train_y[:5].tolist() == [9, 0, 0, 3, 0]
    pixels = data.train_x[:, 0, 2:30, 2:30].float() / 255
    normalisation = FashionMnist.recipes["short"].normalisation
    assert pixels.mean().item() == pytest.approx(normalisation.mean[0], abs=5e-5)
    assert pixels.std().item() == pytest.approx(normalisation.std[0], abs=5e-5)
