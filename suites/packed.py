"""Which photographs packed files hold: webdataset's tar shards, Parquet of Hugging Face's hub, a tar of class folders.

The splits are those that timm's reader of webdatasets knows: what `_info.json` names, or else a word of the file's
name (`imagenet1k-train-0000.tar`, `data/validation-00000-of-00014.parquet`), or the folder that it lies in. Labels are
numbers; their names are those of `_info.json` (`classes`) or of the Parquet's schema, or the numbers themselves.
"""

import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from pydantic import TypeAdapter, ValidationError

from cheapconv.catalog import cache
from cheapconv.catalog.errors import UserError, short
from cheapconv.suites import parquet, tars
from cheapconv.suites.folders import TESTS, TRAIN, Listed, check_classes, holds_photographs
from cheapconv.suites.photo import ENDINGS
from cheapconv.suites.photos import Photos

INFO = ("_info.json", "info.json")  # timm's
KINDS = (".tar", ".parquet")
HUB = "data"  # folder of the files in a repository of Hugging Face's


@dataclass(frozen=True)
class ForeignSplit:
    """Of `_info.json`, in timm's words."""

    filenames: list[str]
    alt_label: str = ""  # a field of each sample's JSON


@dataclass(frozen=True)
class ForeignInfo:
    """`_info.json`, or what the names of the files say in its place."""

    splits: dict[str, ForeignSplit]
    classes: list[str] = field(default_factory=list)


_Info = TypeAdapter(ForeignInfo)


def is_packed(path: Path) -> bool:
    """Whether it is a tar, or a folder of shards or Parquet and not of class folders."""
    if path.is_file():
        return path.suffix.lower() == KINDS[0]
    return _described(path) is not None or (
        not (path / INFO[0]).is_file() and bool(_files(path)) and not holds_photographs(path)
    )


def listed(path: Path, class_names: Sequence[str] = ()) -> Listed:
    """The photographs; their classes are those named here, where some are. A UserError for what is no data set."""
    if path.is_file():
        return _class_folders(path)
    about = _described(path) or _by_name(path)
    if TRAIN not in about.splits:
        raise UserError(f"{path} has no files of the split {TRAIN}, but of {', '.join(about.splits) or 'none'}.")
    test = next((name for name in TESTS if name in about.splits), None)
    parts = [_photos(path, about.splits[name]) for name in (TRAIN, test) if name]
    first = path / about.splits[TRAIN].filenames[0]
    names = tuple(about.classes) or (parquet.class_names(first) if first.suffix == KINDS[1] else ())
    if class_names and len(names) not in (0, len(class_names)):
        raise UserError(f"{path} names {len(names):,} classes: the suite has {len(class_names):,}.")
    names = tuple(class_names) or names or _numbers(path, parts)
    for part in parts:
        _check_labels(path, part, len(names))
    return Listed(names, parts[0], parts[1] if test else None)


def _described(path: Path) -> ForeignInfo | None:
    """`_info.json`, where there is one and it is not that of `cheapconv prepare`, which has a side."""
    for file in (path / name for name in INFO):
        try:
            text = file.read_bytes()
            said = json.loads(text)
        except (OSError, ValueError):
            continue
        if isinstance(said, dict) and "splits" in said and "side" not in said:
            try:
                return _Info.validate_python(said)
            except ValidationError as error:
                what = error.errors()[0]
                where = ".".join(map(str, what["loc"]))
                raise UserError(f"{file} is not as timm reads it ({where}: {what['msg']}): mend it.") from error
    return None


def _by_name(path: Path) -> ForeignInfo:
    """The splits by the names of the files; a UserError where they say nothing."""
    files = _files(path)
    splits: dict[str, ForeignSplit] = {}
    for file in files:
        where, name = os.path.split(file)
        words = [where, *re.split(r"[-_.]", name.lower())]
        split = next((word for word in words if word in (TRAIN, *TESTS)), None)
        if split:
            splits.setdefault(split, ForeignSplit([])).filenames.append(file)
        if (path / file).with_suffix(".json").is_file():
            raise UserError(f"{path} is an unfinished store of `cheapconv prepare`: run it to its end.")
    if TRAIN not in splits:
        raise UserError(
            f"{path} has files like '{short(files[0])}', and none of the split {TRAIN}: put {TRAIN} and val into their "
            f"names or folders, or name them in {INFO[0]}."
        )
    return ForeignInfo(splits)


def _files(path: Path) -> list[str]:
    """Packed files of one kind in a folder, and in those in it that are named for a split, from it on."""
    for kind in KINDS:
        places = [path / name for name in ("", HUB, TRAIN, *TESTS)]
        found = [file for place in places for file in sorted(place.glob(f"[!.]*{kind}"))]
        if found:
            return [str(file.relative_to(path)) for file in found]
    return []


def _photos(root: Path, split: ForeignSplit) -> Photos:
    if not split.filenames:
        raise UserError(f"{root / INFO[0]} names a split without files: name them in filenames.")
    if not split.filenames[0].endswith(KINDS[1]):
        return tars.photos(root, split.filenames, split.alt_label)
    for name in split.filenames:
        parquet.class_names(root / name)  # all have the columns, before the first is unpacked
    shards = [parquet.unpacked(root / name).name for name in split.filenames]
    return tars.photos(cache.folder(), shards)


def _numbers(path: Path, parts: Sequence[Photos]) -> tuple[str, ...]:
    """Names for classes that have none; each has an image at least, so that a wild label is no class."""
    classes = 1 + max(int(part.labels.max()) for part in parts)
    if classes > len(parts[0]):
        raise UserError(
            f"{path} has labels up to {classes - 1:,} on {len(parts[0]):,} training images: number the classes from 0."
        )
    if classes < 2:
        raise UserError(f"{path} has no label but 0: it needs two classes or more.")
    return tuple(map(str, range(classes)))


def _check_labels(path: Path, photos: Photos, classes: int) -> None:
    outside = np.flatnonzero((photos.labels < 0) | (photos.labels >= classes))
    if len(outside):
        name, label = photos.name(outside[0]), photos.labels[outside[0]]
        raise UserError(
            f"{path}: {name} has label {label}, and the classes are 0 to {classes - 1}: take these images out, "
            "or number the classes from 0."
        )


def _class_folders(path: Path) -> Listed:
    """A tar of class folders, or of train/ and val/ of such; images are in the order of their names."""
    files = ((member, os.path.basename(member.name)) for member in sorted(tars.members(path)))
    images = [m for m, name in files if not name.startswith(".") and os.path.splitext(name)[1].lower() in ENDINGS]
    folders = [os.path.normpath(member.name).split("/")[:-1] for member in images]
    names = sorted({parts[-1] if parts else "" for parts in folders})
    if "" in names:
        raise UserError(
            f"{path} has images that lie in no folder: each class needs one in it; if it is a shard, name its folder."
        )
    check_classes(path, names)
    number = {name: label for label, name in enumerate(names)}
    labels = np.array([number[parts[-1]] for parts in folders])
    places = np.array([(0, member.first, member.size) for member in images])
    whole = Photos(path.parent, np.array([os.fsencode(path.name)]), places, labels)
    splits = np.array([next((part for part in parts[:-1] if part in (TRAIN, *TESTS)), "") for parts in folders])
    test = next((name for name in TESTS if name in splits and TRAIN in splits), None)
    if test is None:
        return Listed(tuple(names), whole, None)
    return Listed(tuple(names), *(whole.take(np.flatnonzero(splits == name)) for name in (TRAIN, test)))
