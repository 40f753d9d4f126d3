"""Deep mutual learning: networks that start from nothing and learn from the labels and from each other's outputs.

Zhang, Xiang, Hospedales, Lu, "Deep Mutual Learning", CVPR 2018, arXiv:1706.00384, eq. 6 and algorithm 1. The paper
updates the networks in turn, each against the newest predictions of the others; the form in which all of them are
updated at once is the default, because it needs no further passes. Deviation: passes that only give targets leave the
running statistics of BN alone.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.func import functional_call

from cheapconv.catalog import register
from cheapconv.catalog.numbers import Few, Temperature
from cheapconv.methods.base import Batch, Build, Method, Trained
from cheapconv.methods.losses import cross_entropy, kl
from cheapconv.methods.parts.partners import Members, Partners
from cheapconv.methods.parts.siblings import MeanLogits


@torch.no_grad()
def predict(network: nn.Module, x: Tensor) -> Tensor:
    """Logits as in training, without gradient, from copies of the buffers: running statistics stay as they are."""
    buffers = {name: buffer.clone() for name, buffer in network.named_buffers()}
    return functional_call(network, buffers, (x,))


@register("method", "dml", paper="Zhang et al. 2018, arXiv:1706.00384")
class DML(Method):
    """Networks that learn together, each from the labels and from the outputs of all others."""

    soft_labels = True

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """L_k = CE(z_k, y) + 1 / (K - 1) sum_{j != k} T^2 KL(p_j^T || p_k^T), the targets p_j detached; T = 1.

        K counts `peers` networks of the cell and the `partners`. `update`: `simultaneous` minimises the sum of all L_k
        at once; `sequential` takes a step on L_1, then on L_2 against the new first network, ..., as in the paper, for
        K (K - 1) more forward passes a batch.
        """

        peers: Few = 2
        temperature: Temperature = 1.0
        update: Literal["simultaneous", "sequential"] = "simultaneous"
        partners: Partners = ()

        def __post_init__(self) -> None:
            networks = self.peers + len(self.partners)
            if networks < 2:
                raise ValueError(f"peers and partners together must be at least 2, not {networks}")

    def __init__(self, build: Build, config: Config) -> None:
        super().__init__(build, config)
        self.peers = Members(build, config.peers, config.partners)
        self.updates_per_batch = len(self.peers.networks) if config.update == "sequential" else 1

    def losses(self, batch: Batch, update: int = 0) -> dict[str, Tensor]:
        """Cross-entropy and mimicry, of all networks or of the one whose turn it is."""
        networks = self.peers.networks
        if self.config.update == "sequential":
            logits = [n(batch.x) if i == update else predict(n, batch.x) for i, n in enumerate(networks)]
            learners = [update]
        else:
            logits = self.peers(batch.x)
            learners = [*range(len(networks))]
        temperature, mimicry = self.config.temperature, []  # T^2 KL from every other network, averaged over them
        for k in learners:
            others = [z.detach() for i, z in enumerate(logits) if i != k]
            mimicry.append(temperature**2 * torch.stack([kl(logits[k], z, temperature) for z in others]).mean())
        return {
            "ce": torch.stack([cross_entropy(logits[k], batch.y) for k in learners]).sum(),
            "kd": torch.stack(mimicry).sum(),
        }

    def networks(self) -> list[Trained]:
        """Every peer counts; partners and the mean of all logits are shown apart."""
        ensemble = Trained("ensemble", MeanLogits(self.peers), "ensemble", headline=False)
        return [*self.peers.trained(), ensemble]
