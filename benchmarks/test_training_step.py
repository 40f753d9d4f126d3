"""A training step of every registered method on the same student: what a method costs beside training alone.

WRN-10-1 of standard convolutions on 64 images of 3 x 8 x 8, forward, backward and SGD step; teachers are WRN-10-2.
"""

from collections.abc import Callable

import pytest
import torch

from cheapconv import catalog
from tests.methods.world import World, data, make_world

catalog.load()


CLASSES = {name: catalog.entry("method", name).cls for name in catalog.names("method")}
METHODS = [name for name, cls in CLASSES.items() if cls.trains and "image" in cls.answers]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return make_world(tmp_path_factory.mktemp("world"))


@pytest.mark.benchmark(group="training step")
@pytest.mark.parametrize("name", METHODS)
def test_training_step(world: World, repeat: Callable, name: str) -> None:
    recipe = catalog.parse("suite", "digits").recipes["short"]
    method = world.method(name, images=recipe.batch)
    optimiser = torch.optim.SGD([dict(group) for group in method.param_groups()], lr=0.1, momentum=0.9, fused=True)
    batch = next(data(recipe.batch).train(recipe, seed=0, epoch=0, views=method.views))

    def step() -> None:
        for update in range(method.updates_per_batch):
            optimiser.zero_grad(set_to_none=True)
            torch.stack([*method.losses(batch, update).values()]).sum().backward()
            optimiser.step()

    repeat(step)
