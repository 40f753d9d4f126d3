"""Feature fusion learning: branches and a classifier on their fused last maps, which teach each other.

Kim, Hyun, Chung, Kwak, "Feature fusion for online mutual knowledge distillation", ICPR 2020, arXiv:1904.09058, and
released code (two branches on a shared trunk). The mean of the branches teaches the fused classifier, which teaches the
branches. The comparable single network is one branch (FFL-S), and the mean over the branches is the headline; the fused
classifier (FFL) keeps all branches and is shown as the ensemble.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cheapconv.catalog import register
from cheapconv.catalog.numbers import Count, Several, Share, Temperature
from cheapconv.methods.base import Batch, Build, Method, ParamGroup, Trained
from cheapconv.methods.losses import cross_entropy, kl
from cheapconv.methods.parts.branches import Branches, split
from cheapconv.methods.parts.ramp import PAPER_SHARE, ramp

FUSION_WEIGHT_DECAY = 1e-5  # released code


class Fusion(nn.Module):
    """Classifier on m concatenated maps (B, D, H, W): depthwise 3x3, BN, ReLU, 1x1 to D, BN, ReLU, pooling, linear.

    Convolutions start as in the released code, N(0, sqrt(2 / n)) with n = k k out_channels, groups or not.
    """

    def __init__(self, members: int, channels: int, classes: int) -> None:
        super().__init__()
        together = members * channels
        self.fuse = nn.Sequential(
            nn.Conv2d(together, together, 3, padding=1, groups=together, bias=False),
            nn.BatchNorm2d(together),
            nn.ReLU(),
            nn.Conv2d(together, channels, 1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
        )
        for layer in self.fuse:
            if isinstance(layer, nn.Conv2d):
                n = math.prod(layer.kernel_size) * layer.out_channels
                nn.init.normal_(layer.weight, std=math.sqrt(2 / n))
        self.classifier = nn.Linear(channels, classes)

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """Logits (B, classes)."""
        return self.classifier(self.fuse(torch.cat([*maps], dim=1)).mean(dim=(2, 3)))


class FusedBranches(nn.Module):
    """All branches and the fusion module as one network from image to logits."""

    def __init__(self, branches: Branches, fusion: Fusion) -> None:
        super().__init__()
        self.branches = branches
        self.fusion = fusion

    def predict(self, x: Tensor) -> tuple[list[Tensor], Tensor]:
        """Logits (B, C) of every branch, and of the fused classifier."""
        maps = self.branches.stages(x)
        return self.branches.heads(maps), self.fusion([own[-1] for own in maps])

    def forward(self, x: Tensor) -> Tensor:
        """Logits of the fused classifier."""
        return self.predict(x)[1]


@register("method", "ffl", paper="Kim et al. 2020, arXiv:1904.09058")
class FFL(Method):
    """Branches and a fused classifier that distil into each other."""

    version = 2  # the fusion starts as in the released code, and branches of a DenseNet share its transition
    soft_labels = True

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """L = sum_i CE(z_i, y) + CE(z_f, y) + w T^2 [ sum_i KL(p_f^T || p_i^T) + KL(p_m^T || p_f^T) ].

        z_f is the fused classifier, z_m the mean of the branches; all targets are detached. w rises over `ramp_share`
        of the run (80 of 300 epochs). The fusion module has a weight decay of its own, 1e-5.
        """

        branches: Several = 2
        temperature: Temperature = 3.0
        ramp_share: Share = PAPER_SHARE
        own_stages: Count = 1

    def __init__(self, build: Build, config: Config) -> None:
        super().__init__(build, config)
        branches = split([build.network() for _ in range(config.branches)], config.own_stages)
        fusion = Fusion(config.branches, branches.networks[0].channels[-1], build.classes)
        self.fused = FusedBranches(branches, fusion)

    def losses(self, batch: Batch, update: int = 0) -> dict[str, Tensor]:
        """Cross-entropy of all, distillation to the branches and to the fused classifier."""
        c = self.config
        logits, fused = self.fused.predict(batch.x)
        mean = torch.stack(logits).mean(dim=0)
        weight = ramp(self.clock.progress, c.ramp_share) * c.temperature**2
        return {
            "ce": torch.stack([cross_entropy(z, batch.y) for z in logits]).sum(),
            "fusion_ce": cross_entropy(fused, batch.y),
            "kd": weight * torch.stack([kl(z, fused.detach(), c.temperature) for z in logits]).sum(),
            "fusion_kd": weight * kl(fused, mean.detach(), c.temperature),
        }

    def networks(self) -> list[Trained]:
        """Every branch counts (FFL-S); the fused classifier (FFL) is shown apart."""
        branches = [Trained(f"branch_{i}", network) for i, network in enumerate(self.fused.branches.networks)]
        return [*branches, Trained("ensemble", self.fused, "ensemble", headline=False)]

    def param_groups(self) -> list[ParamGroup]:
        """The branches as the recipe says, the fusion module with its own weight decay."""
        return [
            {"params": [*self.fused.branches.parameters()]},
            {"params": [*self.fused.fusion.parameters()], "weight_decay": FUSION_WEIGHT_DECAY},
        ]
