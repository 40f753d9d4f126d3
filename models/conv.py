"""Conv: what stands in for a standard k x k convolution, and how it is wired into a residual block.

A registered conv is a frozen, keyword-only dataclass. It makes operators, modules from (B, ci, H, W) to
(B, co, Ho, Wo) whose inner BN and ReLU are their own, while the norm and activation around them belong to the
architecture. It also says how many operators stand in one residual block and how they are wired.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import ClassVar, Literal

from torch import nn

from cheapconv.catalog import canonical
from cheapconv.models.meta import on_meta


class Conv(ABC):
    """Base of the registered convs.

    `version` is raised when the same parameters begin to mean another operator.
    `is_standard` marks the conv that leaves a network as it is.
    `kernel_sizes` are the convolutions that it stands in for in a library's network: k x k for every k in it.
    `operators_per_block` is 2, or 1 where one operator replaces both convolutions of a residual block.
    `stride_in_last` puts the stride of a block into its last operator instead of its first.
    `weight_decay_scale` says how the weight decay of the operator's structured parameters is scaled where a recipe
    asks for it: 1, or by the compression ratio of the network (models/structured.py).
    """

    registered_name: ClassVar[str]
    version: ClassVar[int] = 1
    is_standard: ClassVar[bool] = False
    kernel_sizes: ClassVar[range] = range(2, 1000)
    operators_per_block: ClassVar[int] = 2
    stride_in_last: ClassVar[bool] = False
    weight_decay_scale: ClassVar[Literal[1, "compression"]] = 1

    @abstractmethod
    def operator(
        self, in_channels: int, out_channels: int, stride: int = 1, kernel_size: int = 3, dilation: int = 1
    ) -> nn.Module:
        """Module from (B, in_channels, H, W) to (B, out_channels, ceil(H / stride), ceil(W / stride)).

        Raises ValueError, with the rule, for channels or a kernel size that the conv cannot take.
        """

    def files(self) -> Mapping[str, Path]:
        """The files that an operator is read from, by parameter."""
        return {}

    def contents(self, hashed: Callable[[Path], str]) -> Mapping[str, str]:
        """What a cell's key has in the place of the parameters that name files: what these hold."""
        return {name: hashed(path) for name, path in self.files().items()}

    def params(self, in_channels: int, out_channels: int, kernel_size: int = 3) -> int:
        """Trainable parameters of an operator, counted. A conv that gives it in closed form derives it a second time,
        which a test holds against the count; the suite itself counts."""
        from cheapconv.models.size import count_params

        with on_meta():
            return count_params(self.operator(in_channels, out_channels, kernel_size=kernel_size))

    def macs(self, in_channels: int, out_channels: int, height: int, stride: int, kernel_size: int = 3) -> int:
        """Multiply-adds that an operator executes on one square map of side `height`; as `params`."""
        from cheapconv.models.size import count_macs

        with on_meta():
            operator = self.operator(in_channels, out_channels, stride, kernel_size)
        return count_macs(operator, (in_channels, height, height))

    def at_block(self, index: int, count: int) -> "Conv":
        """The conv of residual block `index` (from 0) in a network of `count` replaceable blocks.

        Raises ValueError, with the rule, if the conv is made for another number of blocks.
        """
        return self

    def inner_channels(self, out_channels: int) -> int:
        """Width between the two operators of a residual block with `out_channels` outputs."""
        return out_channels

    def require_kernel(self, kernel_size: int) -> None:
        """ValueError unless the conv stands in for convolutions of this size."""
        if kernel_size not in self.kernel_sizes:
            known = " and ".join(f"{k}x{k}" for k in self.kernel_sizes[:2])
            raise ValueError(
                f"{canonical(self)} stands in for {known} convolutions, and not for {kernel_size}x{kernel_size}"
            )

    def require_divisible(self, channels: int, divisor: int, what: str = "channels") -> None:
        """ValueError unless `divisor` divides `channels`."""
        if channels % divisor:
            raise ValueError(f"{canonical(self)} needs {what} divisible by {divisor}, got {channels}")


def output_side(height: int, stride: int) -> int:
    """Ho = ceil(height / stride), the side of an operator's output."""
    return -(-height // stride)


def positions(height: int, stride: int) -> int:
    """Ho^2, the output positions of an operator on a square map of side `height`."""
    return output_side(height, stride) ** 2
