"""Reading CIFAR: the official layout, and one sentence for everything that can be wrong with it."""

import hashlib
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from cheapconv import catalog
from cheapconv.catalog.errors import UserError
from cheapconv.suites import cifar
from cheapconv.suites.augmentation import NORMALISATIONS
from cheapconv.suites.cifar import Cifar10, Cifar100

PER_FILE = 4


def write_pickle(path: Path, body: object) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(pickle.dumps(body))


def images(number: int) -> np.ndarray:
    """(PER_FILE, 3072): red, green and blue planes, rows first; the first pixels tell file and colour."""
    pixels = np.zeros((PER_FILE, 3, 32, 32), dtype=np.uint8)
    pixels[:, :, 0, 0] = 10 * number + np.arange(3)
    pixels[:, :, 0, 1] = 100  # the second column of the first row
    return pixels.reshape(PER_FILE, 3072)


def official(monkeypatch: pytest.MonkeyPatch, suite: type[cifar._Cifar], home: Path) -> None:
    """Take the files in `home` for the official ones."""
    found = {name: hashlib.md5((home / name).read_bytes()).hexdigest() for name in suite.md5}
    monkeypatch.setattr(suite, "md5", found)


@pytest.fixture
def ten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a small CIFAR-10."""
    home = tmp_path / "cifar-10-batches-py"
    for number, name in enumerate([*Cifar10.train_files, Cifar10.test_file]):
        write_pickle(home / name, {b"data": images(number), b"labels": [number, 1, 2, 3]})
    write_pickle(home / "batches.meta", {b"label_names": [f"class{i}".encode() for i in range(10)]})
    official(monkeypatch, Cifar10, home)
    return tmp_path


def test_images_labels_and_names_are_the_files(ten):
    data = Cifar10().load(ten)
    assert data.train_x.shape == (5 * PER_FILE, 3, 32, 32)
    assert data.test_x.shape == (PER_FILE, 3, 32, 32)
    assert data.train_x.dtype == torch.uint8
    assert data.train_y.dtype == torch.int64
    assert data.train_y[::PER_FILE].tolist() == [0, 1, 2, 3, 4]
    assert data.test_y.tolist() == [5, 1, 2, 3]
    assert data.class_names == tuple(f"class{i}" for i in range(10))


def test_planes_are_red_green_blue_with_rows_first(ten):
    data = Cifar10().load(ten)
    assert data.train_x[0, :, 0, 0].tolist() == [0, 1, 2]
    assert data.test_x[0, :, 0, 0].tolist() == [50, 51, 52]
    assert data.train_x[0, :, 0, 1].tolist() == [100] * 3
    assert data.train_x[0, :, 1, 0].tolist() == [0] * 3


@pytest.fixture
def hundred(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a small CIFAR-100."""
    home = tmp_path / "cifar-100-python"
    for number, name in enumerate(["train", "test"]):
        labels = {b"fine_labels": [99, 1, 2, number], b"coarse_labels": [19, 0, 5, 6 + number]}
        write_pickle(home / name, {b"data": images(number), **labels})
    names = {f"{kind}_label_names".encode(): [f"{kind}{i}".encode() for i in range(100)] for kind in ("fine", "coarse")}
    write_pickle(home / "meta", {**names, b"coarse_label_names": names[b"coarse_label_names"][:20]})
    official(monkeypatch, Cifar100, home)
    return tmp_path


def test_cifar_100_has_the_fine_labels(hundred):
    suite = Cifar100()
    data = suite.load(hundred)
    assert data.train_y.tolist() == [99, 1, 2, 0]
    assert data.test_y.tolist() == [99, 1, 2, 1]
    assert data.class_names[99] == "fine99"
    assert (suite.classes, suite.label) == (100, "CIFAR-100")


def test_cifar_100_has_the_coarse_labels_where_they_are_asked_for(hundred):
    suite = catalog.parse("suite", "cifar100(labels='coarse')")
    data = suite.load(hundred)
    assert data.train_y.tolist() == [19, 0, 5, 6]
    assert data.test_y.tolist() == [19, 0, 5, 7]
    assert data.class_names[19] == "coarse19"
    assert suite.classes == len(data.class_names) == 20
    assert suite.label != "CIFAR-100"  # or the papers' rows would stand beside it


def refusal(folder: Path | None, suite: type[cifar._Cifar] = Cifar10) -> str:
    with pytest.raises(UserError) as caught:
        suite().load(folder)
    sentence = str(caught.value)
    assert sentence.endswith(".")
    assert "\n" not in sentence
    return sentence


@pytest.mark.parametrize("suite", [Cifar10, Cifar100])
def test_without_a_folder_the_option_is_named(suite):
    message = f"{suite().label} needs its files: name their folder with --data DIR or CHEAPCONV_DATA."
    assert refusal(None, suite) == message


def test_a_missing_folder_is_named(tmp_path):
    sentence = refusal(tmp_path / "nowhere")
    assert f"CIFAR-10 is not in {tmp_path / 'nowhere' / 'cifar-10-batches-py'}" in sentence
    assert "--data DIR" in sentence


def test_a_missing_file_is_named(ten):
    (ten / "cifar-10-batches-py" / "data_batch_3").unlink()
    assert "(data_batch_3: No such file or directory)" in refusal(ten)


