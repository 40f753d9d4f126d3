"""Conv: what stands in for a standard k x k convolution, and how it is wired into a residual block.

A registered conv is a frozen, keyword-only dataclass. It makes operators, modules from (B, ci, H, W) to
(B, co, Ho, Wo) whose inner BN and ReLU are their own, while the norm and activation around them belong to the
architecture. It also says how many operators stand in one residual block and how they are wired.
"""

from abc import ABC, abstractmethod
from typing import ClassVar

from torch import nn

from engine.catalog import canonical


class Conv(ABC):
    """Base of the registered convs.

    `version` is raised when the same parameters begin to mean another operator.
    `is_standard` marks the conv that leaves a network as it is.
    `operators_per_block` is 2, or 1 where one operator replaces both convolutions of a residual block.
    `stride_in_last` puts the stride of a block into its last operator instead of its first.
    """

    version: ClassVar[int] = 1
    is_standard: ClassVar[bool] = False
    operators_per_block: ClassVar[int] = 2
    stride_in_last: ClassVar[bool] = False

    @abstractmethod
    def operator(
        self, in_channels: int, out_channels: int, stride: int = 1, kernel_size: int = 3, dilation: int = 1
    ) -> nn.Module:
        """Module from (B, in_channels, H, W) to (B, out_channels, ceil(H / stride), ceil(W / stride)).

        Raises ValueError, with the rule, for channels or a kernel size that the conv cannot take.
        """

    def inner_channels(self, out_channels: int) -> int:
        """Width between the two operators of a residual block with `out_channels` outputs."""
        return out_channels

    def require_divisible(self, channels: int, divisor: int, what: str = "channels") -> None:
        """ValueError unless `divisor` divides `channels`."""
        if channels % divisor:
            raise ValueError(f"{canonical(self)} needs {what} divisible by {divisor}, got {channels}")
