"""BlockSwap: of many random mixtures of cheap convs within a budget, the one of the greatest Fisher potential.

Turner, Crowley, O'Boyle, Storkey, Gray, "BlockSwap: Fisher-guided block substitution for network compression on a
budget", ICLR 2020, arXiv:1906.04113, section 3 and released code. The gradient is that of the mean loss, as in the
code. Training is attention transfer. The winner goes on from the weights with which it was scored. The
teacher is the network whose blocks are swapped.
"""

from dataclasses import dataclass
from itertools import islice
from typing import Annotated

import torch
from annotated_types import Len
from torch import Tensor, nn

from cheapconv.catalog import register
from cheapconv.catalog.numbers import Count, Share
from cheapconv.methods.at import AT
from cheapconv.methods.base import Batch, Build, Context, Cost, Phase, Structure, TrainableNetwork, Trained
from cheapconv.methods.losses import cross_entropy
from cheapconv.methods.parts import size_target
from cheapconv.methods.parts.block_search import NO_BLOCKS, POOL, STANDARD, candidates, check_pool, options
from cheapconv.methods.parts.precision import wide
from cheapconv.methods.parts.restructured import Restructured
from cheapconv.methods.parts.size_target import SizeTarget


def fisher(activation: Tensor, gradient: Tensor) -> Tensor:
    """sum_c 1 / (2 B) sum_b (sum_hw a g)^2 of an activation (B, C, H, W) and its gradient (0-d)."""
    per_channel = (wide(activation) * wide(gradient)).sum(dim=(2, 3))  # (B, C)
    return per_channel.square().sum() / (2 * len(activation))


def residual_branches(network: nn.Module) -> list[nn.Module]:
    """The branches of the residual blocks of this suite; ValueError if there are none."""
    paths = [getattr(block, "path", None) for block in network.modules()]
    branches = [path for path in paths if isinstance(path, nn.Module)]
    if not branches:
        raise ValueError("the Fisher potential is that of residual branches, and this network has none")
    return branches


def fisher_potential(network: nn.Module, x: Tensor, y: Tensor) -> float:
    """Sum of `fisher` over the outputs of all residual branches, of a network in train mode. ValueError if none."""
    outputs: list[Tensor] = []
    branches = residual_branches(network)
    handles = [branch.register_forward_hook(lambda _, __, output: outputs.append(output)) for branch in branches]
    with torch.enable_grad():
        loss = cross_entropy(network(x), y)
        gradients = torch.autograd.grad(loss, outputs)
    for handle in handles:
        handle.remove()
    return float(torch.stack([fisher(a.detach(), g) for a, g in zip(outputs, gradients, strict=True)]).sum())


@register("method", "blockswap_at", paper="Turner et al. 2020, arXiv:1906.04113")
class BlockSwapAT(Restructured, AT):
    """Searches a conv for each block by Fisher potential, then attention transfer."""

    @dataclass(frozen=True, kw_only=True)
    class Config(AT.Config, SizeTarget):
        """L as in `at`. Of `candidates` networks drawn from `pool` with a cost within `tolerance` of the budget, the
        one with the greatest sum_l sum_c 1/(2B) sum_b (sum_hw a g)^2 on one batch of at most `images`; 1000, 2.5 % of
        the parameters, and 128 are the paper's. Its budgets are 150K to 800K of the 2.24M parameters of WRN-40-2."""

        cost: Cost = "params"
        candidates: Count = 1000
        tolerance: Share = 0.025
        images: Count = 128
        pool: Annotated[tuple[str, ...], Len(1)] = POOL

    def __init__(self, build: Build, config: Config) -> None:
        super().__init__(build, config)
        self._build = build
        whole = build.cost(config.cost, conv=STANDARD)
        if build.cost(config.cost) != whole:
            raise ValueError(f"{self.registered_name} chooses the convs itself: give the entry `conv: {STANDARD}`")
        size_target.number(config, build, whole)  # refuses a budget that is none, before training

    def foresee(self) -> None:
        """Refuse a network without blocks of its own, and a budget that nothing of the pool meets."""
        residual_branches(self.student)
        if self._build.blocks() == 0:
            raise ValueError(NO_BLOCKS)
        c, whole = self.config, self._build.cost(self.config.cost, conv=STANDARD)
        limit = size_target.number(c, self._build, whole)
        check_pool(self._build, c.pool, c.cost, whole, limit * (1 + c.tolerance))

    def phases(self) -> list[Phase]:
        """One, which begins with the search."""
        return [Phase(begin=self._search)]

    def networks(self) -> list[Trained]:
        """The student, with the conv that was found for it."""
        return [Trained("student", self.student, conv=self._structure["conv"] if self._structure else None)]

    def restructure(self, structure: Structure) -> None:
        """Build the student with it."""
        self._adopt(structure["conv"], self._build.network(conv=structure["conv"]))

    def choose(self, drawn: list[str], batch: Batch) -> tuple[str, TrainableNetwork]:
        """The candidate to train, and its network."""
        x, y = batch.x[: self.config.images], batch.y[: self.config.images]
        highest, chosen = -1.0, (STANDARD, self.student)
        for conv in drawn:
            network = self._build.network(conv=conv).train()
            score = fisher_potential(network, x, y)
            if score > highest:
                highest, chosen = score, (conv, network)
        return chosen

    def _search(self, context: Context) -> None:
        c = self.config
        whole = self._build.cost(c.cost, conv=STANDARD)
        limit = size_target.number(c, self._build, whole)
        table = options(self._build, c.pool, c.cost)
        drawn = [*dict.fromkeys(islice(candidates(table, whole, limit, c.tolerance), c.candidates))]
        self._adopt(*self.choose(drawn, next(iter(context.batches()))))

    def _adopt(self, conv: str, network: TrainableNetwork) -> None:
        self.student, self._structure = network, {"conv": conv}
