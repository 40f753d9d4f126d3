"""Decoupled distillation: how sure the teacher is, and how it ranks the wrong classes, as two terms.

Zhao et al., "Decoupled Knowledge Distillation", CVPR 2022, arXiv:2203.08679, eq. 7. Deviation: the released code masks
the labelled class with -1000 and takes the logarithm of a sum of probabilities, which is infinite for confident
logits; here everything stays in log space.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import log_softmax

from cheapconv.catalog import register
from cheapconv.catalog.numbers import Share, Weight
from cheapconv.methods.base import Batch, Build
from cheapconv.methods.kd_ls import standardise
from cheapconv.methods.losses import exact, kl
from cheapconv.methods.parts.offline import Offline, Seen, warm_up


@exact
def target_loss(student: Tensor, teacher: Tensor, labels: Tensor, temperature: float) -> Tensor:
    """T^2 KL of the two-way distributions (labelled class, all others), mean over the batch of logits (B, C)."""
    log_p, log_q = _two_way(teacher / temperature, labels), _two_way(student / temperature, labels)
    return temperature**2 * (log_p.exp() * (log_p - log_q)).sum(dim=1).mean()


@exact
def non_target_loss(student: Tensor, teacher: Tensor, labels: Tensor, temperature: float) -> Tensor:
    """T^2 KL of the distributions over the classes that are not the label, mean over the batch of logits (B, C)."""
    return temperature**2 * kl(_others(student, labels), _others(teacher, labels), temperature)


def _two_way(logits: Tensor, labels: Tensor) -> Tensor:
    """(B, 2): log of the probability of the label and of all other classes together."""
    log_p = log_softmax(logits, dim=1)
    return torch.stack([log_p.gather(1, labels[:, None])[:, 0], _others(log_p, labels).logsumexp(dim=1)], dim=1)


def _others(values: Tensor, labels: Tensor) -> Tensor:
    """(B, C) -> (B, C - 1) without each row's label."""
    columns = torch.arange(values.shape[1] - 1, device=values.device).expand(len(values), -1)
    return values.gather(1, columns + (columns >= labels[:, None]))


@register("method", "dkd", paper="Zhao et al. 2022, arXiv:2203.08679")
class DKD(Offline):
    """The teacher's certainty and its ranking of the wrong classes as separate targets."""

    soft_labels = False  # which class is the target

    @dataclass(frozen=True, kw_only=True)
    class Config(Offline.Config):
        """L = ce_weight CE + weight w (target_weight TCKD + non_target_weight NCKD) [+ kd_weight KD], both with T^2.

        w = min(epoch / 20, 1) in 240 epochs, as a share of the run. The paper's non-target weight depends on the pair
        of networks: 8 for ResNet-32x4 -> ResNet-8x4, 6 for WRN and VGG pairs, 2 for ResNet-56 -> 20 and 110 -> 32.
        `standardise` takes mean and scale out of the logits first (Sun et al. 2024, with weight 9 at temperature 2 for
        ResNet-32x4 -> ResNet-8x4).
        """

        weight: Weight = 1.0
        target_weight: Weight = 1.0
        non_target_weight: Weight = 8.0
        standardise: bool = False
        warm_up: Share = 20 / 240

    def __init__(self, build: Build, config: Config) -> None:
        if build.classes < 3:
            raise ValueError("dkd ranks the wrong classes, and with 2 classes there is only one: use kd")
        super().__init__(build, config)
        self._epochs = build.epochs

    def transfer(self, student: Seen, teacher: Seen, batch: Batch) -> Tensor:
        """The two terms, weighted and warmed up."""
        c = self.config
        ours, theirs = student.logits, teacher.logits
        if c.standardise:
            ours, theirs = standardise(ours), standardise(theirs)
        target = target_loss(ours, theirs, batch.y, temperature=c.temperature)
        non_target = non_target_loss(ours, theirs, batch.y, temperature=c.temperature)
        loss = c.target_weight * target + c.non_target_weight * non_target
        return warm_up(self.clock, self._epochs, c.warm_up) * loss
