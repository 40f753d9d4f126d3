"""RebuiltConv: a convolution whose dense weight is computed from fewer numbers whenever it runs.

What is executed on an image is the dense convolution, and that is what its MACs are; rebuilding the weight does not
depend on the images and can be done once, which `materialise` does.
"""

from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn
from torch.nn import functional

from cheapconv.models.parts.layers import require_odd


@runtime_checkable
class Materialised(Protocol):
    """A layer with another form in use than in training."""

    def materialised(self) -> nn.Module:
        """That form, with the numbers of now."""
        ...


class RebuiltConv(nn.Module):
    """Convolution that keeps the size, with the weight `source()` of shape (co, ci / groups, k, k), k odd."""

    def __init__(
        self,
        source: nn.Module,
        shape: tuple[int, int, int, int],
        stride: int = 1,
        dilation: int = 1,
        groups: int = 1,
        bias: Tensor | None = None,
    ) -> None:
        super().__init__()
        require_odd(shape[-1])
        self.source = source
        self.bias = None if bias is None else nn.Parameter(bias.detach().clone())
        self.shape, self.stride, self.dilation, self.groups = shape, stride, dilation, groups
        self.padding = dilation * (shape[-1] - 1) // 2

    def weight(self) -> Tensor:
        """The dense weight, (co, ci / groups, k, k)."""
        return self.source().reshape(self.shape)

    def forward(self, x: Tensor) -> Tensor:
        return functional.conv2d(x, self.weight(), self.bias, self.stride, self.padding, self.dilation, self.groups)

    def materialised(self) -> nn.Conv2d:
        """An ordinary convolution with the weight of now."""
        out_channels, per_group, kernel_size, _ = self.shape
        weight = self.weight().detach()
        conv = nn.Conv2d(
            per_group * self.groups,
            out_channels,
            kernel_size,
            self.stride,
            self.padding,
            self.dilation,
            self.groups,
            bias=self.bias is not None,
            device="meta",
        )
        conv.weight = nn.Parameter(weight)
        if self.bias is not None:
            conv.bias = nn.Parameter(self.bias.detach())
        return conv

    def extra_repr(self) -> str:
        return f"{self.shape}, stride={self.stride}, dilation={self.dilation}, groups={self.groups}"


@torch.no_grad()
def materialise(network: nn.Module) -> nn.Module:
    """`network`, in place, with every layer that is another one in use turned into it (`materialised`): a rebuilt
    convolution, say, into the ordinary one that it computes."""
    if isinstance(network, Materialised):
        return network.materialised()
    for module in list(network.modules()):
        for name, child in module.named_children():
            if isinstance(child, Materialised):
                setattr(module, name, child.materialised())
    return network
