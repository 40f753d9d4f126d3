"""Cells and rows of a sweep from arrays of scores, and the noise that real ones have, for the tests of statistics."""

import dataclasses
import functools
import math

import numpy as np
import pandas as pd

from cheapconv.reports.statistics import blocks, images
from cheapconv.reports.statistics.blocks import Blocks

ACCURACY = 0.9
IMAGES = 10_000  # whose binomial error is 0.3 points
FEW = 2_000
BAR = -1.2816  # that a standard normal variable is above at ACCURACY


@functools.lru_cache
def _names(networks: int, treatments: int, seeds: int) -> pd.DataFrame:
    """Everything about cells but their scores; the first treatment is training alone."""
    places = [(n, t, s) for n in range(networks) for t in range(treatments) for s in range(seeds)]
    network, treatment, seed = zip(*places, strict=True)
    return pd.DataFrame(
        {
            "architecture": "WRN-16-2",
            "conv": [f"conv {n}" for n in network],
            "method": ["alone" if t == 0 else f"way {t}" for t in treatment],
            "variant": "",
            "deployed": "",
            "seed": seed,
            "is_baseline": [t == 0 for t in treatment],
            "is_plain": True,
            "changed": False,
            "warnings": None,
        }
    )


def cells(top1: np.ndarray, images: float = IMAGES, error: float = math.nan) -> pd.DataFrame:
    """Cells with these scores (networks, treatments, seeds); those that are NaN have failed."""
    scores = np.asarray(top1, dtype=float)
    state = np.where(np.isnan(scores.ravel()), "failed", "done")
    return _names(*scores.shape).assign(top1=scores.ravel(), state=state, test_images=images, top1_error=error)


@functools.lru_cache
def _empty(*shape: int) -> Blocks:
    """Of this shape, without scores."""
    return blocks.read(cells(np.full(shape, ACCURACY)))


def table(top1: np.ndarray) -> Blocks:
    """What `blocks.read` makes of `cells`, in less time."""
    return dataclasses.replace(_empty(*top1.shape), top1=top1)


def rows(top1: np.ndarray, images: float = IMAGES) -> pd.DataFrame:
    """Rows of `stats.summarise` with these scores (rows, seeds), as far as `differences` asks."""
    scores = np.asarray(top1, dtype=float)
    n = scores.shape[1]
    std = scores.std(axis=1, ddof=1) if n > 1 else math.nan
    return pd.DataFrame({"top1_mean": scores.mean(axis=1), "top1_std": std, "n": n, "test_images": images})


def scores(
    random: np.random.Generator, true: np.ndarray | float, shape: tuple[int, ...], std: float, images: int = IMAGES
) -> np.ndarray:
    """Scores of rows, their seeds along the last axis: the test set's noise is one draw a row, that of seeds normal."""
    drawn = random.binomial(images, np.broadcast_to(true, shape[:-1])) / images
    return drawn[..., None] + random.normal(0, std, shape)


def on_shared_images(random: np.random.Generator, rows: int, seeds: int, quality: float) -> np.ndarray:
    """Scores of equal rows on the same FEW images."""
    return answers(random, rows, seeds, quality).mean(axis=-1)


def answers(
    random: np.random.Generator, rows: int, seeds: int, quality: float, better: float | np.ndarray = 0.0
) -> np.ndarray:
    """(rows, seeds, FEW) whether an image is right: where its own ease, what the row and what the seed make of it, and
    the seed's quality are above a bar together. A row is `better` by so much, (rows, 1, 1)."""
    ease, of_row = random.normal(0, 1, FEW), random.normal(0, 0.3, (rows, 1, FEW))
    of_seed, of_quality = random.normal(0, 0.3, (rows, seeds, FEW)), random.normal(0, quality, (rows, seeds, 1))
    return (ease + of_row + of_seed) / math.sqrt(1.18) + of_quality + better > BAR


def answered(right: np.ndarray) -> pd.DataFrame:
    """Rows whose mistakes are known, of what their seeds have right (rows, seeds, N)."""
    found = rows(right.mean(axis=-1), right.shape[-1])
    every = [[images.Seed("test", seed) for seed in row] for row in right]
    return found.assign(**{images.COLUMN: pd.Series([images.of_seeds(row) for row in every], dtype=object)})


def at_most(level: float, repetitions: int) -> float:
    """What a rate that is at most `level` exceeds in one of a thousand simulations of so many repetitions."""
    return level + 3.1 * math.sqrt(level * (1 - level) / repetitions)
