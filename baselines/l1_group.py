"""Filter pruning by the L1 norm, over groups of channels that hang together.

Li et al., "Pruning filters for efficient ConvNets", ICLR 2017, arXiv:1608.08710. Deviations: the norms of all layers
that lose a channel count, not of one filter, and the ranking is global (Torch-Pruning's group L1); the paper has a
ratio for each layer and prunes only the first convolution of a residual block.
"""

from torch import Tensor

from cheapconv.baselines.pruning import Pruning, normalised
from cheapconv.catalog import register
from cheapconv.methods.base import Context
from cheapconv.methods.parts.channels import ChannelGroup


@register("method", "l1_group", paper="Li et al. 2017, arXiv:1608.08710")
class L1Group(Pruning):
    """Channels with the smallest absolute weights are removed."""

    def score(self, group: ChannelGroup, context: Context) -> Tensor:
        """Sum of |w| over a channel, mean over the layers of the group, over the group's mean."""
        return normalised([self.weights(member).abs().sum(dim=1) for member in group.members])
