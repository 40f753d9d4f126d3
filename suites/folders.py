"""Which photographs a folder holds, and of which classes: class folders, train/ and val/ of them, or a CSV of labels.

Hidden files, and files whose ending is no image's, are not looked at. Every way in which such a folder is not what it
should be is one sentence.
"""

import csv
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cheapconv.catalog.errors import UserError, reason, short, some
from cheapconv.suites.photo import ENDINGS
from cheapconv.suites.photos import Photos

TRAIN = "train"
TESTS = ("val", "validation", "valid", "test")  # the first of them that is there is the test set
MOST_NAMED = 5  # names in a sentence

Labelled = list[tuple[str, int]]  # files from the root on, with the positions of their classes


@dataclass(frozen=True)
class Listed:
    """Photographs by split; `test` is None where they are still to be split."""

    class_names: tuple[str, ...]
    train: Photos
    test: Photos | None


def listed(path: Path) -> Listed:
    """What a folder, or a CSV file, holds; a UserError where that cannot be trained on."""
    if path.is_file():
        return _from_csv(path)
    if not path.is_dir():
        raise UserError(f"there is no folder {path}: name one with a folder of photographs for each class.")
    if (path / TRAIN).is_dir():
        test = next((name for name in TESTS if (path / name).is_dir()), None)
        return in_two(path, TRAIN, test) if test else _in_one(path, TRAIN)
    tables = [entry for entry in _entries(path) if entry.name.lower().endswith(".csv")]
    if not _folders(path) and len(tables) == 1:
        return _from_csv(Path(tables[0].path))
    return _in_one(path, "")


def in_two(root: Path, train: str, test: str) -> Listed:
    """Class folders in two folders of the root, the same ones in both."""
    names, others = _folders(root / train), _folders(root / test)
    for one, here, there in ((names, train, test), (others, test, train)):
        if missing := sorted({*names, *others} - {*one}):
            raise UserError(
                f"{root / here} has no folder for {named(missing)}, which {there} has: both need the same classes."
            )
    check_classes(root / train, names)
    return Listed(tuple(names), _labelled(root, train, names), _labelled(root, test, names))


def holds_photographs(path: Path) -> bool:
    """Whether a folder's own folders hold images, or a CSV in it may name some."""
    tables = any(entry.name.lower().endswith(".csv") for entry in _entries(path))
    return tables or any(True for name in _folders(path) for _ in _images(path / name))


def named(names: list[str]) -> str:
    """Some names for a sentence: the first few, and how many more there are."""
    return some([f"'{short(name)}'" for name in names], MOST_NAMED)


def _in_one(root: Path, folder: str) -> Listed:
    names = _folders(root / folder)
    check_classes(root / folder, names)
    return Listed(tuple(names), _labelled(root, folder, names), None)


def check_classes(folder: Path, names: list[str]) -> None:
    """UserError for a folder without classes, or with one that cannot be told from any other."""
    if len(names) < 2:
        found = "no folders" if not names else f"one folder, '{names[0]}'"
        raise UserError(f"{folder} has {found}: it needs one folder of photographs for each of two classes or more.")


def _labelled(root: Path, folder: str, names: list[str]) -> Photos:
    """The images of class folders; UserError for a class without any."""
    found: Labelled = []
    for label, name in enumerate(names):
        images = sorted(_images(root / folder / name))
        if not images:
            endings = ", ".join(sorted(ENDINGS))
            raise UserError(f"{root / folder / name} holds no image ({endings}): fill it, or remove the class.")
        found += [(os.path.join(folder, name, image), label) for image in images]
    return _photos(root, found)


def _photos(root: Path, found: Labelled) -> Photos:
    return Photos.of_files(root, [name for name, _ in found], [label for _, label in found])


def _images(folder: Path) -> Iterator[str]:
    """Images in a folder and below it, from it on; links to folders are followed, and no circle of them."""
    seen: set[str] = set()
    for place, folders, files in os.walk(folder, followlinks=True):
        real = os.path.realpath(place)
        folders[:] = [] if real in seen else [name for name in folders if not name.startswith(".")]
        if real not in seen:
            shown = (name for name in files if not name.startswith("."))
            ours = (name for name in shown if os.path.splitext(name)[1].lower() in ENDINGS)
            yield from (os.path.relpath(os.path.join(place, name), folder) for name in ours)
        seen.add(real)


def _entries(folder: Path) -> list["os.DirEntry[str]"]:
    try:
        with os.scandir(folder) as entries:
            return [entry for entry in entries if not entry.name.startswith(".")]
    except OSError as error:
        raise UserError(f"{folder} cannot be read ({error.strerror}).") from error


def _folders(folder: Path) -> list[str]:
    """Names of the folders in it, sorted, without hidden ones."""
    return sorted(entry.name for entry in _entries(folder) if entry.is_dir())


def _complaint(root: Path, file: str | None, label: str | None) -> str | None:
    """What is wrong with a row of a CSV; None where it names a file and its label."""
    if not file:
        return "no file is named: name one, or remove the row"
    if not label:
        return f"'{short(file)}' has no label: give it one, or remove the row"
    if not (root / file).is_file():
        return f"there is no file '{short(file)}' in {root}: bring it there, or remove the row"
    return None


def _from_csv(path: Path) -> Listed:
    """Rows of `file,label` or `file,label,split`, under a header that says so; files from the CSV's folder on."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            numbered = [(reader.line_num, row) for row in reader if any(row.values())]
    except (OSError, ValueError, csv.Error) as error:
        raise UserError(f"{path} cannot be read as CSV ({reason(error)}).") from error
    rows = [row for _, row in numbered]
    if not rows or not {"file", "label"} <= rows[0].keys():
        raise UserError(f"{path} needs a header with the columns file and label (and split, if you like), and rows.")
    for number, row in numbered:
        if complaint := _complaint(path.parent, row["file"], row["label"]):
            raise UserError(f"{path}, row {number}: {complaint}.")
    names = sorted({row["label"] for row in rows})
    check_classes(path, names)
    split: dict[str, list[dict[str, str]]] = {TRAIN: [], "test": []}
    for row in rows:
        said = (row.get("split") or TRAIN).strip().lower()  # train where it says nothing
        if said != TRAIN and said not in TESTS:
            raise UserError(f"{path} has the split '{short(said)}': write train, or test.")
        split[TRAIN if said == TRAIN else "test"].append(row)
    train, test = ([(row["file"], names.index(row["label"])) for row in split[part]] for part in (TRAIN, "test"))
    for part in (train, test) if test else (train,):
        if empty := sorted({*names} - {names[label] for _, label in part}):
            raise UserError(f"{path} has no image of {named(empty)} in one of its splits.")
    tested = _photos(path.parent, sorted(test)) if test else None
    return Listed(tuple(names), _photos(path.parent, sorted(train)), tested)
