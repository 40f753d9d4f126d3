"""ONE: branches on a shared trunk, taught by an ensemble of themselves that a gate weighs image by image.

Lan, Zhu, Gong, "Knowledge distillation by on-the-fly native ensemble", NeurIPS 2018, arXiv:1806.04606, eq. 4 to 8 and
released code (three branches). Deployed is the trunk with the first branch. Deviation: the code adds 1e-7 to the
target's probabilities, which is left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cheapconv.catalog import register
from cheapconv.catalog.numbers import Count, Several, Share, Temperature
from cheapconv.methods.base import Batch, Build, Method, Trained
from cheapconv.methods.losses import cross_entropy, kl
from cheapconv.methods.parts.branches import Branches, split
from cheapconv.methods.parts.map_gradients import keep_layout
from cheapconv.methods.parts.precision import wide
from cheapconv.methods.parts.ramp import PAPER_SHARE, ramp


class Gate(nn.Module):
    """Weights of the members of an ensemble: pooled features (B, D) -> (B, m) of sum 1, softmax(ReLU(BN(linear)))."""

    def __init__(self, features: int, members: int) -> None:
        super().__init__()
        self.linear = nn.Linear(features, members)
        self.norm = nn.BatchNorm1d(members)

    def forward(self, features: Tensor) -> Tensor:
        """Weights (B, m)."""
        return wide(self.norm(self.linear(features)).relu()).softmax(dim=1)


def gated(logits: Sequence[Tensor], gate: Tensor) -> Tensor:
    """Sum over the members of gate (B, m) times logits: m of (B, C) -> (B, C)."""
    return (gate[:, :, None] * torch.stack([*logits], dim=1)).sum(dim=1)


class GatedEnsemble(nn.Module):
    """All branches and the gate as one network from image to logits."""

    def __init__(self, branches: Branches, gate: Gate) -> None:
        super().__init__()
        self.branches = branches
        self.gate = gate

    def predict(self, x: Tensor) -> tuple[list[Tensor], Tensor]:
        """Logits (B, C) of every branch, and of the ensemble."""
        trunk, maps = self.branches.trunk_and_stages(x)  # (B, D, H, W), and every branch's maps
        logits = self.branches.heads(maps)
        return logits, gated(logits, self.gate(keep_layout(trunk).mean(dim=(2, 3))))

    def forward(self, x: Tensor) -> Tensor:
        """Logits of the ensemble."""
        return self.predict(x)[1]


@register("method", "one", paper="Lan et al. 2018, arXiv:1806.04606")
class ONE(Method):
    """Branches on a shared trunk that learn from their gated ensemble."""

    version = 2  # branches of a DenseNet share its transition, and a VGG's gate looks behind its pooling
    soft_labels = True

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """L = sum_i CE(z_i, y) + CE(z_e, y) + w T^2 sum_i KL(p_e^T || p_i^T), z_e = sum_i g_i z_i, p_e detached.

        w rises over `ramp_share` of the run (80 of 300 epochs). Each branch owns the last `own_stages` stages and its
        head. OKDDip's code has four branches and does not detach; MCL-OKD has four and no ramp (`ramp_share: 0`).
        """

        branches: Several = 3
        temperature: Temperature = 3.0
        ramp_share: Share = PAPER_SHARE
        own_stages: Count = 1
        detach_target: bool = True

    def __init__(self, build: Build, config: Config) -> None:
        super().__init__(build, config)
        branches = split([build.network() for _ in range(config.branches)], config.own_stages)
        self.ensemble = GatedEnsemble(branches, Gate(branches.trunk_channels, config.branches))

    def losses(self, batch: Batch, update: int = 0) -> dict[str, Tensor]:
        """Cross-entropy of branches and ensemble, and distillation from the ensemble to every branch."""
        c = self.config
        logits, ensemble = self.ensemble.predict(batch.x)
        target = ensemble.detach() if c.detach_target else ensemble
        kd = torch.stack([kl(z, target, c.temperature) for z in logits]).sum()
        return {
            "ce": torch.stack([cross_entropy(z, batch.y) for z in logits]).sum(),
            "ensemble_ce": cross_entropy(ensemble, batch.y),
            "kd": ramp(self.clock.progress, c.ramp_share) * c.temperature**2 * kd,
        }

    def networks(self) -> list[Trained]:
        """The first branch is deployed; the others, and the ensemble with its gate (ONE-E), are shown apart."""
        branches = self.ensemble.branches.networks
        students = [Trained(f"branch_{i}", network, headline=i == 0) for i, network in enumerate(branches)]
        return [*students, Trained("ensemble", self.ensemble, "ensemble", headline=False)]