@pytest.mark.parametrize("name", ["data_batch_1", "test_batch", "batches.meta"])
def test_a_damaged_file_is_named_and_never_unpickled(name, ten, monkeypatch):
    path = ten / "cifar-10-batches-py" / name
    body = bytearray(path.read_bytes())
    body[len(body) // 2] ^= 1
    path.write_bytes(bytes(body))
    unpickled = []
    monkeypatch.setattr(cifar.pickles, "read", unpickled.append)
    sentence = refusal(ten)
    assert bytes(body) not in unpickled
    assert sentence == f"{path} is damaged (its md5 is not the official one): delete it and fetch it again."


def test_the_official_sums_are_torchvisions():
    """torchvision's own tables, which name the same files."""
    datasets = pytest.importorskip("torchvision.datasets")
    for suite, theirs in ((Cifar10, datasets.CIFAR10), (Cifar100, datasets.CIFAR100)):
        listed = dict([*theirs.train_list, *theirs.test_list, (theirs.meta["filename"], theirs.meta["md5"])])
        assert suite.md5 == listed
        assert suite.folder == theirs.base_folder


def test_a_changed_file_is_never_taken_for_the_one_that_was_read_before(ten):
    Cifar10().load(ten)
    path = ten / "cifar-10-batches-py" / "data_batch_2"
    stat, body = path.stat(), path.read_bytes()
    path.write_bytes(body[:-20] + bytes(20))  # as large and as old as before
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert "data_batch_2 is damaged" in refusal(ten)


def test_nothing_is_written_into_the_folder_of_the_data(ten):
    before = {path: path.stat().st_mtime_ns for path in ten.rglob("*")}
    Cifar10().load(ten)
    assert {path: path.stat().st_mtime_ns for path in ten.rglob("*")} == before


def test_a_failed_download_is_one_sentence(tmp_path, monkeypatch):
    datasets = pytest.importorskip("torchvision.datasets")

    def fail(url: str, folder: str, filename: str, md5: str) -> None:
        assert md5 == datasets.CIFAR10.tgz_md5
        raise ConnectionError("no route to host")

    monkeypatch.setattr(datasets.utils, "download_and_extract_archive", fail)
    with pytest.raises(UserError, match=r"CIFAR-10 could not be fetched \(no route to host\): copy its files to "):
        Cifar10().load(tmp_path, download=True)


def test_only_a_download_goes_to_the_network(ten, monkeypatch):
    monkeypatch.setattr(cifar, "_download", lambda *args: pytest.fail("went to the network"))
    Cifar10().load(ten)
    Cifar10().load(ten, download=True)  # everything is there already


@pytest.mark.slow
def test_real_cifar_10():
    """Real CIFAR-10, if the folder named by CHEAPCONV_DATA has it: sizes, balance, and the true constants."""
    folder = Path(os.environ.get("CHEAPCONV_DATA", ""))
    if not (folder / Cifar10.folder).is_dir():
        pytest.skip("CHEAPCONV_DATA names no folder with cifar-10-batches-py")
    data = Cifar10().load(folder)
    assert data.train_x.shape == (50000, 3, 32, 32)
    assert Cifar10.train_samples == 50000
    assert data.test_x.shape == (10000, 3, 32, 32)
    assert torch.bincount(data.train_y).tolist() == [5000] * 10
    assert torch.bincount(data.test_y).tolist() == [1000] * 10
    assert data.class_names[0] == "airplane"
    pixels = data.train_x.float().div(255).transpose(0, 1).flatten(1)  # (3, 50000 * 1024)
    torch.testing.assert_close(pixels.mean(dim=1), torch.tensor(NORMALISATIONS["c10-b"].mean), atol=1e-4, rtol=0)
    torch.testing.assert_close(pixels.std(dim=1), torch.tensor(NORMALISATIONS["c10-b"].std), atol=1e-4, rtol=0)


@pytest.mark.slow
def test_real_cifar_100():
    """Real CIFAR-100, if the folder named by CHEAPCONV_DATA has it: sizes, balance, and RepDistiller's constants."""
    folder = Path(os.environ.get("CHEAPCONV_DATA", ""))
    if not (folder / Cifar100.folder).is_dir():
        pytest.skip("CHEAPCONV_DATA names no folder with cifar-100-python")
    data = Cifar100().load(folder)
    assert data.train_x.shape == (50000, 3, 32, 32)
    assert torch.bincount(data.train_y).tolist() == [500] * 100
    assert torch.bincount(data.test_y).tolist() == [100] * 100
    assert data.class_names[:2] == ("apple", "aquarium_fish")
    coarse = Cifar100(labels="coarse").load(folder)
    assert torch.bincount(coarse.train_y).tolist() == [2500] * 20
    assert coarse.class_names[coarse.train_y[data.train_y == 0][0]] == "fruit_and_vegetables"  # an apple
    pairs = set(zip(data.train_y.tolist(), coarse.train_y.tolist(), strict=True))
    assert len(pairs) == 100  # a class is of one of them
    # RepDistiller's are a last digit off the true ones.
    pixels = data.train_x.float().div(255).transpose(0, 1).flatten(1)  # (3, 50000 * 1024)
    torch.testing.assert_close(pixels.mean(dim=1), torch.tensor(NORMALISATIONS["c100-a"].mean), atol=2e-4, rtol=0)
    torch.testing.assert_close(pixels.std(dim=1), torch.tensor(NORMALISATIONS["c100-a"].std), atol=2e-4, rtol=0)
