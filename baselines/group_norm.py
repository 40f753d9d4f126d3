"""Filter pruning by the L2 norm of groups of channels that hang together: DepGraph without sparse training.

Fang et al., "DepGraph: Towards Any Structural Pruning", CVPR 2023, arXiv:2301.12900, and its code. As there, a layer's
score is the sum of the squares, without a root.
"""

from torch import Tensor

from cheapconv.baselines.pruning import Pruning, normalised
from cheapconv.catalog import register
from cheapconv.methods.base import Context
from cheapconv.methods.parts.channels import ChannelGroup


@register("method", "group_norm", paper="Fang et al. 2023, arXiv:2301.12900")
class GroupNormPruning(Pruning):
    """Channels with the smallest sum of squared weights are removed."""

    def score(self, group: ChannelGroup, context: Context) -> Tensor:
        """Sum of w^2 over a channel, mean over the layers of the group, over the group's mean."""
        return normalised([self.weights(member).square().sum(dim=1) for member in group.members])
