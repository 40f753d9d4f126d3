"""A folder of photographs as a suite: its classes, its split, its name, and what is wrong with it in one sentence."""

import os
import shutil
from pathlib import Path

import pytest
import torch

from cheapconv import catalog
from cheapconv.catalog.errors import UserError
from cheapconv.engine.run.planning import planned
from cheapconv.suites import examined, images
from cheapconv.suites.images import Images
from cheapconv.suites.loader import Loader
from cheapconv.suites.memory import InMemory, normalise
from cheapconv.suites.place import Place
from tests.suites.pictures import encoded, folder, picture

CLASSES = {"cats and dogs": 14, "кошки": 12, "birds": 13}
PLACE = Place(torch.device("cpu"))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return folder(tmp_path / "photos", CLASSES)


def suite(root: Path, side: int = 16) -> Images:
    return Images(path=str(root), side=side)


def contents(root: Path) -> tuple[set[bytes], set[bytes]]:
    """The files that are trained on, and tested with."""
    loader = suite(root)._division
    train, test = ({part.read(i) for i in range(len(part))} for part in (loader.train, loader.test))
    return train, test


def test_classes_are_the_folders(root: Path) -> None:
    (root / ".hidden").mkdir()
    (root / ".DS_Store").write_bytes(b"x")
    (root / "birds" / ".000.jpg").write_bytes(b"x")
    (root / "birds" / "Thumbs.db").write_bytes(b"x")
    data = suite(root).open(PLACE)
    assert isinstance(data, InMemory)
    assert data.class_names == ("birds", "cats and dogs", "кошки")
    assert data.samples + data.size("test") == 39
    assert torch.bincount(data.test_y, minlength=3).min() >= 1
    assert data.image == suite(root).image == (3, 16, 16)
    assert suite(root).classes == 3
    assert suite(root).train_samples == data.samples
    assert data.skipped == {}


def test_a_registry_names_it_by_its_path(root: Path) -> None:
    catalog.load()
    named = catalog.parse("suite", f"images(path={str(root)!r}, side=16)")
    assert named == suite(root)
    assert catalog.parse("suite", catalog.canonical(named)) == named
    with pytest.raises(UserError, match="side must be greater than or equal to 8"):
        catalog.parse("suite", "images(path='x', side=4)")


def test_a_file_that_is_added_moves_no_other(root: Path) -> None:
    before = contents(root)
    for number in range(100, 110):
        (root / "birds" / f"{number}.jpg").write_bytes(encoded(picture(number)))
    after = contents(root)
    assert before[0] <= after[0]
    assert before[1] <= after[1]
    assert len(after[0]) + len(after[1]) == 49


def test_the_name_of_the_data_is_of_what_they_hold(root: Path, tmp_path: Path) -> None:
    first = suite(root).fingerprint
    copy = Path(shutil.copytree(root, tmp_path / "copy"))
    (copy / "birds" / "000.jpg").rename(copy / "birds" / "zebra.JPEG")
    assert suite(copy).fingerprint == first
    assert torch.equal(suite(copy).open(PLACE).labels, suite(root).open(PLACE).labels)
    (copy / "birds" / "zebra.JPEG").rename(copy / "кошки" / "zebra.jpg")
    assert suite(copy).fingerprint != first


