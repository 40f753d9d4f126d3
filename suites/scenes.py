"""Suites of frames and label maps on disk: found, checked and decoded once, into memory (suites/frames.py).

A family says where its pairs of files are and what the numbers of its label maps mean. Frames are brought to the
suite's size with an antialiased bilinear filter, label maps by the nearest pixel: scores are those at that size.
"""

import hashlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from cheapconv.catalog.errors import UserError
from cheapconv.suites.base import Data, Suite
from cheapconv.suites.frames import Frames
from cheapconv.suites.place import Place
from cheapconv.suites.segmentation import Segmentation, erfnet_weights
from cheapconv.suites.task import Task

Pair = tuple[Path, Path]  # a frame and its label map
NO_CLASS = 255  # in a table of labels: a number that no label map may hold


@dataclass(frozen=True, kw_only=True)
class Scenes(Suite):
    """Base class of the suites for segmentation; a subclass finds the files."""

    class_names: ClassVar[tuple[str, ...]]
    void: ClassVar[int]  # the label of pixels without a class

    @property
    def task(self) -> Task:
        """Segmentation."""
        return Segmentation(len(self.class_names), self.void)

    def task_of(self, data: Data) -> Task:
        """With the classes weighted by ERFNet's rule, from their shares of the training frames."""
        return self.weighted(erfnet_weights(self._pixels(data.labels)), data)

    def weighted(self, weights: tuple[float, ...], data: Data) -> Segmentation:
        """The task with weights of the classes, and what guessing has on the test set where the data have one."""
        tested = tuple(self._pixels(data.test_y).tolist()) if isinstance(data, Frames) else None
        return Segmentation(len(self.class_names), self.void, weights, tested)

    def pairs(self, folder: Path, split: str) -> list[Pair]:
        """The files of a split, `train` or `val`, in a fixed order."""
        raise NotImplementedError

    def labels_of(self, values: np.ndarray) -> np.ndarray:
        """Labels of the suite, uint8, for the numbers of a label map; NO_CLASS for one that has no meaning."""
        raise NotImplementedError

    def home(self, folder: Path | None) -> Path:
        """Where the files are, for a user's folder; a UserError where none is named."""
        if folder is None:
            raise UserError(f"{self.label} needs its files: name their folder with --data DIR or CHEAPCONV_DATA.")
        return folder

    def open(self, place: Place, folder: Path | None = None, download: bool = False, validation: int = 0) -> Frames:
        """The frames on the place's device, `validation` of those to train on held out."""
        home = self.home(folder)
        with ThreadPoolExecutor(place.threads) as pool:  # decoding releases Python's lock
            train, test = ([*pool.map(self._read, self.pairs(home, split))] for split in ("train", "val"))
        (train_x, train_y), (test_x, test_y) = (map(torch.stack, zip(*part, strict=True)) for part in (train, test))
        whole = Frames(train_x, train_y, test_x, test_y, self.class_names, void=self.void)
        return (whole.hold_out(validation) if validation else whole).to(place.device).at(place)

    def _pixels(self, labels: Tensor) -> Tensor:
        """(classes,) int64: how many there are of each."""
        return labels.flatten().bincount(minlength=self.void + 1)[: len(self.class_names)]

    def _read(self, pair: Pair) -> tuple[Tensor, Tensor]:
        """(3, H, W) and (H, W) uint8 of a frame and its label map."""
        frame, label_map = (_decoded(path) for path in pair)
        if frame.size != label_map.size:
            raise UserError(
                f"{pair[1]} is {label_map.width} x {label_map.height} and its frame {frame.width} x {frame.height}: "
                "a label map has the size of its frame."
            )
        if label_map.mode not in ("L", "P", "I", "I;16"):
            raise UserError(f"{pair[1]} is a picture ({label_map.mode}): a label map has one number a pixel.")
        _, height, width = self.image
        values = np.array(label_map.resize((width, height), Image.Resampling.NEAREST))
        labels = self.labels_of(values)
        if (labels == NO_CLASS).any():
            odd = int(values[labels == NO_CLASS].flat[0])
            raise UserError(f"{pair[1]} has the label {odd}, which {self.label} does not know.")
        pixels = np.array(frame.convert("RGB").resize((width, height), Image.Resampling.BILINEAR))
        return torch.from_numpy(pixels).permute(2, 0, 1), torch.from_numpy(labels)


def matched(frames: Mapping[str, Path], maps: Mapping[str, Path], folder: Path, suite: str) -> list[Pair]:
    """Frames and label maps of one name, sorted by it; a UserError where there are none, or one without the other."""
    if not frames:
        raise UserError(f"{suite} has no frames in {folder}: name the folder that holds its files with --data DIR.")
    alone = sorted(frames.keys() ^ maps.keys())
    if alone:
        lacks = "a label map" if alone[0] in frames else "its frame"
        raise UserError(f"{suite} in {folder}: '{alone[0]}' is without {lacks} ({len(alone)} of {len(frames)} are).")
    return [(frames[name], maps[name]) for name in sorted(frames)]


def content(files: Sequence[Path], folder: Path) -> str:
    """Short hash of the names and bytes of some files; a UserError where one cannot be read."""
    found = hashlib.sha256()
    for path in files:
        try:
            body = hashlib.sha256(path.read_bytes()).hexdigest()
        except OSError as error:
            raise UserError(f"{path} cannot be read ({error.strerror}).") from error
        found.update(f"{path.relative_to(folder).as_posix()} {body}\n".encode())
    return found.hexdigest()[:16]


def _decoded(path: Path) -> Image.Image:
    try:
        with Image.open(path) as image:
            image.load()
            return image
    except (OSError, UnidentifiedImageError, SyntaxError, ValueError) as error:  # what Pillow says of a damaged file
        raise UserError(
            f"{path} cannot be read as an image ({error}): put it back whole, or remove the pair."
        ) from error
