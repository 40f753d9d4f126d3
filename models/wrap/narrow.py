"""Making the layers of any network narrower, in place, where they hang together as models/wrap/sizes.py finds out.

Weights stay as the network's own rule drew them, of which the first are kept, times sqrt(fan-in before / fan-in now):
what any rule gives whose variance goes with the fan-in, and those with the fan-out where a layer's two widths shrink
alike. Biases, scales and statistics are the first of those that there were.
"""

import copy
import math
from collections.abc import Callable

import sympy
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd

from cheapconv.catalog.errors import REFUSALS, reason
from cheapconv.models.network import Network
from cheapconv.models.wrap.size_rules import SizeRules
from cheapconv.models.wrap.sizes import Sizes, tensors

SIDES = (64, 256, 299)  # of images, of which a network takes one


def narrow(network: Network, scaled: Callable[[int], int]) -> None:
    """Give every width c of a network the size scaled(c) <= c, or the nearest that fits.

    ValueError if it has parts whose sizes cannot be followed, or are written in its code.
    """
    side, sizes = _followed(network)
    shapes = sizes.narrowed(scaled)
    _cut(network, shapes)
    try:
        maps, features, _ = _run(_blank(network), side)
    except REFUSALS as error:
        raise ValueError(f"its code is written for its own widths ({reason(error)})") from error
    vars(network).pop("substitutions", None)  # which speak of those it had
    network.channels, network.features = [f.shape[1] for f in maps], features.shape[1]


def _followed(network: Network) -> tuple[int, Sizes]:
    """The side of an image that a network takes, and what its sizes have to do with one another."""
    refusal: BaseException | None = None
    for side in SIDES:
        blank = _blank(network)
        sizes = Sizes(blank)
        try:
            with SizeRules(blank, sizes) as rules:
                *_, logits = _run(blank, side)
            sizes.equal(rules.shape(logits)[1], sympy.Integer(network.classes))
        except REFUSALS as error:
            refusal = refusal or error
        else:
            return side, sizes
    assert refusal is not None
    raise ValueError(f"its widths cannot be followed ({reason(refusal)})") from refusal


def _blank(network: Network) -> Network:
    """A copy without numbers, in eval mode."""
    return copy.deepcopy(network).to("meta").eval()


@torch.no_grad()
def _run(blank: Network, side: int) -> tuple[list[Tensor], Tensor, Tensor]:
    """The maps, the vector that the classifier sees, and the logits of one image."""
    maps = blank.stages(torch.zeros(1, 3, side, side, device="meta"))
    features = blank.embed(maps[-1])
    return maps, features, blank.classify(features)


@torch.no_grad()
def _cut(network: nn.Module, shapes: dict[str, tuple[int, ...]]) -> None:
    """Give every tensor its shape, and every module the numbers that follow from it."""
    cut = {
        id(tensor): tensor[tuple(map(slice, shapes[name]))].clone(memory_format=torch.contiguous_format)
        for name, tensor in tensors(network)
    }
    for module in network.modules():
        held = [*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)]
        for name, tensor in held:
            new = cut[id(tensor)]
            if isinstance(module, _ConvNd | nn.Linear) and name == "weight":
                new = new * math.sqrt(tensor[0].numel() / new[0].numel())
            setattr(module, name, nn.Parameter(new, tensor.requires_grad) if isinstance(tensor, nn.Parameter) else new)
        if held:
            _fit(module)


def _fit(module: nn.Module) -> None:
    """The sizes that a layer knows of itself, from those of its weight."""
    if isinstance(module, _ConvNd):
        rows, columns = module.weight.shape[:2]
        if module.groups == module.in_channels:
            module.groups = rows // (module.out_channels // module.groups)
        module.out_channels, module.in_channels = rows, columns * module.groups
    elif isinstance(module, nn.Linear):
        module.out_features, module.in_features = module.weight.shape
    elif isinstance(module, _BatchNorm) and module.running_mean is not None:
        module.num_features = len(module.running_mean)
    elif isinstance(module, nn.LayerNorm):
        module.normalized_shape = tuple(module.weight.shape)
    elif isinstance(module, nn.GroupNorm):
        module.num_channels = len(module.weight)
