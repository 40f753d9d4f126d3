"""Pruning by a first-order Taylor expansion: channels whose removal should change the loss least are removed.

Molchanov et al., "Importance estimation for neural network pruning", CVPR 2019, arXiv:1906.10771, eq. 8. Deviations:
the scores are summed over groups of channels that hang together; ten batches (our choice) stand for the data.
"""

from dataclasses import dataclass
from itertools import islice

import torch
from torch import Tensor

from cheapconv.baselines.pruning import Pruning, by_channel, normalised
from cheapconv.catalog import register
from cheapconv.catalog.numbers import Count
from cheapconv.methods.base import Context
from cheapconv.methods.losses import cross_entropy
from cheapconv.methods.parts.channels import ChannelGroup


@register("method", "taylor", paper="Molchanov et al. 2019, arXiv:1906.10771")
class Taylor(Pruning):
    """Channels with the smallest product of weights and gradients are removed."""

    @dataclass(frozen=True, kw_only=True)
    class Config(Pruning.Config):
        """I = mean over `batches` of sum over layers of (sum_w g w)^2, g the gradient of the mean cross-entropy."""

        batches: Count = 10

    def prepare(self, context: Context) -> None:
        """The gradients of every weight on each batch; in eval mode, so that the statistics stay as they are."""
        self.student.eval()
        named = [(name, p) for name, p in self.student.named_parameters() if name.endswith("weight")]
        self._gradients: list[dict[str, Tensor]] = []
        with torch.enable_grad():
            for batch in islice(context.batches(), self.config.batches):
                loss = cross_entropy(self.student(batch.x), batch.y)
                gradients = torch.autograd.grad(loss, [p for _, p in named])
                self._gradients.append({n: g for (n, _), g in zip(named, gradients, strict=True)})
        self.student.train()

    def score(self, group: ChannelGroup, context: Context) -> Tensor:
        """The expected change of the loss, over the group's mean."""
        per_batch = [self._change(group, gradients) for gradients in self._gradients]
        return normalised(per_batch)

    def _change(self, group: ChannelGroup, gradients: dict[str, Tensor]) -> Tensor:
        """Sum over the layers of (sum_w g w)^2, (size,)."""
        products = [
            (self.weights(m) * by_channel(gradients[f"{m.layer}.weight"], self.student, m)).sum(dim=1)
            for m in group.members
        ]
        return torch.stack(products).double().square().sum(dim=0)
