"""KDCL: networks that see different augmentations of the same images and learn from the best of their answers.

Guo, Wang, Wu, Yu, Liang, Hu, Luo, "Online knowledge distillation via collaborative learning", CVPR 2020. The paper's
equations are written from general knowledge of it; temperature 2 is its value for ImageNet. Interpretation: `general`
estimates its covariance on training batches, because a method has no validation images.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from cheapconv.catalog import register
from cheapconv.catalog.numbers import Few, Temperature, Weight
from cheapconv.methods.base import Batch, Build, Context, Method, Trained
from cheapconv.methods.losses import cross_entropy, exact, kl
from cheapconv.methods.parts.partners import Members, Partners
from cheapconv.methods.parts.precision import wide
from cheapconv.methods.parts.siblings import MeanLogits

SEARCH_STEPS = 40  # of `linear`: within 1e-3 of the least loss (0.1 % of one above 1) on random logits, see the tests
COVARIANCE_BATCHES = 10  # of `general`, an epoch
RIDGE = 1e-6  # keeps the covariance of equal networks invertible


def naive_target(logits: Tensor, labels: Tensor) -> Tensor:
    """For every sample the logits of the network with the smallest cross-entropy: (m, B, C) -> (B, C)."""
    log_p = wide(logits).log_softmax(dim=2)
    right = log_p.gather(2, labels.expand(len(logits), -1)[:, :, None]).squeeze(2)  # (m, B)
    best = right.argmax(dim=0)  # (B,)
    return logits[best, torch.arange(len(labels), device=labels.device)]


def minlogit_target(logits: Tensor, labels: Tensor) -> Tensor:
    """For every class the smallest distance to the true class's logit that a network sees: (m, B, C) -> (B, C)."""
    right = logits.gather(2, labels.expand(len(logits), -1)[:, :, None])  # (m, B, 1)
    return (logits - right).amin(dim=0)


@exact
def linear_weights(logits: Tensor, labels: Tensor) -> Tensor:
    """Weights (m,) of the convex combination of the logits (m, B, C) with the smallest mean cross-entropy.

    Exponentiated gradient descent from equal weights; the step doubles when the loss falls and is quartered otherwise.
    """
    target = one_hot(labels, logits.shape[2]).to(logits.dtype)  # (B, C)
    log_weights = torch.full_like(logits[:, 0, 0], 1 / len(logits)).log()  # (m,)
    loss, gradient = _mixture_loss(log_weights, logits, target)
    step = torch.ones_like(loss)
    for _ in range(SEARCH_STEPS):
        tried = (log_weights - step * gradient).log_softmax(dim=0)
        tried_loss, tried_gradient = _mixture_loss(tried, logits, target)
        better = tried_loss <= loss
        log_weights = torch.where(better, tried, log_weights)
        loss, gradient = torch.where(better, tried_loss, loss), torch.where(better, tried_gradient, gradient)
        step = torch.where(better, 2 * step, step / 4)
    return log_weights.exp()


@exact
def general_weights(logits: Tensor, labels: Tensor) -> Tensor:
    """Weights (m,) of sum 1 that make the expected squared error of the mixed probabilities smallest: K^-1 1 / sum.

    K is the (m, m) covariance of the networks' errors p - onehot(y) over samples and classes.
    """
    errors = (logits.softmax(dim=2) - one_hot(labels, logits.shape[2])).flatten(1)  # (m, B C)
    covariance = errors @ errors.T / len(labels)
    ridge = RIDGE * torch.eye(len(logits), dtype=logits.dtype, device=logits.device)
    weights = torch.linalg.solve(covariance + ridge, torch.ones_like(covariance[0]))
    return weights / weights.sum()


@register("method", "kdcl", paper="Guo et al., KDCL, CVPR 2020 (from general knowledge of the paper)")
class KDCL(Method):
    """Networks on different augmentations of the same images, distilled from the best combination of their logits."""

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """L = sum_i [ CE(z_i, y) + kd_weight T^2 KL(p_T^T || p_i^T) ], the target p_T detached.

        `target`: `minlogit` the smallest gap to the true class's logit, class by class; `naive` the network with the
        smallest cross-entropy, sample by sample; `linear` the convex combination with the smallest cross-entropy, batch
        by batch; `general` the combination by the inverse covariance of the errors, from the end of the first epoch on.
        The group is `students` networks of the cell and the `partners`, each on its own view.
        """

        students: Few = 2
        target: Literal["minlogit", "naive", "linear", "general"] = "minlogit"
        temperature: Temperature = 2.0
        kd_weight: Weight = 1.0
        partners: Partners = ()

        def __post_init__(self) -> None:
            networks = self.students + len(self.partners)
            if networks < 2:
                raise ValueError(f"students and partners together must be at least 2, not {networks}")

    weights: Tensor  # one a network, of `general`

    def __init__(self, build: Build, config: Config) -> None:
        super().__init__(build, config)
        self.students = Members(build, config.students, config.partners)
        self.views = len(self.students.networks)
        self.couples_samples = config.target == "linear"
        self.register_buffer("weights", torch.full((self.views,), 1 / self.views))

    def losses(self, batch: Batch, update: int = 0) -> dict[str, Tensor]:
        """Cross-entropy of every network on its own view, and its distillation from the common target."""
        c = self.config
        logits = [network(x) for network, x in zip(self.students.networks, batch.views, strict=True)]
        target = self._target(torch.stack(logits).detach(), batch.y)
        kd = torch.stack([kl(z, target, c.temperature) for z in logits]).sum()
        return {
            "ce": torch.stack([cross_entropy(z, batch.y) for z in logits]).sum(),
            "kd": c.kd_weight * c.temperature**2 * kd,
        }

    def networks(self) -> list[Trained]:
        """Every student counts; partners and the mean of all logits are shown apart."""
        ensemble = Trained("ensemble", MeanLogits(self.students), "ensemble", headline=False)
        return [*self.students.trained(), ensemble]

    @torch.no_grad()
    def end_epoch(self, context: Context) -> None:
        """The weights of `general`, from the errors on some training batches."""
        if self.config.target != "general":
            return
        self.eval()
        batches = [batch for batch, _ in zip(context.batches(), range(COVARIANCE_BATCHES), strict=False)]
        logits = torch.cat([torch.stack(self.students(batch.x)) for batch in batches], dim=1)  # (m, N, C)
        self.weights.copy_(general_weights(logits, torch.cat([batch.y for batch in batches])))
        self.train()

    def _target(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Logits (B, C) to learn from, of all networks' (m, B, C)."""
        if self.config.target == "general":
            return _mix(self.weights, wide(logits))
        if self.config.target == "linear":
            every = self.gather(logits.transpose(0, 1)).transpose(0, 1)
            return _mix(linear_weights(every, self.gather(labels)), wide(logits))
        targets = {"minlogit": minlogit_target, "naive": naive_target}
        return targets[self.config.target](logits, labels)


def _mix(weights: Tensor, logits: Tensor) -> Tensor:
    """Sum over the networks of weight times logits: (m,), (m, B, C) -> (B, C)."""
    return (weights[:, None, None] * logits).sum(dim=0)


def _mixture_loss(log_weights: Tensor, logits: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Mean cross-entropy of the mixed logits, and its gradient (m,) with respect to the weights."""
    log_p = _mix(log_weights.exp(), logits).log_softmax(dim=1)  # (B, C)
    error = (log_p.exp() - target) / len(target)
    return -(target * log_p).sum(dim=1).mean(), (error * logits).sum(dim=(1, 2))
