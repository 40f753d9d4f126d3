"""What a method says of its batches: whether they can be learnt from in parts, by one process or several."""

import pytest
import torch
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm

from cheapconv import catalog
from cheapconv.methods.base import Method
from cheapconv.suites.base import Batch
from tests.methods.world import World, batch, make_world

catalog.load()
CLASSES = {name: catalog.entry("method", name).cls for name in catalog.names("method")}
METHODS = [name for name, cls in CLASSES.items() if cls.trains and "image" in cls.answers]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return make_world(tmp_path_factory.mktemp("shared"))


def total(method: Method, samples: Batch) -> Tensor:
    """All loss terms of all updates."""
    torch.manual_seed(0)  # of what the method draws itself
    every = [term for update in range(method.updates_per_batch) for term in method.losses(samples, update).values()]
    return torch.stack(every).sum().detach()


@pytest.mark.parametrize("name", METHODS)
def test_parts_of_a_batch_are_the_batch_unless_samples_are_compared(world: World, name: str) -> None:
    """Weighed by their samples; with statistics of batch norm held, which compare samples in every method."""
    method = world.method(name)
    for module in method.modules():
        if isinstance(module, _BatchNorm):
            module.eval()
    whole = batch(method.views)
    parts = [whole.part(0, 3), whole.part(1, 3), whole.part(2, 3)]
    assert torch.cat([part.index for part in parts]).sort().values.equal(whole.index.sort().values)
    assert {part.whole for part in parts} == {len(whole.y)}
    mean = sum(total(method, part) * (len(part.y) / len(whole.y)) for part in parts)
    alike = torch.isclose(torch.as_tensor(mean), total(method, whole), rtol=1e-4, atol=1e-6).item()
    assert alike is not method.couples_samples, "couples_samples says whether samples are compared with one another"
