"""Filter pruning via the geometric median: filters that the others can stand in for are removed.

He et al., "Filter pruning via geometric median for deep convolutional neural networks acceleration", CVPR 2019,
arXiv:1811.00250. Deviations: the paper zeroes filters softly in training, a fixed rate in every layer; here they are
removed once, ranked over groups of channels that hang together. (Torch-Pruning squares the weights before it takes the
distances; here they are as in the paper.)
"""

import torch
from torch import Tensor

from cheapconv.baselines.pruning import Pruning, normalised
from cheapconv.catalog import register
from cheapconv.methods.base import Context
from cheapconv.methods.parts.channels import ChannelGroup


@register("method", "fpgm", paper="He et al. 2019, arXiv:1811.00250")
class FPGM(Pruning):
    """Filters nearest to all other filters of their layer are removed."""

    def score(self, group: ChannelGroup, context: Context) -> Tensor:
        """Sum of the Euclidean distances to all filters of the layer, mean over the layers, over the group's mean."""
        filters = [self.weights(member).double() for member in group.members if member.side == "out"]
        return normalised([torch.cdist(rows, rows).sum(dim=1) for rows in filters])
