"""Rows image by image: what is known of their difference where the mistakes of every seed were kept.

All rows of a sweep answer the same test images, and most of what makes some of these hard is common to two rows and
falls out of their difference. So the images' error is not that of two samples but of one, of the differences d_i: the
share of a row's seeds that have image i right, less that share of the other row. (Of two networks that would be
McNemar's comparison, 1947, of the images that only one of them has right.)

Seeds and images are crossed: every seed answers every image. The variance of a difference of means is then

    of the seeds + of the images - of what neither of them alone explains,

which is in both of the first two: as of data clustered in two ways (Cameron, Gelbach and Miller, 2011; Owen, 2007). So
it holds for other seeds and for other images of the same kind at once, where the larger of two errors would not. Of a
single run the first part is not known, and the images alone would call every second pair of equal rows different whose
seeds spread by a point: single runs are not compared so.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import TypeGuard

import numpy as np
import pandas as pd

COLUMN = "by_image"  # of cells, with a `Seed`, and of rows, with a `ByImage`; None where there is none


@dataclass(frozen=True, eq=False)
class Seed:
    """What one cell has right: (N,) how many of its networks have each image."""

    test_set: str
    right: np.ndarray
    networks: int = 1


@dataclass(frozen=True, eq=False)
class ByImage:
    """A row's (N,) shares of seeds that have each image right, or how much more that is than of another row.

    `rest` is the variance of its mean that belongs to pairs of a seed and an image, 0 of a single seed.
    """

    test_set: str
    right: np.ndarray
    rest: float

    @property
    def variance(self) -> float:
        """Of its mean, because the images are a sample: the squared standard error over them."""
        return float(self.right.var(ddof=1)) / len(self.right)

    @property
    def beside_seeds(self) -> float:
        """The part of it that is in no variance over the seeds."""
        return max(self.variance - self.rest, 0.0)

    def __sub__(self, other: "ByImage") -> "ByImage":
        return ByImage(self.test_set, self.right - other.right, self.rest + other.rest)

    def comparable(self, other: object) -> "TypeGuard[ByImage]":
        """Whether the other one is of the same images."""
        return isinstance(other, ByImage) and other.test_set == self.test_set and len(other.right) == len(self.right)


def of_seeds(seeds: Collection[object]) -> ByImage | None:
    """Of a row, from what its cells have: None where the answers of one are not known, or are of other images."""
    known = [seed for seed in seeds if isinstance(seed, Seed)]
    if len({(seed.test_set, len(seed.right)) for seed in known}) != 1 or len(known) < len(seeds):
        return None
    shares = np.stack([seed.right / seed.networks for seed in known]).astype(np.float32)  # (seeds, N)
    count, images = shares.shape
    rest = float(shares.var(axis=0, ddof=1).sum()) / count / images**2 if count > 1 else 0.0
    return ByImage(known[0].test_set, shares.mean(axis=0), rest)


def difference(a: pd.Series, b: pd.Series) -> ByImage | None:
    """The first of two rows minus the second, where both are known of the same images."""
    one, other = a.get(COLUMN), b.get(COLUMN)
    return one - other if isinstance(one, ByImage) and one.comparable(other) else None


def differences(rows: pd.DataFrame, than: pd.Series) -> np.ndarray:
    """`beside_seeds` of the difference of every row to one of them; NaN where it is not known."""
    found, best = np.full(len(rows), np.nan), than.get(COLUMN)
    if isinstance(best, ByImage):
        places = [place for place, one in enumerate(rows[COLUMN]) if best.comparable(one)]
        others = [rows[COLUMN].iloc[place] for place in places]
        of_all = np.stack([one.right - best.right for one in others]).var(axis=1, ddof=1) / len(best.right)
        found[places] = np.maximum(of_all - [one.rest + best.rest for one in others], 0.0)
    return found
