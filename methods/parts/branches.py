"""Networks that share their first stages: a trunk that runs once, and a branch for each of them.

The training graph of ONE (arXiv:1806.04606), OKDDip (arXiv:1912.00350), FFL (arXiv:1904.09058) and, as a tree, of
CL-ILR (arXiv:1805.11761). Every member is a whole network that merely holds the same modules as its neighbours, so what
is deployed is the plain network: trunk and one branch.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

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
    first of each set of neighbours lends its modules to the others.
    """

    def __init__(self, networks: Sequence[TrainableNetwork], sizes: Sequence[int]) -> None:
        super().__init__(networks)
        assert len(networks) > 1
        assert len(sizes) == len(networks[0].stage_modules)
        assert all(before % size == 0 for before, size in pairwise(sizes)), "a split is for good"
        self.sizes = list(sizes)
        for i, network in enumerate(networks):
            network.stem = networks[0].stem
            for stage, size in enumerate(sizes):
                network.stage_modules[stage] = networks[i - i % size].stage_modules[stage]

    @property
    def shared(self) -> int:
        """Number of stages that all networks share."""
        return sum(size >= len(self.networks) for size in self.sizes)

    def stages(self, x: Tensor, divide_gradient: bool = False) -> list[list[Tensor]]:
        """For every network its maps after each stage, those of a shared stage being the same tensor.

        With `divide_gradient`, the gradient that flows back through a map which n branches read is divided by n.
        """
        count = len(self.networks)
        current = [self.networks[0].stem(x)] * count
        maps: list[list[Tensor]] = [[] for _ in range(count)]
        before = count  # networks that share the current maps
        for stage, size in enumerate(self.sizes):
            for first in range(0, count, size):
                start = first - first % before
                readers = -(-min(before, count - start) // size)  # of the map that this branch starts from
                read = _DividedGradient.apply(current[first], readers) if divide_gradient else current[first]
                result = self.networks[first].stage_modules[stage](read)
                for i in range(first, min(first + size, count)):
                    current[i] = result
                    maps[i].append(result)
            before = size
        return maps


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
