"""What a conv promises of its operators (models/conv.py), looked at on the meta device before a network is built of a
user's own: one that ignores its stride fits some networks, and makes another network of them without a word."""

import torch
from torch import nn

from cheapconv.catalog import canonical, foreign
from cheapconv.catalog.errors import REFUSALS, UserError
from cheapconv.models.conv import Conv, output_side
from cheapconv.models.meta import on_meta

CHANNELS = 16, 32  # in and out
SIDES = 8, 7


_kept = set[tuple[type, str]]()  # convs that were looked at


def require_promised(conv: Conv) -> None:
    """A UserError, with the line of its class, for a conv of a plugin whose operators make maps of another shape."""
    if foreign.is_own(type(conv)) or (type(conv), canonical(conv)) in _kept:
        return
    for stride in (1, 2):
        try:
            with on_meta():
                operator = conv.operator(*CHANNELS, stride=stride)
        except REFUSALS:  # channels that it cannot take, which is its own rule
            continue
        for side in SIDES:
            if complaint := _complaint(operator, side, output_side(side, stride)):
                raise UserError(
                    f"{canonical(conv)} breaks its promise: operator({CHANNELS[0]}, {CHANNELS[1]}, stride={stride}) "
                    f"{complaint} ({foreign.place_of(type(conv))}); mend it there."
                )
    _kept.add((type(conv), canonical(conv)))


def _complaint(operator: nn.Module, side: int, expected: int) -> str | None:
    """What is wrong with what it makes of a map, if anything is."""
    if not isinstance(operator, nn.Module):
        return f"returned {type(operator).__name__}, no nn.Module"
    try:
        with torch.no_grad():
            made = operator.eval()(torch.empty(2, CHANNELS[0], side, side, device="meta"))
    except REFUSALS:  # it cannot be looked at so, without numbers or with few channels
        return None
    wanted = (CHANNELS[1], expected, expected)
    if not isinstance(made, torch.Tensor) or tuple(made.shape[1:]) != wanted:
        shape = tuple(made.shape[1:]) if isinstance(made, torch.Tensor) else type(made).__name__
        return f"makes {shape} of a map of {(CHANNELS[0], side, side)}, and must make {wanted}"
    return None
