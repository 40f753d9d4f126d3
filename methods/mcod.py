"""Networks of different structure that learn from their ensemble in some epochs, more often and more firmly in time.

mcod (interpretation). Gao, Lan, Mi, Feng, Xu, Peng, "Multistructure-based collaborative online distillation", Entropy
2019, 21(4):357, doi:10.3390/e21040357. Known of it are the ensemble of different structures as the teacher, the
discontinuous distillation with progressively enhanced constraints, and four gains. The equations, intervals and weights
below are our own; temperature, reduction and detaching are those of ONE (arXiv:1806.04606), by one of its authors. No
number made with this file is a reproduction.
"""

import math
from dataclasses import dataclass
from typing import Annotated, Literal

import torch
from annotated_types import Len
from torch import Tensor, nn

from cheapconv.catalog import register
from cheapconv.catalog.numbers import Temperature, Weight
from cheapconv.methods.base import Batch, Build, Method, ParamGroup, Trained
from cheapconv.methods.losses import cross_entropy, kl
from cheapconv.methods.one import Gate, gated
from cheapconv.methods.parts.partners import Members, Partners
from cheapconv.methods.parts.precision import wide

STAGES = 4


class Ensemble(nn.Module):
    """The members and their combination as one network from image to logits."""

    def __init__(self, members: Members, kind: str, temperature: float) -> None:
        super().__init__()
        self.members = members
        self._kind, self._temperature = kind, temperature
        widths = [network.channels[-1] for network in members.networks]
        self.gate = Gate(sum(widths), len(widths)) if kind == "gated" else None

    def predict(self, x: Tensor) -> tuple[list[Tensor], Tensor]:
        """Logits (B, C) of every member, and of the ensemble."""
        maps = self.members.stages(x)
        logits = self.members.heads(maps)
        if self.gate is not None:
            pooled = torch.cat([own[-1].mean(dim=(2, 3)) for own in maps], dim=1)  # (B, sum of widths)
            return logits, gated(logits, self.gate(pooled))
        if self._kind == "mean_probs":
            return logits, mean_probabilities(torch.stack(logits), self._temperature)
        return logits, torch.stack(logits).mean(dim=0)

    def forward(self, x: Tensor) -> Tensor:
        """Logits of the ensemble."""
        return self.predict(x)[1]


def mean_probabilities(logits: Tensor, temperature: float) -> Tensor:
    """Logits (B, C) whose softmax at `temperature` is the mean of those of (m, B, C)."""
    log_p = (wide(logits) / temperature).log_softmax(dim=2)
    return temperature * (log_p.logsumexp(dim=0) - math.log(len(logits)))


def stage_of(epoch: Tensor, epochs: int) -> Tensor:
    """Which of four equal stages, 0 to 3, an epoch (0-d, from 0) belongs to; the last epoch is always in the last."""
    return torch.ceil(STAGES * (epoch + 1) / epochs) - 1


@register("method", "mcod", paper="Gao et al. 2019, doi:10.3390/e21040357 (interpretation)")
class MCOD(Method):
    """Different networks that learn from their ensemble discontinuously (interpretation)."""

    soft_labels = True

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """L = sum_i CE(z_i, y) [+ CE(z_e, y) if gated] + active lambda T^2 sum_i KL(p_e^T || p_i^T), p_e detached.

        The members are the cell's network and the `partners`. In stage q = 0..3 of the run lambda is (q + 1) / 4, and
        of 4 - q epochs (or steps, by `unit`) the last is active: 155 of 300 epochs. `schedule`: `both`, or as ablations
        `fixed` (always, lambda 1), `discontinuous_only` (lambda 1), `progressive_only` (always). `ensemble`: mean of
        the logits, of the probabilities, or weighed by a gate as in ONE. `weight_decays`: one a member, the cell's
        first; none means the recipe's.
        """

        partners: Annotated[Partners, Len(1)] = ({"architecture": "resnet(depth=20)"},)
        ensemble: Literal["mean_logits", "mean_probs", "gated"] = "mean_logits"
        schedule: Literal["both", "fixed", "discontinuous_only", "progressive_only"] = "both"
        unit: Literal["epoch", "iteration"] = "epoch"
        temperature: Temperature = 3.0
        weight_decays: tuple[Weight, ...] = ()

        def __post_init__(self) -> None:
            members = 1 + len(self.partners)
            if len(self.weight_decays) not in (0, members):
                raise ValueError(f"weight_decays has {len(self.weight_decays)} numbers for {members} members")

    steps: Tensor  # 0-d

    def __init__(self, build: Build, config: Config) -> None:
        super().__init__(build, config)
        members = Members(build, 1, config.partners)
        self.ensemble = Ensemble(members, config.ensemble, config.temperature)
        self.register_buffer("steps", torch.zeros(()))  # finished ones, for `unit: iteration`
        self._epochs = build.epochs

    def losses(self, batch: Batch, update: int = 0) -> dict[str, Tensor]:
        """Cross-entropy of the members and, where it is active, distillation from their ensemble."""
        c = self.config
        logits, ensemble = self.ensemble.predict(batch.x)
        kd = torch.stack([kl(z, ensemble.detach(), c.temperature) for z in logits]).sum()
        terms = {
            "ce": torch.stack([cross_entropy(z, batch.y) for z in logits]).sum(),
            "kd": self._weight() * c.temperature**2 * kd,
        }
        if c.ensemble == "gated":
            terms["ensemble_ce"] = cross_entropy(ensemble, batch.y)
        return terms

    def networks(self) -> list[Trained]:
        """The cell's network counts; the partners, each a student of its own, and the ensemble are shown apart."""
        ensemble = Trained("ensemble", self.ensemble, "ensemble", headline=False)
        return [*self.ensemble.members.trained(), ensemble]

    def param_groups(self) -> list[ParamGroup]:
        """A group a member with its weight decay, and the gate's."""
        if not self.config.weight_decays:
            return super().param_groups()
        members = zip(self.ensemble.members.networks, self.config.weight_decays, strict=True)
        groups: list[ParamGroup] = [{"params": [*n.parameters()], "weight_decay": decay} for n, decay in members]
        gate = self.ensemble.gate
        return groups if gate is None else [*groups, {"params": [*gate.parameters()]}]

    def after_update(self) -> None:
        """Count the step."""
        self.steps.add_(1)

    def _weight(self) -> Tensor:
        """lambda where distillation is active, else 0 (0-d)."""
        schedule, epoch = self.config.schedule, self.clock.epoch.floor()
        stage = stage_of(epoch, self._epochs)
        turn = epoch if self.config.unit == "epoch" else self.steps
        always, firm = schedule in ("fixed", "progressive_only"), schedule in ("fixed", "discontinuous_only")
        active = torch.ones_like(stage) if always else ((turn + 1) % (STAGES - stage) == 0).to(stage.dtype)
        return active if firm else active * (stage + 1) / STAGES
