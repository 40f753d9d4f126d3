"""Cityscapes (Cordts et al. 2016): 19 classes of a street, as torchvision lays the files out.

    leftImg8bit/{train,val}/CITY/NAME_leftImg8bit.png    gtFine/{train,val}/CITY/NAME_gtFine_labelIds.png

The 500 frames to validate are the test set here, as in every paper. Networks have 20 outputs, the last one for void,
which the loss never asks for, as in ERFNet's code: by that their sizes are those of Moonshine's Table 4.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Le

from cheapconv.catalog import register
from cheapconv.catalog.numbers import Progression
from cheapconv.suites.augmentation import Augmentation, Normalisation
from cheapconv.suites.base import Data
from cheapconv.suites.recipe import Recipe
from cheapconv.suites.scenes import NO_CLASS, Pair, Scenes, matched
from cheapconv.suites.schedule import Schedule
from cheapconv.suites.task import Task

# Eromera/erfnet_pytorch, train/main.py, but for its two stages of 150 epochs each, which are a method's.
ERFNET = Recipe(
    name="moonshine_cityscapes",
    epochs=150,
    batch=6,
    lr=5e-4,
    weight_decay=1e-4,
    optimiser="adam",
    schedule=Schedule(kind="poly"),
    augmentation=Augmentation(pad=2, flip=True),
    normalisation=Normalisation(mean=(0.0,) * 3, std=(1.0,) * 3),  # scaled to [0, 1], nothing else
)

# Of the numbers in the files, in the order of the train ids: labels.py of cityscapesScripts.
TRAIN_IDS = {n: i for i, n in enumerate((7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33))}
NUMBERS = 34  # 0 to 33; those without a class are void

# The same file's, for the whole network: of the classes in the order of the train ids.
WEIGHTS = (
    *(2.8149201869965, 6.9850029945374, 3.7890393733978, 9.9428062438965, 9.7702074050903),
    *(9.5110931396484, 10.311357498169, 10.026463508606, 4.6323022842407, 9.5608062744141),
    *(7.8698215484619, 9.5168733596802, 10.373730659485, 6.6616044044495, 10.260489463806),
    *(10.287888526917, 10.289801597595, 10.405355453491, 10.138095855713),
)


@register("suite", "cityscapes", paper="Cordts et al., The Cityscapes Dataset, CVPR 2016, arXiv:1604.01685")
@dataclass(frozen=True, kw_only=True)
class Cityscapes(Scenes):
    """Cityscapes: street scenes with 19 classes a pixel, at 1024 x 512; the files are the user's (--data)."""

    label: ClassVar[str] = "Cityscapes"
    terms: ClassVar[str] = "Cityscapes terms: non-commercial"
    protocol: ClassVar[int] = 1
    fingerprint: ClassVar[str] = "cityscapes:gtFine"
    classes: ClassVar[int] = 20  # outputs
    void: ClassVar[int] = 19
    class_names: ClassVar[tuple[str, ...]] = (
        *("road", "sidewalk", "building", "wall", "fence", "pole", "traffic light", "traffic sign", "vegetation"),
        *("terrain", "sky", "person", "rider", "car", "truck", "bus", "train", "motorcycle", "bicycle"),
    )
    train_samples: ClassVar[int | None] = 2975
    recipes: ClassVar[dict[str, Recipe]] = {"moonshine_cityscapes": ERFNET}

    height: Annotated[int, Progression(8, first=8), Le(1024)] = 512

    @property
    def image(self) -> tuple[int, int, int]:
        """2 : 1."""
        return 3, self.height, 2 * self.height

    def task_of(self, data: Data) -> Task:
        """With the released weights, not those of the frames at hand."""
        return self.weighted(WEIGHTS, data)

    def pairs(self, folder: Path, split: str) -> list[Pair]:
        """Frames and label maps by city and name."""
        kinds = ("leftImg8bit", "_leftImg8bit.png"), ("gtFine", "_gtFine_labelIds.png")
        frames, maps = (
            {
                f"{path.parent.name}/{path.name.removesuffix(end)}": path
                for path in (folder / kind / split).glob(f"*/*{end}")
            }
            for kind, end in kinds
        )
        return matched(frames, maps, folder / "leftImg8bit" / split, self.label)

    def labels_of(self, values: np.ndarray) -> np.ndarray:
        """Train ids; -1, a licence plate, is stored as 255 and is void."""
        table = np.full(256, NO_CLASS, dtype=np.uint8)
        table[[*range(NUMBERS), 255]] = self.void
        table[[*TRAIN_IDS]] = [*TRAIN_IDS.values()]
        return table[np.minimum(values, 254 if values.max() > 255 else 255)]
