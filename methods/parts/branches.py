"""Networks that share their first stages: a trunk that runs once, and a branch for each of them.

The training graph of ONE (arXiv:1806.04606), OKDDip (arXiv:1912.00350), FFL (arXiv:1904.09058) and, as a tree, of
CL-ILR (arXiv:1805.11761). Every member is a whole network that merely holds the same modules as its neighbours, so what
is deployed is the plain network: trunk and one branch.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from cheapconv.methods.base import TrainableNetwork
from cheapconv.methods.parts.siblings import Siblings


class _DividedGradient(torch.autograd.Function):
    """The identity, whose gradient is divided."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, divisor: int) -> Tensor:
        ctx.divisor = divisor
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return gradients[0] / ctx.divisor, None


class Branches(Siblings):
    """Networks of one structure of which `sizes[i]` neighbours run stage i together; all of them share the stem.

    [3, 3, 1] is a trunk of two stages with three branches, [4, 2, 1] a tree. Built from fresh networks, of which the
    first of each set of neighbours lends its modules to the others. Where branches part, they still share the entrance
    of their stage, a transition or a pooling, as in the released code of MCL-OKD.
    """

    def __init__(self, networks: Sequence[TrainableNetwork], sizes: Sequence[int]) -> None:
        super().__init__(networks)
        assert len(networks) > 1
        assert len(sizes) == len(networks[0].stage_modules)
        assert all(before % size == 0 for before, size in pairwise(sizes)), "a split is for good"
        self.sizes = list(sizes)
        self.sizes_before = [len(networks), *sizes[:-1]]
        for i, network in enumerate(networks):
            network.stem = networks[0].stem
            for stage, (before, size) in enumerate(zip(self.sizes_before, sizes, strict=True)):
                network.stage_modules[stage] = networks[i - i % size].stage_modules[stage]
                network.share_entrance(stage, networks[i - i % before])

    @property
    def shared(self) -> int:
        """Number of stages that all networks share."""
        return sum(size >= len(self.networks) for size in self.sizes)

    @property
    def trunk_channels(self) -> int:
        """Width of the map from which the branches start."""
        parted = self.networks[0].entrance(self.shared).modules()
        widths = [module.out_channels for module in parted if isinstance(module, nn.Conv2d)]
        return (widths or self.networks[0].channels[: self.shared])[-1]

    def stages(self, x: Tensor, divide_gradient: bool = False) -> list[list[Tensor]]:
        """For every network its maps after each stage, those of a shared stage being the same tensor.

        With `divide_gradient`, the gradient that flows back through a map which n branches read is divided by n.
        """
        return self.trunk_and_stages(x, divide_gradient)[1]

    def trunk_and_stages(self, x: Tensor, divide_gradient: bool = False) -> tuple[Tensor, list[list[Tensor]]]:
        """The map (B, D, H, W) from which the branches start, and what `stages` gives."""
        count, first = len(self.networks), self.networks[0]
        current = [first.stem(first.input(x))] * count
        trunk = current[0]
        maps: list[list[Tensor]] = [[] for _ in range(count)]
        for stage, (before, size) in enumerate(zip(self.sizes_before, self.sizes, strict=True)):
            for parted in (range(count)[start : start + before] for start in range(0, count, before)):
                entered = self.networks[parted[0]].entrance(stage)(current[parted[0]])
                trunk = entered if stage == self.shared else trunk
                readers = len(parted[::size])
                for together in (parted[i : i + size] for i in range(0, len(parted), size)):
                    read = _DividedGradient.apply(entered, readers) if divide_gradient else entered
                    result = self.networks[together[0]].body(stage)(read)
                    for i in together:
                        current[i] = result
                        maps[i].append(result)
        return trunk, maps


def split(networks: Sequence[TrainableNetwork], own_stages: int) -> Branches:
    """A trunk, and branches whose last `own_stages` stages (and head) are their own.

    Raises ValueError if that leaves no stage to share.
    """
    stages = len(networks[0].stage_modules)
    if not 0 < own_stages < stages:
        raise ValueError(
            f"own_stages is {own_stages}, but a network of {stages} stages can own 1 to {stages - 1} of them"
        )
    return Branches(networks, [len(networks)] * (stages - own_stages) + [1] * own_stages)


def tree(networks: Sequence[TrainableNetwork]) -> Branches:
    """A tree that doubles from stage to stage up to the last one, which every network has for itself."""
    stages = len(networks[0].stage_modules)
    return Branches(networks, [2**i for i in reversed(range(stages))])
