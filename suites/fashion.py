"""Fashion-MNIST (Xiao et al. 2017): 70,000 photographs of clothes, the middle step between digits and CIFAR.

The 28x28 grey images are padded with black to 32x32, the side of CIFAR, and the channel is repeated three times, so
that every network takes them as they are. The official files are recognised by the md5 of what they hold, because they
are handed on in archives of other headers (those of Debian's package dataset-fashion-mnist, whose bodies with the
official header have the md5 that torchvision gives), and read by suites/idx.py.
"""

import gzip
import hashlib
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import torch
from annotated_types import Ge, Le
from torch.nn.functional import avg_pool2d, pad

from cheapconv.catalog import register
from cheapconv.catalog.errors import UserError
from cheapconv.suites import idx
from cheapconv.suites.augmentation import Augmentation, Normalisation
from cheapconv.suites.memory import InMemory, MemorySuite
from cheapconv.suites.recipe import Recipe
from cheapconv.suites.schedule import Schedule

BORDER = 2  # of 28x28 images to 32x32
LARGEST = 50_000_000  # bytes; the training images are 47,040,016, and an archive may pretend to hold more
DEBIAN = Path("/usr/share/datasets/fashion-mnist")  # where its package puts the four archives

_MEASURED = Normalisation(mean=(0.2860,) * 3, std=(0.3530,) * 3)  # of the training images, without the border

# This suite's own, in few epochs: CIFAR's `short` with a smaller crop, since the border is black already.
_SHORT = Recipe(
    name="short",
    epochs=6,
    batch=128,
    lr=0.1,
    weight_decay=5e-4,
    schedule=Schedule(kind="onecycle"),
    augmentation=Augmentation(pad=2, flip=True),
    normalisation=_MEASURED,
)

# Zhong et al. 2020 (Random Erasing, arXiv:1708.04896), their baseline, without the erasing: the numbers of the released
# fashionmnist.py. Ours are the border, the images' own mean and deviation instead of MNIST's, and SGD as in the paper,
# where the script has come to use AdamW.
_RANDOM_ERASING = Recipe(
    name="random_erasing",
    epochs=300,
    batch=128,
    lr=0.1,
    weight_decay=5e-4,
    schedule=Schedule(kind="multistep", milestones=(150 / 300, 225 / 300), drop=0.1),
    augmentation=Augmentation(pad=4, flip=True),
    normalisation=_MEASURED,
)


@register("suite", "fashion_mnist", paper="Xiao et al., Fashion-MNIST, 2017, arXiv:1708.07747")
@dataclass(frozen=True)
class FashionMnist(MemorySuite):
    """Fashion-MNIST: grey photographs of 10 kinds of clothes, 32x32; Debian's package dataset-fashion-mnist, or --data.

    For comparisons in minutes there are the first `images` of the 60,000 training images, whose order is random
    already, and images of a `side` of 16, of means over 2x2 pixels. The test set is always whole.
    """

    images: Annotated[int, Ge(1), Le(60_000)] | None = None
    side: Literal[16] | None = None

    label: ClassVar[str] = "Fashion-MNIST"
    terms: ClassVar[str] = "MIT licence"
    protocol: ClassVar[int] = 1
    fingerprint: ClassVar[str] = "fashion-mnist:official"
    classes: ClassVar[int] = 10
    class_names: ClassVar[tuple[str, ...]] = (
        *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
        *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
    )
    md5: ClassVar[dict[str, str]] = {  # of the unpacked files
        "train-images-idx3-ubyte": "f4a8712d7a061bf5bd6d2ca38dc4d50a",
        "train-labels-idx1-ubyte": "9018921c3c673c538a1fc5bad174d6f9",
        "t10k-images-idx3-ubyte": "8181f5470baa50b63fa0f6fddb340f0a",
        "t10k-labels-idx1-ubyte": "15d484375f8d13e6eb1aabb0c3f46965",
    }
    recipes: ClassVar[dict[str, Recipe]] = {"short": _SHORT, "random_erasing": _RANDOM_ERASING}

    @property
    def image(self) -> tuple[int, int, int]:
        """Three equal channels."""
        side = self.side or 32
        return 3, side, side

    @property
    def train_samples(self) -> int:
        """All of them, unless only the first are asked for."""
        return self.images or 60_000

    def load(self, folder: Path | None = None, download: bool = False) -> InMemory:
        """Read and verify the official files; with `download`, let torchvision fetch them into `folder` first."""
        if download and folder is not None and not all(_path(folder, name) for name in self.md5):
            _download(folder)
        train_x, train_y, test_x, test_y = (_read(folder, name, md5) for name, md5 in self.md5.items())
        chosen = slice(self.images)
        train = self._inputs(train_x[chosen]), train_y[chosen].long()
        return InMemory(*train, self._inputs(test_x), test_y.long(), self.class_names)

    def parts(self, folder: Path) -> tuple[Path, ...]:
        """The official files, where they are not Debian's."""
        paths = [_path(folder, name) for name in self.md5]
        return tuple(path for path in paths if path is not None and path.is_relative_to(folder))

    def _inputs(self, images: torch.Tensor) -> torch.Tensor:
        """(N, 3, 32, 32) or (N, 3, 16, 16) of grey images (N, 28, 28), with a black border."""
        bordered = pad(images, [BORDER] * 4)
        if self.side is not None:
            bordered = avg_pool2d(bordered.float(), 2).round().to(torch.uint8)
        return bordered[:, None].repeat(1, 3, 1, 1)


def _path(folder: Path | None, name: str) -> Path | None:
    """Where an official file is, unpacked or not: as torchvision lays it out, in a bare folder, or in Debian's."""
    homes = [DEBIAN] if folder is None else [folder / "FashionMNIST" / "raw", folder, DEBIAN]
    paths = (home / file for home in homes for file in (name, f"{name}.gz"))
    return next((path for path in paths if path.is_file()), None)


def _read(folder: Path | None, name: str, md5: str) -> torch.Tensor:
    """The uint8 values of an official file, or a UserError that says how this one is not official."""
    path = _path(folder, name)
    if path is None:
        raise UserError(
            f"Fashion-MNIST is not in {folder or DEBIAN} ({name}.gz is missing): install Debian's package "
            "dataset-fashion-mnist, name the folder of the four files with --data DIR, or add --download to that."
        )
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            body = file.read(LARGEST)
    except (OSError, EOFError, zlib.error):  # what gzip raises for what is no archive, a torn one or a damaged one
        body = b""
    if hashlib.md5(body, usedforsecurity=False).hexdigest() != md5:
        raise UserError(f"{path} is damaged (its content is not the official one): delete it and fetch it again.")
    return torch.from_numpy(idx.read(body).copy())


def _download(folder: Path) -> None:
    """Fetch the official archives into `folder`, as torchvision does, which checks their md5."""
    from torchvision import datasets

    try:
        datasets.FashionMNIST(str(folder), download=True)
    except Exception as error:  # urllib, ssl, gzip and torchvision raise a dozen kinds here
        raise UserError(f"Fashion-MNIST could not be fetched ({error}): copy its files to {folder} by hand.") from error
