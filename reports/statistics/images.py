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

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from typing import NamedTuple, TypeGuard

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


class Variances(NamedTuple):
    """Of the differences of pairs of rows, NaN where they are not known: over the images, and the part of that which is
    in no variance over the seeds."""

    whole: np.ndarray
    beside_seeds: np.ndarray


def differences(rows: pd.DataFrame, than: pd.Series) -> Variances:
    """Of every row and one of them."""
    whole, rest, best = np.full(len(rows), np.nan), np.zeros(len(rows)), than.get(COLUMN)
    if isinstance(best, ByImage):
        places = [place for place, one in enumerate(rows[COLUMN]) if best.comparable(one)]
        others = [rows[COLUMN].iloc[place] for place in places]
        whole[places] = np.stack([one.right - best.right for one in others]).var(axis=1, ddof=1) / len(best.right)
        rest[places] = [one.rest + best.rest for one in others]
    return Variances(whole, np.maximum(whole - rest, 0.0))


def all_differences(rows: pd.DataFrame) -> Variances:
    """Of every row and every other, pair by pair: (0, 0), (0, 1), ..., (1, 0), ..."""
    found = rows[COLUMN] if COLUMN in rows else [None] * len(rows)
    whole, rest = (np.full((len(rows), len(rows)), np.nan) for _ in range(2))
    same = defaultdict[tuple[str, int], list[tuple[int, ByImage]]](list)
    for place, one in enumerate(found):
        if isinstance(one, ByImage):
            same[one.test_set, len(one.right)].append((place, one))
    for (_, count), of_set in same.items():
        places, each = np.array([place for place, _ in of_set]), [one for _, one in of_set]
        right = np.stack([one.right for one in each]).astype(float)
        right -= right.mean(axis=1, keepdims=True)
        shared = right @ right.T  # (a - b)^2 = a^2 + b^2 - 2 a b
        squares = np.add.outer(np.diag(shared), np.diag(shared)) - 2 * shared
        whole[np.ix_(places, places)] = np.maximum(squares, 0.0) / (count - 1) / count
        rests = np.array([one.rest for one in each])
        rest[np.ix_(places, places)] = np.add.outer(rests, rests)
    return Variances(whole.ravel(), np.maximum(whole - rest, 0.0).ravel())
