"""Operators that stand alone: in plain networks, dense layers and bottlenecks, where no second operator follows.

A residual block of two operators may be wired differently by its conv (models/parts/residual.py): wider inside, or
with its stride at the end. Where every convolution is replaced by itself only the operator is left. With a bias and no
BN, as in AlexNet, the bias stays; where BN follows, which makes it redundant, it stays in single convolutions only.
"""

from collections.abc import Iterator

import torch
from torch import nn

from cheapconv.catalog import canonical
from cheapconv.models.conv import Conv
from cheapconv.models.parts.layers import Bias, norm_relu


def single_operator(
    conv: Conv, in_channels: int, out_channels: int, stride: int = 1, kernel_size: int = 3, dilation: int = 1
) -> nn.Module:
    """The conv's operator; ValueError if the conv is about the width between two operators, which do not exist here."""
    if conv.inner_channels(out_channels) != out_channels:
        raise ValueError(
            f"{canonical(conv)} widens the inside of a residual block of two operators, "
            "and this network replaces its convolutions one by one"
        )
    return conv.operator(in_channels, out_channels, stride=stride, kernel_size=kernel_size, dilation=dilation)


def convs_one_by_one(conv: Conv, count: int) -> Iterator[Conv]:
    """The conv of each of `count` replaceable convolutions, in their order."""
    return (conv.at_block(index, count) for index in range(count))


def operator_norm_relu(conv: Conv, in_channels: int, out_channels: int) -> nn.Sequential:
    """Operator, BN, ReLU; the operator has a bias if it is a single convolution."""
    return nn.Sequential(biased(single_operator(conv, in_channels, out_channels)), norm_relu(out_channels))


def operator_bias_relu(conv: Conv, in_channels: int, out_channels: int, kernel_size: int) -> nn.Sequential:
    """Operator, bias, ReLU."""
    operator = biased(single_operator(conv, in_channels, out_channels, kernel_size=kernel_size))
    if isinstance(operator, nn.Conv2d):
        return nn.Sequential(operator, nn.ReLU(inplace=True))
    return nn.Sequential(operator, Bias(out_channels), nn.ReLU())


def biased(operator: nn.Module) -> nn.Module:
    """The module; a single convolution has PyTorch's default bias now, and default initialisation of both."""
    if isinstance(operator, nn.Conv2d) and operator.bias is None:
        operator.bias = nn.Parameter(torch.empty(operator.out_channels))
        operator.reset_parameters()
    return operator
