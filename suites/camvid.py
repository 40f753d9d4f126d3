"""CamVid (Brostow et al. 2009): 11 classes of a street, in the layout and at the size of SegNet's release.

    train/ trainannot/ val/ valannot/    one PNG a frame, 480 x 360, and of the same name its labels: 0 to 10, 11 void

The release has 367 frames to train and 101 to validate, which are the test set here; a folder may hold some of them.
Frames of --data are taken for the release's, as they are for every suite of the literature; with `path` a cell is known
by what its folder holds, so that two selections of frames are two experiments.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Le

from cheapconv.catalog import register
from cheapconv.catalog.numbers import Progression
from cheapconv.suites.augmentation import Augmentation, Normalisation
from cheapconv.suites.recipe import Recipe
from cheapconv.suites.scenes import NO_CLASS, Pair, Scenes, content, matched
from cheapconv.suites.schedule import Schedule

# The recipe of ERFNet's code but for its two stages, which are a method's (methods/encoder_first.py).
ROMERA = Recipe(
    name="romera",
    epochs=150,
    batch=6,
    lr=5e-4,
    weight_decay=1e-4,
    optimiser="adam",
    schedule=Schedule(kind="poly"),
    augmentation=Augmentation(pad=2, flip=True),
    normalisation=Normalisation(mean=(0.0,) * 3, std=(1.0,) * 3),
)
# This suite's own: few frames, seen at many places and sizes; the number of epochs is for some dozens of them.
SHORT = Recipe(
    name="short",
    epochs=60,
    batch=4,
    lr=1e-3,
    weight_decay=1e-4,
    optimiser="adam",
    schedule=Schedule(kind="poly"),
    augmentation=Augmentation(pad=0, flip=True, scale=(0.8, 1.5)),
    normalisation=Normalisation(mean=(0.393, 0.408, 0.415), std=(0.293, 0.300, 0.297)),  # measured
)


@register(
    "suite", "camvid", paper="Brostow et al., Semantic object classes in video, Pattern Recognition Letters, 2009"
)
@dataclass(frozen=True, kw_only=True)
class CamVid(Scenes):
    """CamVid: frames of a drive with 11 classes of a street a pixel; the files are the user's (--data, or `path`)."""

    label: ClassVar[str] = "CamVid"
    terms: ClassVar[str] = "for research; cite Brostow et al. 2008"
    protocol: ClassVar[int] = 1
    classes: ClassVar[int] = 11
    void: ClassVar[int] = 11
    class_names: ClassVar[tuple[str, ...]] = (
        *("sky", "building", "pole", "road", "pavement", "tree"),
        *("sign", "fence", "car", "pedestrian", "bicyclist"),
    )
    recipes: ClassVar[dict[str, Recipe]] = {"short": SHORT, "romera": ROMERA}

    height: Annotated[int, Progression(24, first=24), Le(720)] = 360  # so that both sides are multiples of 8
    path: str = ""

    @property
    def image(self) -> tuple[int, int, int]:
        """4 : 3."""
        return 3, self.height, self.height * 4 // 3

    @property
    def fingerprint(self) -> str:
        """Of the folder `path` what it holds, else the name of the release."""
        if not self.path:
            return "camvid:segnet"
        home = Path(self.path)
        return content([file for split in ("train", "val") for pair in self.pairs(home, split) for file in pair], home)

    def places(self) -> tuple[str, ...]:
        """The folder, if the suite has one."""
        return ("path",) if self.path else ()

    def home(self, folder: Path | None) -> Path:
        """The folder `path`, else that of --data."""
        return Path(self.path) if self.path else super().home(folder)

    def pairs(self, folder: Path, split: str) -> list[Pair]:
        """Frames and label maps by their names."""
        frames, maps = (
            {path.name: path for path in (folder / name).glob("*.png")} for name in (split, f"{split}annot")
        )
        return matched(frames, maps, folder / split, self.label)

    def labels_of(self, values: np.ndarray) -> np.ndarray:
        """As they are."""
        return np.where(values <= self.void, values, NO_CLASS).astype(np.uint8)
