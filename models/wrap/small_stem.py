"""The stem for small images: a 3x3 convolution of stride 1 instead of a strided one, and no max-pooling after it.

He et al., "Deep Residual Learning for Image Recognition", CVPR 2016, section 4.2: what makes an ImageNet network a
CIFAR one. Its new weights are drawn by He's fan-out rule.
"""

from collections.abc import Collection

from torch import nn

from cheapconv.models.parts.initialise import he_fan_out
from cheapconv.models.parts.layers import convolution


def shrink_stem(network: nn.Module, stem: Collection[str]) -> None:
    """Replace, in place, the convolution that `stem` names, and the max-pooling between it and the next convolution.

    Raises ValueError for a stem of several convolutions, and for one that has no stride.
    """
    (name, *others) = stem
    first = network.get_submodule(name)
    if others or type(first) is not nn.Conv2d:
        raise ValueError("cifar_stem knows stems of one plain convolution only")
    if max(first.stride) == 1:
        raise ValueError("cifar_stem has nothing to do, the stem has stride 1 already")
    small = convolution(first.in_channels, first.out_channels, kernel_size=3)
    he_fan_out(small.weight)
    names = [name for name, module in network.named_modules() if isinstance(module, nn.Conv2d | nn.MaxPool2d)]
    following = names[names.index(name) + 1]
    network.set_submodule(name, small)
    if isinstance(network.get_submodule(following), nn.MaxPool2d):
        network.set_submodule(following, nn.Identity())
