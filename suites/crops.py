"""Crop and mirror of one sample, drawn from its own random numbers.

The crop is the ImageNet one: a rectangle of a random share of the area and a random ratio of sides, Szegedy et al.,
"Going deeper with convolutions", CVPR 2015, section 6, with the bounds and the ten attempts of torchvision.
"""

import math
import random
from dataclasses import dataclass

from PIL import Image

from cheapconv.suites.augmentation import Augmentation
from cheapconv.suites.photo import Box, Photo, centre
from cheapconv.suites.place import seed_of

ATTEMPTS = 10
RATIO = 3 / 4  # and its reciprocal
CENTRE = 224 / 256  # of the shorter side: what is left of it at an evaluation


@dataclass(frozen=True)
class Draws:
    """The random numbers of a sample in an epoch, from (seed, epoch, index) alone; views are drawn in order."""

    seed: int
    epoch: int

    def of(self, index: int) -> random.Random:
        """The numbers of a sample."""
        return random.Random(seed_of("sample", self.seed, self.epoch, index))


def augmented(data: bytes, side: int, augmentation: Augmentation, draw: random.Random) -> Image.Image:
    """A training crop (side x side) of the photograph in a file."""
    photo = Photo(data)
    image = photo.crop(rectangle(photo.size, augmentation.area or (1.0, 1.0), draw), (side, side))
    if augmentation.flip and draw.random() < 0.5:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return image


def middle(data: bytes, side: int) -> Image.Image:
    """What is evaluated: the shorter side resized to 256 for every 224 of `side`, and the middle of that."""
    photo = Photo(data)
    return photo.crop(centre(photo.size, CENTRE), (side, side))


def told(side: int) -> str:
    """The same in words, for whoever gives a network photographs elsewhere."""
    return (
        f"the middle square of {CENTRE:g} of its shorter side, upright, on white where it is transparent, resized to "
        f"{side} x {side} by Pillow's BILINEAR, which smooths"
    )


def rectangle(size: tuple[int, int], share: tuple[float, float], draw: random.Random) -> Box:
    """A random crop of an image of that size; the largest in its middle where ten attempts do not fit in."""
    width, height = size
    for _ in range(ATTEMPTS):
        area = width * height * draw.uniform(*share)
        ratio = math.exp(draw.uniform(math.log(RATIO), -math.log(RATIO)))
        w, h = max(1, round(math.sqrt(area * ratio))), max(1, round(math.sqrt(area / ratio)))
        if w <= width and h <= height:
            left, top = draw.randint(0, width - w), draw.randint(0, height - h)
            return left, top, left + w, top + h
    w, h = min(width, round(height / RATIO)), min(height, round(width / RATIO))
    left, top = (width - w) // 2, (height - h) // 2
    return left, top, left + w, top + h
