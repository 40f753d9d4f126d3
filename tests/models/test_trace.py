"""Tracing: what a forward does by its mode it does in the graph as well, or it is refused."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from cheapconv.models.wrap.trace import InMode, trace


class Dropping(nn.Module):
    """Functional dropout by a rate and by the mode, twice."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(64, 64)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.dropout(self.layer(x), p=0.5, training=self.training)
        return functional.dropout2d(x[:, :, None, None], 0.2, self.training).flatten(1)


class Branching(Dropping):
    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x) if self.training else x


class Scaling(Dropping):
    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x) * (2.0 if self.training else 1.0)


class AlwaysDropping(Dropping):
    def forward(self, x: Tensor) -> Tensor:
        return functional.dropout(self.layer(x), p=0.5, training=True)


@pytest.mark.parametrize("network", [Dropping(), AlwaysDropping()])
@pytest.mark.parametrize("traced_in", [True, False])
def test_the_graph_computes_what_the_network_does_in_either_mode(network, traced_in):
    traced = trace(network.train(traced_in), frozenset({""}))
    assert traced.training == network.training == traced_in
    x = torch.randn(8, 64)
    for mode in (True, False, True):
        torch.manual_seed(0)
        expected = network.train(mode)(x)
        torch.manual_seed(0)
        assert torch.equal(traced.train(mode)(x), expected)


def test_what_follows_the_mode_holds_no_weights():
    traced = trace(Dropping(), frozenset({""}))
    assert sum(isinstance(module, InMode) for module in traced.modules()) == 2
    assert traced.state_dict().keys() == Dropping().state_dict().keys()


@pytest.mark.parametrize(("network", "reason"), [(Branching(), "another way"), (Scaling(), "something else")])
def test_another_forward_in_training_is_refused(network, reason):
    with pytest.raises(ValueError, match=f"{reason} in training than in evaluation"):
        trace(network.train(), frozenset({""}))
    assert network.training
