"""A network of a user's, as `module(path='tests.models.own:build')` names it."""

from torch import nn


def unit(before: int, width: int, stride: int) -> nn.Sequential:
    """A 3x3 convolution, BN, ReLU."""
    return nn.Sequential(nn.Conv2d(before, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU())


def build(classes: int) -> nn.Module:
    """A stem, two stages and a classifier in a row."""
    head = nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, classes)
    return nn.Sequential(unit(3, 16, 1), unit(16, 16, 1), unit(16, 32, 2), *head)
