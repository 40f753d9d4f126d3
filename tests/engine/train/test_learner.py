"""A batch in ghost batches: what each of them makes of the network by itself, and the mean of it."""

import copy
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from cheapconv.engine.train.learner import Learner
from cheapconv.methods.base import Batch, Method, Trained
from cheapconv.suites import base
from tests.engine import tiny, toys


class Twice(Method):
    """A norm that sees every batch twice, and one that is held."""

    def __init__(self) -> None:
        super().__init__(toys.builder(), None)
        self.norm, self.held = nn.BatchNorm2d(3), nn.BatchNorm2d(3).eval()

    def losses(self, batch: Batch, update: int = 0) -> dict[str, Tensor]:
        """Something of both."""
        return {"ce": (self.norm(self.norm(batch.x) * 2) * self.held(batch.x)).square().mean()}

    def networks(self) -> list[Trained]:
        """None."""
        return []


@pytest.mark.parametrize("samples", [12, 10])
def test_ghost_batches_add_up_to_the_mean_of_what_each_makes_by_itself(samples):
    x = torch.randn(samples, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    batch = base.Batch(x, torch.zeros(samples, dtype=torch.int64), torch.arange(samples), (x,))
    method = Twice()
    parts, alone = [batch.part(number, 4) for number in range(4)], list[Method]()
    for part in parts:
        alone.append(copy.deepcopy(method))
        (alone[-1].losses(part)["ce"] * len(part.y) / samples).backward()
    learner = Learner(method, replace(tiny.RECIPE, ghost_batches=4), tiny.PLACE)
    [terms] = learner(torch.optim.SGD(method.parameters(), lr=0.0), batch)
    for name, parameter in method.named_parameters():
        expected = torch.stack([dict(each.named_parameters())[name].grad for each in alone]).sum(dim=0)
        torch.testing.assert_close(parameter.grad, expected)
    for name in ("norm.running_mean", "norm.running_var"):
        expected = torch.stack([each.state_dict()[name] for each in alone]).mean(dim=0)
        torch.testing.assert_close(method.state_dict()[name], expected)
    assert method.norm.num_batches_tracked == 2
    assert torch.equal(method.held.running_mean, torch.zeros(3))
    assert terms["ce"].item() == pytest.approx(
        sum(Twice().losses(part)["ce"].item() * len(part.y) for part in parts) / samples
    )