def test_a_second_look_reads_no_file(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = suite(root).fingerprint
    looked: list[str] = []
    look = examined.look
    monkeypatch.setattr(
        examined, "look", lambda photos, i, side: looked.append(photos.name(i)) or look(photos, i, side)
    )
    assert suite(root).fingerprint == first
    assert looked == []
    (root / "birds" / "000.jpg").write_bytes(encoded(picture(500)))
    os.utime(root / "birds" / "000.jpg", ns=(1, 1))
    assert suite(root).fingerprint != first
    assert looked == ["birds/000.jpg"]


def test_the_normalisation_is_measured(root: Path) -> None:
    data, recipe = suite(root).open(PLACE), suite(root).recipes["short"]
    assert isinstance(data, InMemory)
    x = normalise(data.train_x, recipe.normalisation)
    torch.testing.assert_close(x.mean(dim=(0, 2, 3)), torch.zeros(3), atol=1e-3, rtol=0)
    torch.testing.assert_close(x.std(dim=(0, 2, 3)), torch.ones(3), atol=1e-3, rtol=0)


def test_the_recipe_is_by_size(root: Path) -> None:
    short, long = (suite(root).recipes[name] for name in ("short", "long"))
    assert (short.batch, short.lr, short.epochs, short.augmentation.pad) == (32, 0.025, 60, 2)
    assert long.epochs == 240
    assert short.augmentation.area is None


def test_a_registry_is_read_where_photographs_of_one_of_its_sweeps_are_not(root: Path, tmp_path: Path) -> None:
    """Other sweeps of the file are run without them; whoever plans that one is told."""
    path = tmp_path / "registry.yaml"
    body = "recipe: short, entries: [{architecture: WRN-10-1, conv: S, method: scratch}]"
    absent = "images(path='nowhere', side=32)"
    path.write_text(f'sweeps:\n  here: {{suite: digits, {body}}}\n  away: {{suite: "{absent}", {body}}}\n')
    assert len(planned("here", path, None, None).cells) == 1
    with pytest.raises(UserError, match="there is no folder nowhere"):
        planned("away", path, None, None)
    assert [*suite(root).recipe_names] == [*suite(root).recipes]


def test_what_does_not_fit_into_memory_is_read_from_the_disk(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    memory = suite(root).open(PLACE)
    monkeypatch.setattr(images, "IN_MEMORY", 1000)
    loader, recipe = suite(root).open(PLACE), suite(root).recipes["short"]
    assert isinstance(loader, Loader)
    assert recipe.augmentation.area == images.CROPS
    assert torch.equal(loader.labels, memory.labels)
    for split in (loader.split("test", recipe), memory.split("test", recipe)):
        x, y = (torch.cat(parts) for parts in zip(*split, strict=True))
        assert len(x) == len(y) == loader.size("test")
    [*of_loader], [*of_memory] = loader.split("test", recipe), memory.split("test", recipe)
    assert torch.equal(of_loader[0][0], of_memory[0][0])
    assert suite(root).open(PLACE, validation=5).size("validation") == 5


def test_two_folders_are_the_split(tmp_path: Path) -> None:
    folder(tmp_path / "train", {"a": 4, "b": 3})
    folder(tmp_path / "val", {"a": 2, "b": 3}, first=50)
    folder(tmp_path / "test", {"a": 1, "b": 1}, first=80)
    data = suite(tmp_path).open(PLACE)
    assert sorted(data.labels.tolist()) == [0, 0, 0, 0, 1, 1, 1]
    assert data.size("test") == 5


def test_a_csv_says_what_is_what(tmp_path: Path) -> None:
    folder(tmp_path, {"mixed": 6})
    rows = [f"mixed/{i:03d}.jpg,{'a, b' if i % 2 else 'c'},{'test' if i > 3 else 'train'}" for i in range(6)]
    table = tmp_path / "labels.csv"
    table.write_text("file,label,split\n" + "\n".join(row.replace("a, b", '"a, b"') for row in rows))
    data = suite(table).open(PLACE)
    assert data.class_names == ("a, b", "c")
    assert (data.samples, data.size("test")) == (4, 2)
    shutil.move(tmp_path / "mixed" / "000.jpg", tmp_path / "gone.jpg")
    with pytest.raises(UserError, match=r"row 2: there is no file 'mixed/000\.jpg' in "):
        suite(table).open(PLACE)
    table.write_text("a,b\n1,2\n")
    with pytest.raises(UserError, match="needs a header with the columns file and label"):
        suite(table).open(PLACE)


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ("mixed/001.jpg,", r"row 4: 'mixed/001\.jpg' has no label"),
        ("mixed/001.jpg", r"row 4: 'mixed/001\.jpg' has no label"),
        (",b", "row 4: no file is named"),
        ("mixed/009.jpg,b", r"row 4: there is no file 'mixed/009\.jpg' in "),
    ],
)
def test_a_row_of_a_csv_says_what_it_lacks(tmp_path: Path, row: str, sentence: str) -> None:
    table = folder(tmp_path, {"mixed": 2}) / "labels.csv"
    table.write_text(f"file,label\nmixed/000.jpg,a\n\n{row}\n")
    with pytest.raises(UserError, match=sentence):
        suite(table).open(PLACE)


