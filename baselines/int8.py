"""Post-training int8: the network of `scratch` with 8-bit weights and activations, as a baseline of memory.

Jacob et al., "Quantization and training of neural networks for efficient integer-arithmetic-only inference", CVPR 2018,
arXiv:1712.05877. Training is bit by bit that of `scratch` with the same seed, so the difference of the two is what the
quantisation costs. Weights are symmetric with one scale an output channel, inputs affine with one range a layer, which
calibration batches set. PyTorch's own quantisation of convolutions (torch.ao) is deprecated and its int8 kernels run on
some processors only; here the integers are stored as such, so that size and accuracy are real, and multiplied as
floating-point numbers. The measured speed is therefore not that of an int8 kernel.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from cheapconv.baselines.scratch import Scratch
from cheapconv.catalog import register
from cheapconv.catalog.numbers import Count
from cheapconv.methods.base import Batch, Context, Structure, TrainableNetwork
from cheapconv.methods.parts.restructured import Restructured

LEVELS = 255  # of an activation; zero is one of them, so that padding is exact


class Int8Layer(nn.Module):
    """A convolution or linear layer with int8 weights, on inputs rounded to 8 bits; the bias stays in float32."""

    scale: Tensor  # (out,) of the weights
    step: Tensor  # 0-d, of the inputs
    zero: Tensor  # 0-d

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        assert isinstance(layer, nn.Conv2d | nn.Linear)
        self.options: dict[str, Any] = {}
        if isinstance(layer, nn.Conv2d):
            assert layer.padding_mode == "zeros"
            names = ("stride", "padding", "dilation", "groups")
            self.options = {name: getattr(layer, name) for name in names}
        integers, scale = quantised(layer.weight.detach().float())
        self.weight = nn.Parameter(integers, requires_grad=False)
        self.bias = None if layer.bias is None else nn.Parameter(layer.bias.detach().clone())
        self.register_buffer("scale", scale)
        self.register_buffer("step", torch.ones((), device=scale.device))
        self.register_buffer("zero", torch.zeros((), device=scale.device))

    @property
    def in_features(self) -> int:
        """Width of the input."""
        return self.weight.shape[1]

    def set_range(self, low: Tensor, high: Tensor) -> None:
        """Take inputs from `low` to `high` (0-d), zero included."""
        low, high = low.clamp(max=0), high.clamp(min=0)
        self.step.copy_(((high - low) / LEVELS).clamp(min=1e-12))
        self.zero.copy_((-low / self.step).round())

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast(x.device.type, enabled=False):
            levels = ((x.float() / self.step).round() + self.zero).clamp(0, LEVELS) - self.zero
            scale, weight = self.step * self.scale, self.weight.float()
            if not self.options:
                return functional.linear(levels, weight) * scale + (0 if self.bias is None else self.bias)
            y = functional.conv2d(levels, weight, **self.options) * scale[:, None, None]
            return y if self.bias is None else y + self.bias[:, None, None]


def quantised(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Integers -127..127 of the shape of the weight, and the scale (out,) that turns them back."""
    scale = (weight.flatten(1).abs().amax(dim=1) / 127).clamp(min=1e-12)
    shape = (-1, *[1] * (weight.dim() - 1))
    return (weight / scale.view(shape)).round().to(torch.int8), scale


def layers(network: nn.Module) -> dict[str, nn.Module]:
    """The layers that can be quantised, by name."""
    return {name: m for name, m in network.named_modules() if isinstance(m, nn.Conv2d | nn.Linear)}


def replace(network: nn.Module, names: Iterable[str]) -> dict[str, Int8Layer]:
    """Put int8 layers into the places of these, in place."""
    new = {name: Int8Layer(network.get_submodule(name)) for name in names}
    for name, layer in new.items():
        network.set_submodule(name, layer)
    return new


@torch.no_grad()
def input_ranges(network: nn.Module, batches: Iterable[Batch]) -> dict[str, tuple[Tensor, Tensor]]:
    """Smallest and largest input of every layer over the batches, in eval mode."""
    ranges: dict[str, tuple[Tensor, Tensor]] = {}

    def note(name: str, x: Tensor) -> None:
        low, high = x.float().aminmax()
        before = ranges.get(name, (low, high))
        ranges[name] = torch.minimum(before[0], low), torch.maximum(before[1], high)

    handles = [
        layer.register_forward_pre_hook(lambda _, inputs, name=name: note(name, inputs[0]))
        for name, layer in layers(network).items()
    ]
    training = network.training
    network.eval()
    for batch in batches:
        network(batch.x)
    network.train(training)
    for handle in handles:
        handle.remove()
    return ranges


@register("method", "int8", paper="Jacob et al. 2018, arXiv:1712.05877")
class Int8(Restructured, Scratch):
    """The network of scratch, quantised to 8 bits after its training."""

    is_baseline = False  # the gap that distillation recovers starts without it

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """L = CE(s, y); the ranges are those of `batches` training batches."""

        batches: Count = 10

    def finish(self, context: Context) -> None:
        """Quantise every convolution and linear layer; norms stay in float32."""
        ranges = input_ranges(self.student, islice(context.batches(), self.config.batches))
        for name, layer in replace(self.student, ranges).items():
            layer.set_range(*ranges[name])
        self._structure = {"int8": [*ranges]}

    @classmethod
    def rebuild(cls, network: TrainableNetwork, structure: Structure) -> TrainableNetwork:
        """The network with int8 layers, whose integers are yet to be loaded."""
        replace(network, structure["int8"])
        return network
