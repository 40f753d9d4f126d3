"""Substitution: replacing the convolutions of any CNN by operators of a conv, by name, with a report of every one.

Replaced is each plain k x k convolution (one group, k and its stride and dilation square) of a size that the conv
stands in for, k > 1 or k = 1, outside stem and classifier, whose padding keeps the size of the map, as the operators'
does. A 1x1 convolution of one pixel is a gate or a linear layer, and stays. Stride, dilation and kernel size go to the
operator, and one operator stands for one convolution, also where the conv would take a whole residual block elsewhere;
a conv that widens the inside of such a block is refused, since nothing of that would be left.
A bias that BN follows has no effect and goes; any other is kept behind the operator. New weights are drawn by He's
fan-out rule, as the libraries draw their own, unless another is given.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import pairwise

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from cheapconv.catalog import canonical
from cheapconv.catalog.entries import registered
from cheapconv.models.conv import Conv
from cheapconv.models.parts.initialise import Rule, he_fan_out, initialise
from cheapconv.models.parts.layers import Bias, Pointwise
from cheapconv.models.parts.single import single_operator


@dataclass(frozen=True)
class Substitution:
    """What became of one convolution: `replaced_by` a conv, or left as it was because of `left`."""

    name: str  # of the module in the network it was found in
    was: str  # such as "3x3/2 64 -> 128"
    replaced_by: str | None = None
    left: str | None = None


def substitute(
    network: nn.Module,
    conv: Conv,
    stem: Collection[str],
    classifier: str = "",
    gates: Collection[str] = (),
    rule: Rule | None = he_fan_out,
) -> list[Substitution]:
    """Replace, in place, every convolution that can be; one row for each convolution, in the order of the modules.

    `stem` names the convolutions that stay because they see the image, `gates` those that see one pixel. Without `rule`
    new weights are drawn as PyTorch draws them. The standard conv leaves the network alone.
    Raises ValueError if not one convolution could be replaced.
    """
    before_norm = set(_before_norm(network))
    convolutions = {name: m for name, m in network.named_modules() if isinstance(m, nn.Conv2d)}
    places = dict.fromkeys(gates, "sees one pixel") | {classifier: "classifier"} | dict.fromkeys(stem, "stem")
    left = {
        name: "stem" if name in stem else _reason_to_stay(m, conv) or places.get(name)
        for name, m in convolutions.items()
    }
    replaceable = [name for name, reason in left.items() if reason is None]
    put: dict[str, Conv] = {}
    for block, name in enumerate(replaceable):
        put[name] = conv.at_block(block, len(replaceable))
        left[name] = _replace(network, name, put[name], name in before_norm, rule)
    rows = [
        Substitution(name, _described(m), None if left[name] else canonical(put[name]), left[name])
        for name, m in convolutions.items()
    ]
    if not conv.is_standard and not any(row.replaced_by for row in rows):
        raise ValueError(f"{canonical(conv)} replaces no convolution here {_why_not(rows)}")
    return rows


def pointwise_convs() -> list[str]:
    """Names of the convs that stand in for 1x1 convolutions."""
    convs = [thing.name for thing in registered("conv") if not thing.cls.is_standard and 1 in thing.cls.kernel_sizes]
    return sorted(convs)


def _replace(network: nn.Module, name: str, conv: Conv, norm_follows: bool, rule: Rule | None) -> str | None:
    """Put an operator in the place of the convolution `name`; the reason where it stays."""
    if conv.is_standard:
        return "standard is what it is"
    old = network.get_submodule(name)
    assert isinstance(old, nn.Conv2d)
    try:
        operator = single_operator(
            conv, old.in_channels, old.out_channels, old.stride[0], old.kernel_size[0], old.dilation[0]
        )
    except ValueError as refusal:
        return f"refused: {refusal}"
    if rule is not None:
        initialise(operator, rule)
    if old.bias is not None and not norm_follows:
        operator = nn.Sequential(operator, Bias(old.out_channels))
    network.set_submodule(name, operator.train(old.training))
    return None


def _reason_to_stay(module: nn.Conv2d, conv: Conv) -> str | None:
    """Why a convolution is not one that an operator of the conv can stand for; None if it is."""
    if type(module) not in (nn.Conv2d, Pointwise):
        return f"a {type(module).__name__}, no plain convolution"
    if any(len(set(pair)) > 1 for pair in (module.kernel_size, module.stride, module.dilation)):
        return "not square"
    if module.kernel_size[0] not in conv.kernel_sizes:
        return "{0}x{0}".format(*module.kernel_size)
    if module.groups > 1:
        return "grouped already"
    same = module.dilation[0] * (module.kernel_size[0] - 1) / 2
    if module.padding != (same, same) or module.padding_mode != "zeros":
        return "its padding does not keep the size of the map"
    return None


def _described(module: nn.Conv2d) -> str:
    """`3x3/2 64 -> 128`, with groups and dilation where there are any."""
    height, width = module.kernel_size
    text = f"{height}x{width}/{module.stride[0]} {module.in_channels} -> {module.out_channels}"
    text += f" groups {module.groups}" if module.groups > 1 else ""
    return text + (f" dilation {module.dilation[0]}" if module.dilation[0] > 1 else "")


def _before_norm(network: nn.Module) -> Iterator[str]:
    """Names of the convolutions that have a BN as the next module beside them."""
    for parent, container in network.named_modules():
        for (name, module), (_, following) in pairwise(container.named_children()):
            norm = isinstance(module, nn.Conv2d) and isinstance(following, _BatchNorm)
            if norm and module.out_channels == following.num_features:
                yield f"{parent}.{name}" if parent else name


def _why_not(rows: list[Substitution]) -> str:
    """Every reason once, with the number of convolutions, and what can be done where only 1x1 could be replaced."""
    reasons = [row.left or "" for row in rows]
    told = "; ".join(f"{reasons.count(reason)} x {reason}" for reason in dict.fromkeys(reasons)) or "there are none"
    advice = f": its 1x1 convolutions are what can be made cheaper, by {' or '.join(pointwise_convs())}"
    return f"({told}){advice if '1x1' in reasons else ''}"