def test_copies_of_an_image_in_its_class_are_one_image(root: Path) -> None:
    shutil.copy(root / "birds" / "003.jpg", root / "birds" / "copy.jpg")
    assert suite(root).open(PLACE).class_names == ("birds", "cats and dogs", "кошки")


def test_broken_images_are_told_once(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert suite(root).fingerprint
    assert caplog.messages == []
    (root / "birds" / "broken.jpg").write_bytes(b"none")
    assert suite(root).fingerprint == suite(root).fingerprint
    said = "1 of 40 images cannot be read and is left out: birds/broken.jpg (it is no image of a known kind)"
    assert caplog.messages == [f"{root}: {said}"]


def test_broken_images_are_left_out_and_named(root: Path) -> None:
    first = suite(root).fingerprint
    (root / "birds" / "broken.jpg").write_bytes(encoded(picture(77))[:150])
    data = suite(root).open(PLACE)
    assert [*data.skipped] == ["birds/broken.jpg"]
    assert data.samples + data.size("test") == 39
    assert suite(root).fingerprint == first
    (root / "birds" / "empty.png").write_bytes(b"")
    with pytest.raises(UserError, match=r"2 of 41 images cannot be read, and at most 1 may be: birds/broken\.jpg \("):
        _ = suite(root).fingerprint


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda root: shutil.rmtree(root), "there is no folder"),
        (lambda root: [shutil.rmtree(root / name) for name in CLASSES], "has no folders: it needs one folder"),
        (lambda root: [shutil.rmtree(root / name) for name in [*CLASSES][1:]], "has one folder, 'cats and dogs'"),
        (lambda root: (root / "empty").mkdir(), r"empty holds no image \(\.bmp, .*fill it, or remove the class"),
        (
            lambda root: (folder(root / "train", {"a": 1, "b": 1}), folder(root / "val", {"a": 1, "c": 1})),
            "train has no folder for 'c', which val has",
        ),
        (
            lambda root: (folder(root / "train", {"a": 1, "b": 1}), folder(root / "val", {"a": 1})),
            "val has no folder for 'b', which train has",
        ),
        (
            lambda root: (folder(root / "train", {"a": 2, "b": 1}), folder(root / "val", {"a": 1, "b": 1}, first=1)),
            r"trained and tested on the same images: train/./00.\.jpg = val/./000\.jpg, .*remove one of each",
        ),
        (
            lambda root: folder(root, {"one": 1}, first=70),
            "class 'one' has one image that can be read, or copies of one, which",
        ),
        (
            lambda root: (
                (folder(root / "train", {"a": 1, "b": 2}), folder(root / "val", {"a": 1, "b": 1}, first=9))
                and (root / "train" / "a" / "000.jpg").write_bytes(b"")
            ),
            "class 'a' has no image to train on that can be read",
        ),
        (
            lambda root: [
                shutil.copy(root / "birds" / f"{name}.jpg", root / "кошки" / f"copy{name}.jpg")
                for name in ("003", "004")
            ],
            r"has the same images in two classes: birds/003\.jpg = кошки/copy003\.jpg, birds/004.* remove one",
        ),
        (
            lambda root: (
                folder(root / "train", {"a": 3, "b": 3}),
                folder(root / "val", {"b": 2, "a": 1}),  # b's pictures are the first of a
            ),
            r"in two classes: train/a/000\.jpg = val/b/000\.jpg, .*; remove one of each",
        ),
    ],
)
def test_what_cannot_be_trained_on_is_one_sentence(root: Path, make, sentence: str) -> None:
    make(root)
    with pytest.raises(UserError, match=sentence) as told:
        _ = suite(root).fingerprint
    assert "\n" not in str(told.value)


def test_as_few_images_in_two_classes_as_may_be_broken_are_told(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    shutil.copy(root / "birds" / "003.jpg", root / "кошки" / "copy.jpg")
    assert suite(root).fingerprint
    assert "has the same images in two classes: birds/003.jpg = кошки/copy.jpg; remove one of each" in caplog.text


def test_a_class_of_two_is_split_in_halves(root: Path) -> None:
    folder(root, {"few": 2}, first=90)
    data = suite(root).open(PLACE)
    assert torch.bincount(data.labels, minlength=4).min() == 1
