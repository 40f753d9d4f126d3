"""Networks that are trained side by side on the same images, and the mean of their logits as their ensemble."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from cheapconv.methods.base import TrainableNetwork, module_list


class Siblings(nn.Module):
    """Networks without a common part, in a fixed order."""

    def __init__(self, networks: Sequence[TrainableNetwork]) -> None:
        super().__init__()
        self.networks = module_list(networks)

    def stages(self, x: Tensor) -> list[list[Tensor]]:
        """For every network its maps (B, C_i, H_i, W_i) after each stage."""
        return [network.stages(x) for network in self.networks]

    def heads(self, maps: Sequence[Sequence[Tensor]]) -> list[Tensor]:
        """Logits (B, classes) of every network from what `stages` gave."""
        return [network.head(own[-1]) for network, own in zip(self.networks, maps, strict=True)]

    def forward(self, x: Tensor) -> list[Tensor]:
        """Logits (B, classes) of every network."""
        return self.heads(self.stages(x))


class MeanLogits(nn.Module):
    """Siblings as one network from image to logits: the mean of their logits."""

    def __init__(self, group: Siblings) -> None:
        super().__init__()
        self.group = group

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, classes)."""
        return torch.stack(self.group(x)).mean(dim=0)
