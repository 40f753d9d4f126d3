"""CIFAR-10 and CIFAR-100 (Krizhevsky 2009) as torchvision lays them out on disk.

The recipes, those of the papers with their sources, are in cifar.toml. The official files are recognised by their md5,
and read without running what a pickle may say (suites/pickles.py).
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import torch

from cheapconv.catalog import register
from cheapconv.catalog.errors import UserError
from cheapconv.suites import pickles
from cheapconv.suites.memory import InMemory, MemorySuite
from cheapconv.suites.recipe import Recipe, read

RECIPES = Path(__file__).with_suffix(".toml")


class _Cifar(MemorySuite):
    """What both data sets share: images of 3 x 32 x 32, 50,000 to train and 10,000 to test."""

    protocol: ClassVar[int] = 1
    image: ClassVar[tuple[int, int, int]] = (3, 32, 32)
    train_samples: ClassVar[int | None] = 50_000
    folder: ClassVar[str]
    train_files: ClassVar[tuple[str, ...]]
    test_file: ClassVar[str]
    md5: ClassVar[dict[str, str]]

    @property
    def label_key(self) -> bytes:
        """Under which a file has the labels."""
        raise NotImplementedError

    @property
    def names_file(self) -> tuple[str, bytes]:
        """The file with the names of the classes, and their key in it."""
        raise NotImplementedError

    def load(self, folder: Path | None = None, download: bool = False) -> InMemory:
        """Read and verify the official files under `folder`; with `download`, let torchvision fetch them first."""
        if folder is None:
            raise UserError(f"{self.label} needs its files: name their folder with --data DIR or CHEAPCONV_DATA.")
        home = folder / self.folder
        if download and not all((home / name).is_file() for name in self.md5):
            _download(self.label, folder)
        train = [self._read(home / name) for name in self.train_files]
        test = self._read(home / self.test_file)
        file, key = self.names_file
        class_names = tuple(name.decode() for name in self._read(home / file)[key])
        return InMemory(*self._tensors(train), *self._tensors([test]), class_names)

    def _tensors(self, files: list[dict]) -> tuple[torch.Tensor, torch.Tensor]:
        """(N, 3, 32, 32) uint8 and (N,) int64 of the concatenated files."""
        pixels = np.concatenate([file[b"data"] for file in files]).reshape(-1, 3, 32, 32)
        labels = np.concatenate([file[self.label_key] for file in files])
        return torch.from_numpy(pixels), torch.from_numpy(labels.astype(np.int64))

    def parts(self, folder: Path) -> tuple[Path, ...]:
        """The folder of the official files."""
        return (folder / self.folder,)

    def _read(self, path: Path) -> dict:
        """What an official file holds, or a UserError that says how this one is not official."""
        try:
            body = path.read_bytes()
        except OSError as error:
            raise UserError(
                f"{self.label} is not in {path.parent} ({path.name}: {error.strerror}): name the folder that holds "
                f"{self.folder}/ with --data DIR, or add --download where there is a network."
            ) from error
        if hashlib.md5(body, usedforsecurity=False).hexdigest() != self.md5[path.name]:
            raise UserError(f"{path} is damaged (its md5 is not the official one): delete it and fetch it again.")
        return pickles.read(body)


@register("suite", "cifar10", paper="Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009")
class Cifar10(_Cifar):
    """CIFAR-10: 32x32 colour photographs of 10 classes; the files are the user's (--data)."""

    label: ClassVar[str] = "CIFAR-10"
    terms: ClassVar[str] = "none stated; cite Krizhevsky 2009"
    fingerprint: ClassVar[str] = "cifar-10-batches-py:official"
    classes: ClassVar[int] = 10
    folder: ClassVar[str] = "cifar-10-batches-py"
    label_key: ClassVar[bytes] = b"labels"
    names_file: ClassVar[tuple[str, bytes]] = ("batches.meta", b"label_names")
    train_files: ClassVar[tuple[str, ...]] = tuple(f"data_batch_{i}" for i in range(1, 6))
    test_file: ClassVar[str] = "test_batch"
    md5: ClassVar[dict[str, str]] = {
        "data_batch_1": "c99cafc152244af753f735de768cd75f",
        "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
        "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
        "data_batch_4": "634d18415352ddfa80567beed471001a",
        "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
        "test_batch": "40351d587109b95175f43aff81a1287e",
        "batches.meta": "5ff9c542aee3614f3951f8cda6e48888",
    }
    recipes: ClassVar[dict[str, Recipe]] = read(RECIPES, "cifar10")


@register("suite", "cifar100", paper="Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009")
@dataclass(frozen=True, kw_only=True)
class Cifar100(_Cifar):
    """CIFAR-100: 32x32 colour photographs of 100 classes in 20 superclasses; the files are the user's (--data)."""

    terms: ClassVar[str] = "none stated; cite Krizhevsky 2009"
    fingerprint: ClassVar[str] = "cifar-100-python:official"
    folder: ClassVar[str] = "cifar-100-python"
    train_files: ClassVar[tuple[str, ...]] = ("train",)
    test_file: ClassVar[str] = "test"
    md5: ClassVar[dict[str, str]] = {
        "train": "16019d7e3df5f24257cddd939b257f8d",
        "test": "f0ef6b0ae62326f3e7ffdfab6717acfc",
        "meta": "7973b15100ade9c7d40fb424638fde48",
    }
    recipes: ClassVar[dict[str, Recipe]] = read(RECIPES, "cifar100")

    labels: Literal["fine", "coarse"] = "fine"  # the 100 classes of the papers, or the 20 that they fall into

    @property
    def label(self) -> str:
        """The papers' name for the papers' classes alone, so that their numbers stand beside no others."""
        return "CIFAR-100" if self.labels == "fine" else "CIFAR-100 (20 superclasses)"

    @property
    def classes(self) -> int:
        """100 or 20."""
        return 100 if self.labels == "fine" else 20

    @property
    def label_key(self) -> bytes:
        """Each image has both."""
        return f"{self.labels}_labels".encode()

    @property
    def names_file(self) -> tuple[str, bytes]:
        """In the order of the labels."""
        return "meta", f"{self.labels}_label_names".encode()


def _download(label: str, folder: Path) -> None:
    """Fetch the official archive into `folder`; torchvision checks its md5 and unpacks it."""
    from torchvision import datasets

    source = datasets.CIFAR10 if label == "CIFAR-10" else datasets.CIFAR100
    try:
        datasets.utils.download_and_extract_archive(
            source.url, str(folder), filename=source.filename, md5=source.tgz_md5
        )
    except Exception as error:  # urllib, ssl, tarfile and torchvision raise a dozen kinds here
        raise UserError(f"{label} could not be fetched ({error}): copy its files to {folder} by hand.") from error
