"""Networks from the texts that name them."""

from typing import Any

import torch

from cheapconv import catalog
from cheapconv.models.size import count_params


def standard_params(architecture: str, classes: int) -> int:
    """Parameters of an architecture with standard convolutions."""
    with torch.device("meta"):
        return count_params(catalog.parse("architecture", architecture).build(standard_conv()(), classes))


def count_blocks(architecture: str, classes: int) -> int:
    """Number of blocks for each of which an architecture asks for a conv; 0 if it takes one conv for all."""
    counts = [0]

    class Asked(standard_conv()):  # type: ignore[misc]
        """The standard conv, which remembers how many blocks there are."""

        def at_block(self, index: int, count: int) -> Any:
            counts.append(count)
            return self

    with torch.device("meta"):
        catalog.parse("architecture", architecture).build(Asked(), classes)
    return counts[-1]


def standard_conv() -> Any:
    """The class of the conv that leaves a network as it is."""
    convs = [catalog.entry("conv", name).cls for name in catalog.names("conv")]
    return next(conv for conv in convs if conv.is_standard)


def on_device(network: Any, device: torch.device) -> Any:
    """The module on a device, in the channels-last layout that convolutions run fastest in."""
    return network.to(device, memory_format=torch.channels_last)


def build_network(architecture: str, conv: str, classes: int) -> Any:
    """A freshly initialised network from the two texts."""
    return catalog.parse("architecture", architecture).build(catalog.parse("conv", conv), classes)
