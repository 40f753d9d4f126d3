"""A thinner network of another family: every width times one factor, the control of "cheapen rather than shrink".

Crowley et al., "Moonshine", NeurIPS 2018, arXiv:1711.02613, compare cheap convolutions with smaller networks of
standard ones; the factor is the width multiplier of MobileNets (Howard et al., 2017, arXiv:1704.04861, section 3.3). A
width c becomes round(c * width), at least 8 (or c where that is less). `cheapconv fit` finds the factor for a budget.
Layers are as the base has them. Where each can be scaled alone, its weights are drawn by the base's rule for the new
width. But a sum of scaled widths is not the scaled sum: where maps are joined, split or shuffled, and in networks of a
library, what follows from what is found by following the network (models/wrap/sizes.py). The widths that can be chosen
are scaled, to the nearest number that their groups divide; weights are those that the base has drawn, cut and scaled by
the fan-in (models/wrap/narrow.py). Such a network can be thinner than its base, but not wider.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any

import torch
from annotated_types import Gt, Le
from torch import nn

from cheapconv import catalog
from cheapconv.catalog import canonical, register
from cheapconv.models.architecture import Architecture
from cheapconv.models.conv import Conv
from cheapconv.models.network import Network

LEAST = 8
TEXT = re.compile(r"(.+)-x(\d+(?:\.\d+)?)")
IMAGE = (3, 64, 64)  # large enough for every family to be run once


@register("architecture", "thin", paper="Howard et al., MobileNets, 2017, arXiv:1704.04861")
@dataclass(frozen=True, kw_only=True)
class Thin(Architecture):
    """The network `base` with every width times `width`, `WRN-16-2-x0.39` for short; standard convolutions only."""

    base: str
    width: Annotated[float, Gt(0), Le(4)]

    def __post_init__(self) -> None:
        super().__post_init__()
        base = catalog.parse("architecture", self.base)
        if base.weights is not None:
            raise ValueError("weights of other widths do not fit a thin network: leave the base's weights out")
        if base.side is not None:
            raise ValueError("the base of a thin network is its structure alone: give side to thin itself")
        if isinstance(base, Thin):
            raise ValueError("the base of a thin network cannot be thin itself: multiply the widths")
        object.__setattr__(self, "base", canonical(base))
        if base.version != self.version:
            object.__setattr__(self, "version", base.version)

    @staticmethod
    def from_text(text: str) -> dict[str, str | float] | None:
        """Base and width of `WRN-16-2-x0.39`; None for any other text."""
        found = TEXT.fullmatch(text.strip())
        return None if found is None or TEXT.fullmatch(found[1]) else {"base": found[1], "width": float(found[2])}

    def to_text(self) -> str:
        """`WRN-16-2-x0.39`, as `from_text` reads it, where nothing else is said of it."""
        if canonical(self) != canonical(Thin(base=self.base, width=self.width)):
            return canonical(self)
        return (
            f"{catalog.label('architecture', catalog.parse('architecture', self.base))}-x{Decimal(repr(self.width)):f}"
        )

    def build(self, conv: Conv, classes: int) -> Network:
        """The base's network with thinner layers."""
        if not conv.is_standard:
            raise ValueError(
                f"{canonical(self)} is a network of standard convolutions; {canonical(conv)} is not for it"
            )
        base = catalog.parse("architecture", self.base)
        network = base.build(conv, classes)
        if hasattr(network, "redraw"):
            if self._replace_layers(network):
                return network
            network = base.build(conv, classes)
        if self.width > 1:
            raise ValueError(
                f"{self.base} can be made thinner, but not wider, because its widths hang together: "
                "use a width of at most 1, or a wider network of its family"
            )
        from cheapconv.models.wrap.narrow import narrow  # here, because it imports sympy

        try:
            narrow(network, self._scaled)
        except ValueError as error:
            raise ValueError(
                f"{self.base} cannot be made thinner, because {error}: use a smaller network of its family"
            ) from error
        return network

    def _replace_layers(self, network: Network) -> bool:
        """Scale every layer by itself and draw its weights; whether the network still runs."""
        redraw: Callable[[nn.Module], None] = network.redraw  # type: ignore[assignment]
        for name, layer in [*network.named_modules()]:
            if isinstance(layer, nn.Conv2d | nn.Linear | nn.BatchNorm2d):
                network.set_submodule(name, self._thin(layer, last=layer is network.classifier))
        network.channels = [self._scaled(c) for c in network.channels]
        network.features = self._scaled(network.features)
        redraw(network)
        return self._runs(network)

    def _scaled(self, channels: int) -> int:
        return max(min(channels, LEAST), round(channels * self.width))

    def _thin(self, layer: Any, last: bool) -> nn.Module:
        """A layer like this one with scaled widths; images keep their 3 channels and the last layer its classes."""
        if isinstance(layer, nn.BatchNorm2d):
            return nn.BatchNorm2d(self._scaled(layer.num_features), layer.eps, layer.momentum)
        bias = layer.bias is not None
        if isinstance(layer, nn.Linear):
            out = layer.out_features if last else self._scaled(layer.out_features)
            thin = nn.Linear(self._scaled(layer.in_features), out, bias=bias)
            if bias and not layer.bias.is_meta and not layer.bias.any():
                nn.init.zeros_(thin.bias)
            return thin
        read = layer.in_channels if layer.in_channels == 3 else self._scaled(layer.in_channels)
        groups = read if layer.groups == layer.in_channels else layer.groups
        shape = layer.kernel_size, layer.stride, layer.padding, layer.dilation
        return type(layer)(read, self._scaled(layer.out_channels), *shape, groups, bias)

    def _runs(self, network: Network) -> bool:
        """Whether the network runs: a sum of scaled widths is not the scaled sum."""
        network.eval()
        try:
            with torch.no_grad(), torch.device("meta"):
                tensors = [*network.named_parameters(), *network.named_buffers()]
                shapes = {name: torch.empty_like(tensor, device="meta") for name, tensor in tensors}
                torch.func.functional_call(network, shapes, (torch.empty(2, *IMAGE),))
        except RuntimeError:
            return False
        network.train()
        return True
