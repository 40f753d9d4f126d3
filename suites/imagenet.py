"""ImageNet, ILSVRC 2012, as torchvision and everybody else lay it out: train/ and val/ with a folder for each synset;
or packed, in tar shards of webdataset or in Parquet (suites/packed.py), with labels in the order of the synsets.

The recipes, with their sources, are in imagenet.toml. Its 1.3 million files are not hashed: the data are the official
ones if their classes and the numbers of their images are, which is looked at when they are opened, so that a sweep can
be planned without them. A store of `cheapconv prepare imagenet` is other data, and named by the side of its images.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, ClassVar

from annotated_types import Ge

from cheapconv.catalog import register
from cheapconv.catalog.errors import UserError
from cheapconv.suites import packed, prepared
from cheapconv.suites.base import Data, Suite
from cheapconv.suites.crops import told
from cheapconv.suites.folders import Listed, in_two, named
from cheapconv.suites.loader import Loader
from cheapconv.suites.place import Place
from cheapconv.suites.prepared import Resizing
from cheapconv.suites.recipe import Recipe, read
from cheapconv.suites.skipped import Skipped

RECIPES = Path(__file__).with_suffix(".toml")
CLASSES = 1000
TRAIN, VAL = 1_281_167, 50_000
USUAL = 224  # of the recipes


@register("suite", "imagenet", paper="Russakovsky et al., ImageNet Large Scale Visual Recognition Challenge, 2015")
@dataclass(frozen=True, kw_only=True)
class ImageNet(Suite):
    """ImageNet (ILSVRC 2012): 1.28 million photographs of 1,000 classes; the files are the user's (--data)."""

    label: ClassVar[str] = "ImageNet"
    terms: ClassVar[str] = "ImageNet terms: non-commercial research and education"
    protocol: ClassVar[int] = 1
    classes: ClassVar[int] = CLASSES
    train_samples: ClassVar[int | None] = TRAIN

    side: Annotated[int, Ge(32)] = USUAL
    prepared: Annotated[int, Ge(32)] | None = None  # the shorter side that the images were prepared with

    @property
    def fingerprint(self) -> str:
        """The official data, or what was made of them."""
        made = f":prepared-{self.prepared}" if self.prepared else ""
        return f"ilsvrc2012:{TRAIN}+{VAL}{made}"

    @property
    def image(self) -> tuple[int, int, int]:
        """(3, side, side)."""
        return 3, self.side, self.side

    @property
    def framing(self) -> str:
        """Of a photograph, as it is tested."""
        return told(self.side)

    @property
    def recipes(self) -> dict[str, Recipe]:
        """Of imagenet.toml; sides that grow are those of 224, or as large a share of another side."""
        found = dict(_recipes())
        for name, recipe in found.items():
            if recipe.growth is not None and self.side != USUAL:
                first, last = (round(side * self.side / USUAL) for side in (recipe.growth.first, recipe.growth.last))
                found[name] = replace(recipe, growth=replace(recipe.growth, first=first, last=last))
        return found

    def prepare(self, folder: Path, side: int) -> Resizing:
        """The folder's images in shards; it may hold other classes than ImageNet's, for the suite `images`."""
        return Resizing(_read(_home(folder)), side)

    def open(self, place: Place, folder: Path | None = None, download: bool = False, validation: int = 0) -> Data:
        """The data under `folder`, or in its imagenet/; they cannot be downloaded."""
        from timm.data import ImageNetInfo

        if folder is None:
            raise UserError("ImageNet needs its files: name their folder with --data DIR or CHEAPCONV_DATA.")
        home = _home(folder)
        found, skipped = self._found(home)
        assert found.test is not None, "both splits are looked for"
        _check(home, found, len(found.train), len(found.test), len(skipped))
        names = tuple(ImageNetInfo().label_descriptions())  # "tench, Tinca tinca"
        loader = Loader(found.train, found.test, names, self.side, place, Skipped(TRAIN + VAL, skipped))
        return loader.hold_out(validation) if validation else loader

    def parts(self, folder: Path) -> tuple[Path, ...]:
        """The folder that is looked into."""
        return (_home(folder),)

    def _found(self, home: Path) -> tuple[Listed, dict[str, str]]:
        """The images of the folder, and those that its preparation has left out."""
        if not prepared.is_store(home):
            if self.prepared:
                raise UserError(f"{home} is no finished store of `cheapconv prepare`: run it, or leave out prepared=.")
            return _read(home, _synsets()), {}
        about = prepared.info(home)
        if about.side != self.prepared:
            side = about.side
            raise UserError(f"{home} was prepared with --side {side}: the suite is imagenet(prepared={side}) then.")
        return prepared.listed(home), about.skipped


def _home(folder: Path) -> Path:
    """The folder itself, or the one of this name in it."""
    inner = folder / "imagenet"
    return inner if inner.is_dir() and not (folder / "train").is_dir() else folder


def _read(home: Path, synsets: Sequence[str] = ()) -> Listed:
    """The images as they came, in class folders or packed; their classes are the synsets, where those are named."""
    if packed.is_packed(home):
        found = packed.listed(home, synsets)
        if found.test is None:
            raise UserError(f"{home} has files of the split train alone: put those of val beside them.")
        return found
    if not (home / "train").is_dir() or not (home / "val").is_dir():
        raise UserError(
            f"{home} has no train/ and val/ of class folders, tar shards or Parquet: name the folder that has, with "
            "--data."
        )
    return in_two(home, "train", "val")


def _check(home: Path, found: Listed, train: int, val: int, skipped: int) -> None:
    """UserError for other classes, or other numbers of images, than the official ones."""
    synsets = _synsets()
    if odd := sorted({*found.class_names} - {*synsets}):
        raise UserError(f"{home} has {named(odd)}, no class of ImageNet: images(path=..., side=...) takes any folder.")
    if missing := sorted({*synsets} - {*found.class_names}):
        raise UserError(f"{home} lacks {named(missing)} of ImageNet's classes: images(path=..., side=...) takes any.")
    if train + val + skipped != TRAIN + VAL:
        raise UserError(
            f"{home} has {train:,} and {val:,} images of the official {TRAIN:,} and {VAL:,}: unpack it again."
        )


@functools.cache
def _recipes() -> dict[str, Recipe]:
    return read(RECIPES, "imagenet")


def _synsets() -> list[str]:
    """In the order of the labels."""
    from timm.data import ImageNetInfo

    return ImageNetInfo().label_names()
