"""OKDDip: peers that choose by attention whom to learn from, and a leader that learns from all of them.

Chen, Mei, Wang, Feng, Chen, "Online knowledge distillation with diverse peers", AAAI 2020, arXiv:1912.00350, and
released code. The targets are not detached: distillation is all that trains the attention. Deviation: the code adds
1e-7 to the targets' probabilities, which is left out.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from cheapconv.catalog import register
from cheapconv.catalog.numbers import Count, Several, Share, Temperature
from cheapconv.methods.base import Batch, Build, Method, Trained
from cheapconv.methods.losses import cross_entropy, exact, kl
from cheapconv.methods.parts.branches import split
from cheapconv.methods.parts.ramp import PAPER_SHARE, ramp
from cheapconv.methods.parts.siblings import Siblings


class PeerAttention(nn.Module):
    """How much each peer heeds each, itself included: pooled features (B, m, D) -> (B, m, m), rows of sum 1."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.query = nn.Linear(features, max(1, features // 8), bias=False)
        self.key = nn.Linear(features, max(1, features // 8), bias=False)

    def forward(self, features: Tensor) -> Tensor:
        """softmax over b of W_q h_a . W_k h_b, not divided by a root of the width."""
        return _attention(self.query(features), self.key(features))


@exact
def _attention(query: Tensor, key: Tensor) -> Tensor:
    return (query @ key.transpose(1, 2)).softmax(dim=2)


@exact
def individual_targets(attention: Tensor, logits: Tensor) -> Tensor:
    """t_a = sum_b A_ab z_b: (B, m, m), (B, m, C) -> (B, m, C)."""
    return attention @ logits


class PeerMean(nn.Module):
    """The mean of the peers' logits, without the leader, which is network 0 of the group."""

    def __init__(self, group: Siblings) -> None:
        super().__init__()
        self.group = group

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, C)."""
        return torch.stack(self.group(x)[1:]).mean(dim=0)


@register("method", "okddip", paper="Chen et al. 2020, arXiv:1912.00350")
class OKDDip(Method):
    """Peers with individual targets by attention, and a leader taught by their mean."""

    version = 2  # branches of a DenseNet share its transition, and attention looks before hidden linear layers
    soft_labels = True

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """L = sum_a CE(z_a, y) + CE(z_L, y) + w T^2 [ sum_a KL(t_a^T || p_a^T) + KL(mean_a z_a^T || p_L^T) ].

        t_a = sum_b A_ab z_b over `peers` peers. w rises over `ramp_share` of the run (80 of 300 epochs). `structure`:
        `branch` shares all but the last `own_stages` stages, `network` shares nothing.
        """

        peers: Several = 3
        structure: Literal["branch", "network"] = "branch"
        own_stages: Count = 1
        temperature: Temperature = 3.0
        ramp_share: Share = PAPER_SHARE

    def __init__(self, build: Build, config: Config) -> None:
        super().__init__(build, config)
        networks = [build.network() for _ in range(1 + config.peers)]  # the leader first
        self.group = split(networks, config.own_stages) if config.structure == "branch" else Siblings(networks)
        self.attention = PeerAttention(networks[0].features)

    def losses(self, batch: Batch, update: int = 0) -> dict[str, Tensor]:
        """Cross-entropy of all, distillation among the peers, and from their mean to the leader."""
        c, networks = self.config, self.group.networks
        last = [maps[-1] for maps in self.group.stages(batch.x)]
        vectors = [network.pooled(m) for network, m in zip(networks, last, strict=True)]  # each (B, D)
        logits = [network.classify(network.hidden(v)) for network, v in zip(networks, vectors, strict=True)]
        weight = ramp(self.clock.progress, c.ramp_share) * c.temperature**2
        peer_kd, leader_kd = self._distil(logits, self.attention(torch.stack(vectors[1:], dim=1)))
        return {
            "ce": torch.stack([cross_entropy(z, batch.y) for z in logits]).sum(),
            "peer_kd": weight * peer_kd,
            "leader_kd": weight * leader_kd,
        }

    def networks(self) -> list[Trained]:
        """The leader is deployed; the peers and the mean of their logits (OKDDip-E) are shown apart."""
        leader, *peers = self.group.networks
        others = [Trained(f"peer_{i}", peer, headline=False) for i, peer in enumerate(peers)]
        mean = Trained("ensemble", PeerMean(self.group), "ensemble", headline=False)
        return [Trained("leader", leader), *others, mean]

    def _distil(self, logits: list[Tensor], attention: Tensor) -> tuple[Tensor, Tensor]:
        """KL of the peers from their individual targets, summed, and of the leader from the peers' mean."""
        leader, *peers = logits
        together, temperature = torch.stack(peers, dim=1), self.config.temperature  # (B, m, C)
        targets = individual_targets(attention, together).unbind(dim=1)
        peer_kd = torch.stack([kl(z, t, temperature) for z, t in zip(peers, targets, strict=True)]).sum()
        return peer_kd, kl(leader, together.mean(dim=1), temperature)
