"""In a network that is channels last every map's gradient is channels last too, for every registered method: a single
one that is not is turned round by all the layers below it."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from cheapconv import catalog
from tests.methods.world import World, batch, make_world

catalog.load()
CLASSES = {name: catalog.entry("method", name).cls for name in catalog.names("method")}
METHODS = [name for name, cls in CLASSES.items() if cls.trains and "image" in cls.answers]
LAYERS = (nn.Conv2d, nn.BatchNorm2d)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return make_world(tmp_path_factory.mktemp("layouts"))


def last(x: Tensor) -> bool:
    return x.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("name", METHODS)
def test_gradients_of_maps_are_laid_out_as_the_maps_are(world: World, name: str) -> None:
    method = world.method(name).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    seen: dict[str, bool] = {}

    def watch(layer: str, output: Tensor) -> None:
        if output.requires_grad and output.ndim == 4:
            assert last(output), layer
            output.register_hook(lambda gradient: seen.update({layer: seen.get(layer, True) and last(gradient)}))

    def hook(layer: str) -> Any:
        return lambda _module, _inputs, output: watch(layer, output)

    for layer, module in method.named_modules():
        if isinstance(module, LAYERS):
            module.register_forward_hook(hook(layer))
    given = batch(method.views)
    given = replace(given, x=given.x.contiguous(memory_format=torch.channels_last)) if method.views == 1 else given
    for update in range(method.updates_per_batch):
        torch.stack([*method.losses(given, update).values()]).sum().backward()
    assert seen
    assert not [layer for layer, right in seen.items() if not right]
