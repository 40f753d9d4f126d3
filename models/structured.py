"""Structured parameters and their weight decay.

A structured parameter is a factor of a larger weight (a low-rank pair, a tensor-train core, a diagonal), for which the
weight decay of the dense weight is too strong. The rule of Separable Layers (code of Gray et al.,
BayesWatch/deficient-efficient) scales theirs by the compression ratio of the whole network,

    weight_decay * params(network) / params(the same network with standard convolutions),

and leaves that of all other parameters alone. Convs mark their structured modules when they make an operator; whoever
builds the network sets the scale; the optimiser reads it.
"""

from collections.abc import Iterator
from typing import TypeVar

from torch import nn

from cheapconv.models.size import count_params

MARK, SCALE = "structured", "weight_decay_scale"  # attributes of a module, which a copy of it keeps
M = TypeVar("M", bound=nn.Module)


def structured(module: M) -> M:
    """`module`, all of whose parameters are marked as structured."""
    setattr(module, MARK, True)
    return module


def structured_modules(network: nn.Module) -> Iterator[nn.Module]:
    """The modules of `network` that a conv has marked."""
    return (module for module in network.modules() if getattr(module, MARK, False))


def scale_by_compression(network: nn.Module, standard_params: int) -> None:
    """Scale the weight decay of structured parameters by params(network) / `standard_params`."""
    scale = count_params(network) / standard_params
    for module in structured_modules(network):
        setattr(module, SCALE, scale)


def weight_decay_scales(root: nn.Module) -> dict[nn.Parameter, float]:
    """The parameters below `root` whose weight decay is scaled, and by how much."""
    return {
        parameter: float(getattr(module, SCALE))
        for module in structured_modules(root)
        if hasattr(module, SCALE)
        for parameter in module.parameters()
    }
