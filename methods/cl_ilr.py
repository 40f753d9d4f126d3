"""Collaborative learning: heads on shared lower stages, each taught by the mean of the others.

Song, Chai, "Collaborative learning for deep neural networks", NeurIPS 2018, arXiv:1805.11761, with sharing of the
intermediate representation (ILR): where n branches leave a shared map, the gradient that they send back is divided by
n, so that shared stages see gradients of the usual size. The numbers are those of MCL-OKD's code.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from cheapconv.catalog import register
from cheapconv.catalog.numbers import Count, Several, Temperature, Weight
from cheapconv.methods.base import Batch, Build, Method, Trained
from cheapconv.methods.losses import cross_entropy, kl
from cheapconv.methods.parts.branches import split, tree
from cheapconv.methods.parts.ramp import PAPER_SHARE, ramp
from cheapconv.methods.parts.siblings import MeanLogits


@register("method", "cl_ilr", paper="Song and Chai 2018, arXiv:1805.11761")
class CLILR(Method):
    """Heads on shared stages that learn from the mean of the other heads, with divided gradients below."""

    version = 2  # branches of a DenseNet share its transition
    soft_labels = True

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """L = sum_i [ ce_weight CE(z_i, y) + kd_weight w T^2 KL(softmax(mean_{j != i} z_j / T) || p_i^T) ], w = 1.

        `structure`: `split` cuts the heads apart at once, where the last `own_stages` begin; `tree` doubles the
        branches from stage to stage. With `ramped`, w rises over 80 of 300 epochs. OKDDip's code is the split with both
        weights 1, T = 3, ramped, and a target that is not detached.
        """

        heads: Several = 4
        structure: Literal["split", "tree"] = "split"
        own_stages: Count = 1
        temperature: Temperature = 2.0
        ce_weight: Weight = 0.5
        kd_weight: Weight = 0.5
        ramped: bool = False
        detach_target: bool = True

    def __init__(self, build: Build, config: Config) -> None:
        super().__init__(build, config)
        networks = [build.network() for _ in range(config.heads)]
        self.heads = tree(networks) if config.structure == "tree" else split(networks, config.own_stages)

    def losses(self, batch: Batch, update: int = 0) -> dict[str, Tensor]:
        """Cross-entropy of every head, and distillation from the mean of the others."""
        c = self.config
        logits = self.heads.heads(self.heads.stages(batch.x, divide_gradient=True))
        total = torch.stack(logits).sum(dim=0)
        targets = [(total - z) / (len(logits) - 1) for z in logits]
        targets = [t.detach() for t in targets] if c.detach_target else targets
        kd = torch.stack([kl(z, t, c.temperature) for z, t in zip(logits, targets, strict=True)]).sum()
        weight = c.kd_weight * ramp(self.clock.progress, PAPER_SHARE if c.ramped else 0)
        return {
            "ce": c.ce_weight * torch.stack([cross_entropy(z, batch.y) for z in logits]).sum(),
            "kd": weight * c.temperature**2 * kd,
        }

    def networks(self) -> list[Trained]:
        """Every head counts; the mean of all logits is shown apart."""
        students = [Trained(f"head_{i}", network) for i, network in enumerate(self.heads.networks)]
        return [*students, Trained("ensemble", MeanLogits(self.heads), "ensemble", headline=False)]
