"""CamVid and Cityscapes from folders of a few tiny frames."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from cheapconv import catalog
from cheapconv.catalog.errors import UserError
from cheapconv.suites.camvid import CamVid
from cheapconv.suites.cityscapes import TRAIN_IDS, Cityscapes
from cheapconv.suites.place import Place
from cheapconv.suites.segmentation import Segmentation

PLACE = Place(torch.device("cpu"))
SMALL = CamVid(height=24)


def write(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels.astype(np.uint8)).save(path)


def camvid(home: Path, train: int = 3, val: int = 2) -> Path:
    """Frames of 64 x 48, each with a band of every class and one of void, painted with its label."""
    for split, count in (("train", train), ("val", val)):
        for number in range(count):
            labels = np.repeat(np.arange(12), 4)[:, None].repeat(64, axis=1)
            labels = np.roll(labels, number, axis=0)
            write(home / f"{split}annot" / f"{number}.png", labels)
            write(home / split / f"{number}.png", (labels * 20)[:, :, None].repeat(3, axis=2))
    return home


def test_camvid_is_read_at_the_size_of_the_suite(tmp_path: Path):
    data = SMALL.open(PLACE, camvid(tmp_path))
    assert (data.samples, data.size("test"), data.image) == (3, 2, (3, 24, 32)) == (3, 2, SMALL.image)
    assert data.labels.unique().tolist() == list(range(12))
    assert data.class_names[0] == "sky"
    task = SMALL.task_of(data)
    assert isinstance(task, Segmentation)
    assert task.weights is not None
    assert len(task.weights) == SMALL.classes == 11
    assert len(SMALL.open(PLACE, tmp_path, validation=1).labels) == 2
    tested = data.test_y.flatten().tolist()
    assert task.tested == tuple(tested.count(label) for label in range(11))
    assert task.chance < SMALL.task.chance == 1 / 11


def test_a_side_is_one_that_networks_take():
    assert CamVid().image == (3, 360, 480)
    with pytest.raises(UserError, match="height"):
        catalog.parse("suite", "camvid(height=100)")


def test_a_folder_is_known_by_what_it_holds(tmp_path: Path):
    homes = [camvid(tmp_path / name) for name in ("a", "b", "c")]
    write(homes[2] / "train" / "0.png", np.zeros((48, 64, 3)))
    found = [CamVid(path=str(home)) for home in homes]
    assert found[0].fingerprint == found[1].fingerprint != found[2].fingerprint
    assert found[0].places() == ("path",)
    assert len(found[0].open(PLACE).labels) == 3  # no --data is needed
    assert (SMALL.places(), SMALL.fingerprint) == ((), "camvid:segnet")


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda home: (home / "trainannot" / "1.png").unlink(), "'1.png' is without a label map"),
        (lambda home: (home / "val" / "0.png").unlink(), "'0.png' is without its frame"),
        (lambda home: [path.unlink() for path in (home / "val").iterdir()], "has no frames in"),
        (lambda home: (home / "train" / "0.png").write_bytes(b"PNG"), "0.png cannot be read as an image"),
        (lambda home: (home / "train" / "0.png").write_bytes(b""), "0.png cannot be read as an image"),
        (
            lambda home: write(home / "trainannot" / "0.png", np.full((48, 64), 12)),
            "has the label 12, which CamVid does",
        ),
        (lambda home: write(home / "trainannot" / "0.png", np.zeros((48, 60))), "is 60 x 48 and its frame 64 x 48"),
        (lambda home: write(home / "trainannot" / "0.png", np.zeros((48, 64, 3))), "is a picture"),
    ],
)
def test_what_is_wrong_with_a_folder_is_a_sentence(tmp_path: Path, harm, said: str):
    harm(camvid(tmp_path))
    with pytest.raises(UserError, match=said):
        SMALL.open(PLACE, tmp_path)


def test_a_half_written_frame_is_a_sentence(tmp_path: Path):
    path = camvid(tmp_path) / "train" / "0.png"
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(UserError, match="put it back whole"):
        SMALL.open(PLACE, tmp_path)


def test_without_a_folder_there_is_no_data():
    with pytest.raises(UserError, match="--data DIR"):
        SMALL.open(PLACE)


def test_cityscapes_has_train_ids(tmp_path: Path):
    for split in ("train", "val"):
        for city, name in (("aachen", "a_000000_000019"), ("ulm", "b_000001_000019")):
            numbers = np.arange(16)[:, None] * 2 + np.zeros((16, 32), dtype=int)  # 0, 2, ..., 30
            write(tmp_path / "gtFine" / split / city / f"{name}_gtFine_labelIds.png", numbers)
            write(tmp_path / "leftImg8bit" / split / city / f"{name}_leftImg8bit.png", np.zeros((16, 32, 3)))
    suite = Cityscapes(height=16)
    data = suite.open(PLACE, tmp_path)
    expected = [TRAIN_IDS.get(number, 19) for number in range(0, 32, 2)]
    assert data.labels[0, :, 0].tolist() == expected
    assert (data.samples, data.image, suite.classes) == (2, (3, 16, 32), 20)
    task = suite.task_of(data)
    assert isinstance(task, Segmentation)
    assert task.tested is not None
    assert sum(task.tested) == sum(label != 19 for label in expected) * 32 * 2
    assert task == suite.task_of(suite.open(PLACE, tmp_path, validation=1))  # the released weights
    assert suite.labels_of(np.array([255, 7, 40])).tolist() == [19, 0, 255]


def test_cityscapes_without_its_files_is_a_sentence(tmp_path: Path):
    with pytest.raises(UserError, match="Cityscapes has no frames in"):
        Cityscapes().open(PLACE, tmp_path)
