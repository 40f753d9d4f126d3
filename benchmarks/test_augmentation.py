"""Shuffle, crop, flip and normalise: one epoch of 4,096 images of 3 x 32 x 32 in batches of 128, beside nothing."""

from collections.abc import Callable

import pytest
import torch

from cheapconv import catalog
from cheapconv.suites.memory import InMemory

IMAGES = 4096


@pytest.fixture(scope="module")
def images() -> InMemory:
    x = torch.randint(256, (IMAGES, 3, 32, 32), dtype=torch.uint8)
    y = torch.arange(IMAGES) % 10
    return InMemory(x, y, x[:1], y[:1], tuple("0123456789"))


@pytest.mark.benchmark(group=f"augmentation of {IMAGES} images")
@pytest.mark.parametrize("views", [1, 2])
def test_augmentation(repeat: Callable, images: InMemory, views: int) -> None:
    catalog.load()
    recipe = catalog.parse("suite", "cifar10").recipes["short"]

    def epoch() -> None:
        for _ in images.train(recipe, seed=0, epoch=0, views=views):
            pass

    repeat(epoch)
