"""The map before the ReLU that ends or follows a stage, for losses that compare maps with their negative values.

A stage that ends in one is a ReLU, an nn.Sequential whose last module is such a stage, or an `EndsInReLU`.
"""

from abc import abstractmethod

from torch import Tensor, nn
from torch.nn import functional

from cheapconv.models.parts import synced_norm


class EndsInReLU(nn.Module):
    """Base of blocks y = ReLU(before_relu(x)) whose last step is not a module of its own."""

    @abstractmethod
    def before_relu(self, x: Tensor) -> Tensor:
        """The block's output without its last ReLU, in a tensor of its own."""

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(self.before_relu(x))


def before_relu(module: nn.Module, x: Tensor) -> Tensor:
    """Output of `module` without the ReLU that ends it, so that relu(before_relu(module, x)) is module(x)."""
    if isinstance(module, nn.ReLU):
        return x
    if isinstance(module, nn.Sequential):
        *earlier, last = module
        for layer in earlier:
            x = layer(x)
        return before_relu(last, x)
    assert isinstance(module, EndsInReLU), f"{type(module).__name__} does not end in a ReLU"
    return module.before_relu(x)


def normalised(norm: nn.Module, x: Tensor) -> Tensor:
    """What the BN `norm` makes of x (B, C, H, W), without a second move of its running statistics in training."""
    assert isinstance(norm, nn.BatchNorm2d), f"{type(norm).__name__} is no BN"
    if not norm.training:
        return norm(x)
    if type(norm) is synced_norm.SyncedBatchNorm2d:
        return synced_norm.normalised(norm, x, moving=False)
    return functional.batch_norm(x, None, None, norm.weight, norm.bias, training=True, eps=norm.eps)
