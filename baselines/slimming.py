"""Network slimming: the scales of batch norms are trained towards zero, and channels with the smallest are removed.

Liu et al., "Learning efficient convolutional networks through network slimming", ICCV 2017, arXiv:1708.06519. As there,
|gamma| is ranked over the whole network as it is, and residual networks lose only channels inside of their blocks.
Deviation: gamma starts at 1, as everywhere in this suite.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cheapconv.baselines.pruning import Pruning
from cheapconv.catalog import register
from cheapconv.catalog.numbers import Count, ProperShare, Rate, Weight
from cheapconv.methods.base import Batch, Context
from cheapconv.methods.parts.channels import ChannelGroup


@register("method", "slimming", paper="Liu et al. 2017, arXiv:1708.06519")
class Slimming(Pruning):
    """Channels whose batch norm has been trained to a small scale are removed."""

    sums = False

    @dataclass(frozen=True, kw_only=True)
    class Config(Pruning.Config):
        """L = CE(s, y) + sparsity sum |gamma| in the first phase, of which the subgradient is sparsity sign(gamma), and
        CE alone in the second, which is as long and starts from the full rate. `sparsity`: 1e-4 in the paper's VGG,
        1e-5 in its ResNet and DenseNet."""

        sparsity: Weight = 1e-4
        finetune_share: ProperShare = 0.5
        finetune_lr: Rate | None = None
        rounds: Count = 1

    def losses(self, batch: Batch, update: int = 0) -> dict[str, Tensor]:
        """Cross-entropy and, before the pruning, the sum of the absolute scales."""
        terms = super().losses(batch)
        if self.clock.phase == 0:
            scales = [m.weight.abs().sum() for m in self.student.modules() if isinstance(m, nn.BatchNorm2d)]
            terms["sparsity"] = self.config.sparsity * torch.stack(scales).sum()
        return terms

    def removes(self, group: ChannelGroup) -> bool:
        """Channels that a batch norm scales."""
        return any(member.side == "norm" for member in group.members)

    def score(self, group: ChannelGroup, context: Context) -> Tensor:
        """|gamma|, mean over the batch norms of the group."""
        scales = [self.weights(member)[:, 0].abs() for member in group.members if member.side == "norm"]
        return torch.stack(scales).mean(dim=0)
