"""The cells of a sweep as a table of networks (blocks) by trained ways (treatments) by seeds.

A block is a network, an (architecture, conv); a treatment is a way to train it, a (method, variant). Only comparable
cells are in it: done, as trained, of a score that means something, and of the network itself: what a method has changed
is another one.
"""

import dataclasses
import itertools
import math
from collections.abc import Hashable, Iterable
from typing import NamedTuple, TypeVar

import numpy as np
import pandas as pd

from cheapconv.reports.statistics import differences, gap
from cheapconv.reports.statistics.images import COLUMN, ByImage, of_seeds

Name = TypeVar("Name", bound=Hashable)
COLUMNS = ("top1", "top1_error", "test_images")


class Network(NamedTuple):
    """A block."""

    architecture: str
    conv: str


class Treatment(NamedTuple):
    """A way to train a network."""

    method: str
    variant: str


@dataclasses.dataclass(frozen=True)
class Blocks:
    """Scores as fractions, shaped (networks, treatments, seeds), NaN where there is no comparable cell; both names in
    the plan's order. `alone` (networks, treatments) is the place of the baseline that each is set beside, or -1."""

    networks: list[Network]
    treatments: list[Treatment]
    top1: np.ndarray
    counted: np.ndarray  # the test set's error of each score where it was counted with it
    images: np.ndarray
    alone: np.ndarray
    by_image: np.ndarray  # (networks, treatments) what is known of each row image by image, None where nothing is

    @property
    def scores(self) -> np.ndarray:
        """(networks, treatments): mean over the seeds."""
        return mean_of_known(self.top1)

    def test_errors(self, places: np.ndarray, accuracies: np.ndarray) -> np.ndarray:
        """By network the test set's error of the score of one treatment each: counted, or binomial at `accuracies`."""
        rows = np.arange(len(self.networks))
        counted, images = (mean_of_known(table[rows, places]) for table in (self.counted, self.images))
        return differences.test_errors(counted, images, accuracies)

    def image_error(self, places: np.ndarray, others: np.ndarray, met: np.ndarray) -> float | None:
        """That of the mean difference over the networks that are met, whose images are the same ones; None where the
        mistakes of one are not known, or where two were not trained with the same seeds."""
        rows = np.arange(len(self.networks))[met]
        found = [*zip(self.by_image[rows, places[met]], self.by_image[rows, others[met]], strict=True)]
        seeds = [~np.isnan(self.top1[rows, chosen[met]]) for chosen in (places, others)]
        if (seeds[0] != seeds[1]).any() or not all(
            isinstance(a, ByImage) and a.comparable(b) and a.comparable(found[0][0]) for a, b in found
        ):
            return None
        mean = sum(a.right - b.right for a, b in found) / len(found)
        return float(mean.std(ddof=1)) / math.sqrt(len(mean))


def read(cells: pd.DataFrame) -> Blocks:
    """The blocks of `collect.frame` with the column `variant`."""
    trained = cells[(cells["deployed"] == "") & ~cells["changed"].astype(bool)]
    network, networks = numbered(map(Network, trained["architecture"], trained["conv"]))
    treatment, treatments = numbered(map(Treatment, trained["method"], trained["variant"]))
    seed, seeds = numbered(trained["seed"])
    comparable = (trained["state"] == "done") & trained["warnings"].fillna("").eq("") & trained["top1"].notna()
    places = tuple(numbers[comparable.to_numpy()] for numbers in (network, treatment, seed))
    found = {name: np.full((len(networks), len(treatments), len(seeds)), math.nan) for name in COLUMNS}
    for name, table in found.items():
        table[places] = trained.loc[comparable, name].astype(float)
    numbers = trained.assign(network=network, treatment=treatment)
    return Blocks(
        networks,
        treatments,
        top1=found["top1"],
        counted=found["top1_error"],
        images=found["test_images"],
        alone=_alone(numbers[trained["is_baseline"].astype(bool)], treatments, len(networks)),
        by_image=_by_image(trained[comparable], network[comparable], treatment[comparable], found["top1"].shape[:2]),
    )


def _alone(baselines: pd.DataFrame, treatments: list[Treatment], networks: int) -> np.ndarray:
    """(networks, treatments): of a network's baselines the plainest, which the others are set beside; a method beside
    those of its own recipe alone, if there is any, so that what more epochs bring is not taken for what it does."""
    plainest = gap.plainness(baselines).sort_values(ascending=False, kind="stable").index
    recipes = [gap.of_recipe(treatment.variant) for treatment in treatments]
    plain, own = dict[int, int](), dict[tuple[int, str], int]()  # by network, and by recipe too
    for network, place in baselines.loc[plainest, ["network", "treatment"]].itertuples(index=False):
        plain.setdefault(network, place)
        own.setdefault((network, recipes[place]), place)
    known, alone = {recipe for _, recipe in own}, {*baselines["treatment"]}
    found = np.full((networks, len(treatments)), -1)
    for network, place in itertools.product(plain, range(len(treatments))):
        by_recipe = place not in alone and recipes[place] in known
        found[network, place] = own.get((network, recipes[place]), -1) if by_recipe else plain[network]
    return found


def _by_image(cells: pd.DataFrame, network: np.ndarray, treatment: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Of the cells of each network and treatment."""
    found = np.full(shape, None, dtype=object)
    if COLUMN in cells:
        places = pd.Series(list(zip(network, treatment, strict=True)), index=cells.index)
        for place, row in cells[COLUMN].groupby(places):
            found[place] = of_seeds(row)
    return found


def numbered(names: Iterable[Name]) -> tuple[np.ndarray, list[Name]]:
    """The number of each name, counted in the order in which they come, and the different names."""
    number: dict[Name, int] = {}
    return np.array([number.setdefault(name, len(number)) for name in names], dtype=int), list(number)


def mean_of_known(values: np.ndarray) -> np.ndarray:
    """Over the last axis without the NaN; NaN where there is nothing else."""
    known = ~np.isnan(values)
    count = known.sum(axis=-1)
    return np.where(known, values, 0).sum(axis=-1) / np.where(count, count, math.nan)
