"""The batches that a probe takes: as many, and as large, as a training meets on average."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, ClassVar

import pytest

from cheapconv.engine.train import probe
from cheapconv.engine.train.probe import Noise, middle_epoch
from cheapconv.suites.augmentation import Growth
from cheapconv.suites.base import Batch
from tests.engine import tiny

GROWING = replace(tiny.RECIPE, epochs=4, growth=Growth(first=32, last=96, start=0.25, end=0.75))  # 32, 32, 64, 96


@pytest.fixture(autouse=True)
def world(tiny_world: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "LEAST_S", 0.0)


class Noted(Noise):
    """Keeps of which epochs batches were asked for."""

    epochs: ClassVar[set[int]] = set()

    def train(self, recipe: Any, seed: int, epoch: int, start: int = 0, views: int = 1) -> Iterator[Batch]:
        """The same batch again and again."""
        self.epochs.add(epoch)
        return super().train(recipe, seed, epoch, start, views)


@pytest.mark.parametrize(("samples", "steps"), [(32, 2), (33, 2), (34, 3), (1, 1)])
def test_noise_has_as_many_batches_as_images_have(samples: int, steps: int) -> None:
    noise = Noise(tiny.Tiny(), tiny.PLACE, samples, {})
    assert noise.steps(tiny.RECIPE) == len([*noise.train(tiny.RECIPE, 0, 0)]) == steps


def test_noise_grows_as_crops_do() -> None:
    noise = Noise(tiny.Tiny(), tiny.PLACE, 16, {})
    assert [next(noise.train(GROWING, 0, epoch)).x.shape[1:] for epoch in (1, 2)] == [(3, 32, 32), (3, 64, 64)]
    assert next(noise.train(tiny.RECIPE, 0, 0)).x.shape[1:] == tiny.Tiny.image


def test_the_epoch_of_the_middle_is_that_of_the_mean_area() -> None:
    assert middle_epoch(GROWING, 128) == 2  # (1 + 1 + 4 + 9) / 4 = 3.75 times 32 x 32
    assert middle_epoch(tiny.RECIPE, 8) == 0


@pytest.mark.parametrize(("growth", "epoch"), [({"first": 32, "last": 96, "start": 0.25, "end": 0.75}, 2), (None, 0)])
def test_it_is_what_is_probed(growth: dict[str, float] | None, epoch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Noted, "epochs", set())
    [planned] = tiny.planned("scratch", epochs=4).cells
    cell = replace(planned.cell, recipe=planned.cell.recipe | ({"growth": growth} if growth else {}))
    found = probe.probe(cell, None, Noted(tiny.Tiny(), tiny.PLACE, 33, {}), tiny.PLACE, "A CPU")
    assert (Noted.epochs, found.steps) == ({epoch}, 2)
