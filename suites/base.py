"""What a suite is: data, recipes, a task and a protocol version that no method may change."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal, Protocol

from torch import Tensor

from cheapconv.catalog.errors import UserError
from cheapconv.suites.place import Place
from cheapconv.suites.recipe import Recipe
from cheapconv.suites.task import Classification, Task

Split = Literal["test", "validation"]
SPLITS: tuple[Split, ...] = ("test", "validation")


@dataclass(frozen=True)
class Batch:
    """One step's samples; `views` holds one differently augmented copy of the images per view, the first being `x`."""

    x: Tensor  # (B, 3, H, W) float32, normalised, channels last
    y: Tensor  # (B,) int64; (B, classes) float32, mixed or smoothed; (B, H, W) where every pixel has a label
    index: Tensor  # (B,) int64, positions in the training set
    views: tuple[Tensor, ...]
    whole: int | None = None  # number of samples of the batch that this is a place's share of

    def part(self, number: int, of: int) -> "Batch":
        """Every `of`-th sample, from that number on; the batch itself where it is the only part."""
        if of == 1:
            return self
        x, y, index, *views = (t[number::of] for t in (self.x, self.y, self.index, *self.views))
        return Batch(x, y, index, tuple(views), self.whole or len(self.y))


class Data(Protocol):
    """The samples of a suite, opened on a place. Shuffle and augmentation of a sample depend on (seed, epoch, index)
    alone: never on the device, or on where an epoch is resumed."""

    @property
    def samples(self) -> int:
        """Number of training samples, without those that are held out."""

    @property
    def labels(self) -> Tensor:
        """(N,) int64 on the device, or (N, H, W) of any integers: of the training samples, in the order of
        `Batch.index`."""

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes, in the order of the labels."""

    @property
    def image(self) -> tuple[int, int, int]:
        """(channels, height, width) of a sample."""

    @property
    def skipped(self) -> Mapping[str, str]:
        """By name: images that could not be decoded, as far as they were met, and why."""

    def at(self, place: Place) -> "Data":
        """The same samples for another place, on the same device: its share of every batch, and of every split."""

    def steps(self, recipe: Recipe) -> int:
        """Number of batches of an epoch."""

    def train(self, recipe: Recipe, seed: int, epoch: int, start: int = 0, views: int = 1) -> Iterator[Batch]:
        """This place's share of the shuffled, augmented batches of an epoch from batch `start` on; the last partial
        batch is kept, but for a single image, which joins the batch before it."""

    def size(self, split: Split) -> int:
        """Number of samples of the test set, or of those held out of training for validation."""

    def split(self, split: Split, recipe: Recipe) -> Iterator[tuple[Tensor, Tensor]]:
        """This place's batches of its samples in order, without augmentation: normalised images (B, 3, H, W), and
        labels as in a batch. Those of all places together are all samples, each once: of `world` places the one of
        rank r has every `world`-th batch, from batch r on."""


@dataclass(frozen=True)
class Part:
    """A part of a data set that is prepared once: the files that `make` gives by name, the last of which says that the
    part is done and holds the SHA-256 of the others."""

    done: str  # name of that file
    make: Callable[[], Mapping[str, bytes]]


class Preparation(Protocol):
    """A data set on its way into a compact form, part by part."""

    @property
    def parts(self) -> Sequence[Part]:
        """What it consists of; equal calls make equal bytes."""

    def finish(self, done: Sequence[bytes]) -> tuple[str, bytes]:
        """The file that makes it a data set, by its name, from what the files say that their parts are done."""


@dataclass(frozen=True)
class Suite:
    """Base class of all suites: frozen dataclasses, whose fields (a folder, a size) are what a registry may set.

    What is declared here is a constant of the class where it is the same whatever the fields hold, as with the data
    sets of the literature, and a property where it follows from them.
    """

    registered_name: ClassVar[str]
    protocol: ClassVar[int]  # raised whenever the suite's code may change a result

    @property
    def label(self) -> str:
        """As the literature writes it: "CIFAR-10"."""
        raise NotImplementedError

    @property
    def terms(self) -> str:
        """Under which the images are to be had and used."""
        return "terms not known here: ask whoever has the images"

    @property
    def fingerprint(self) -> str:
        """The name of the exact data, in every cell's key; a UserError where it has to be read and cannot be."""
        raise NotImplementedError

    @property
    def classes(self) -> int:
        """How many there are."""
        raise NotImplementedError

    @property
    def image(self) -> tuple[int, int, int]:
        """(channels, height, width) of what a network is given."""
        raise NotImplementedError

    @property
    def framing(self) -> str:
        """How a picture of another size becomes such an image before it is scored; empty where none is made of one."""
        return ""

    @property
    def train_samples(self) -> int | None:
        """With those that are held out; None where only the opened data tell."""
        return None

    @property
    def recipes(self) -> Mapping[str, Recipe]:
        """By name; the first one is the suite's usual one."""
        raise NotImplementedError

    @property
    def recipe_names(self) -> Collection[str]:
        """Of the recipes; told without a look at the data, for a registry is read with all of its sweeps."""
        return self.recipes.keys()

    @property
    def task(self) -> Task:
        """What is asked of the networks."""
        return Classification(self.classes)

    def task_of(self, data: Data) -> Task:
        """The task with what it takes from the training samples, such as the weights of rare classes."""
        return self.task

    def places(self) -> tuple[str, ...]:
        """Fields that say where the data are. A cell's key has the fingerprint in their place."""
        return ()

    def parts(self, folder: Path) -> tuple[Path, ...]:
        """Of a folder of data, the files and folders that hold this suite's, for a machine that has none."""
        return (folder,)

    def prepare(self, folder: Path, side: int) -> Preparation:
        """The data in a folder with every image resized to a shorter side, for `open` to read from then on."""
        raise UserError(f"suite '{self.registered_name}' is read as it is: there is nothing to prepare.")

    def open(self, place: Place, folder: Path | None = None, download: bool = False, validation: int = 0) -> Data:
        """The data on a place, with `validation` training samples held out: the same ones for every seed.

        A missing or damaged file, or nothing left to train on, is a UserError. Nothing else holds on to what is
        returned: it takes memory as long as its user keeps it.
        """
        raise NotImplementedError
