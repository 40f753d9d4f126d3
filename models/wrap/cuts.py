"""Where a plain CNN is cut into stem, stages, neck and classifier.

The stem is what precedes the first convolution outside the stem's module (or outside the first convolution alone, in a
network that keeps stem and stages in one sequence). Stages end where the library says so, else at the last map of each
resolution. The classifier is the last layer, a linear one or a 1x1 convolution of a pooled map. Where it is one of a
map that is pooled afterwards (SqueezeNet), the vector is that of the logits, and nothing is left to classify.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType

import torch
from torch import Tensor, fx, nn

from cheapconv.models.wrap.segments import passages, shapes
from cheapconv.models.wrap.trace import trace


@dataclass(frozen=True)
class Cuts:
    """Names of the modules to trace into, of the graph's nodes to cut after, and of the convolutions of the stem."""

    enter: frozenset[str]
    nodes: tuple[str, ...]  # end of the stem, ends of the stages, what enters the classifier
    stem: frozenset[str]
    gates: frozenset[str]  # names of the convolutions that see one pixel
    classifier: str  # name of the last layer
    sees_maps: bool  # whether what comes last takes (B, features, 1, 1) rather than (B, features)
    ends: tuple[str, ...]  # what ends the stages: names of modules, or of operations between them
    channels: tuple[int, ...]  # of the map after each stage
    channels_last: bool  # whether that map is (B, H, W, C)
    features: int  # of the vector that the classifier sees


def find_cuts(
    network: nn.Module,
    shape: Sequence[int],
    taps: Mapping[str, int | None] = MappingProxyType({}),
    channels_last: bool = False,
) -> Cuts:
    """The cuts of a network for images of `shape` (C, H, W).

    `taps` names the modules that end a stage in the maker's own view, with their channels if known; these are
    (B, H, W, C) where it is `channels_last`. One that only the stem precedes ends none here. Without taps, and where a
    skip connection bypasses one of them, the resolutions decide. ValueError if the network has no stages in a row, or
    no classifier behind them, or if the library says other channels.
    """
    classifier = [name for name, module in network.named_modules() if isinstance(module, nn.Linear | nn.Conv2d)][-1:]
    enter = _ancestors([*taps, *classifier]) if taps else _sequences(network) | _ancestors(classifier)
    traced = trace(network, enter)
    gates: set[str] = set()
    with _noted_gates(network, gates):
        shape_of = shapes(traced, shape)
    through = [node for node in passages(traced) if node in shape_of]
    last = next((node for node in traced.graph.nodes if node.target in classifier), None)
    maps = [node for node in through if len(shape_of[node]) == 4 and last is not None and node < last]
    tapped = [node for node in traced.graph.nodes if node.target in taps]
    if not set(tapped) <= set(maps):
        return find_cuts(network, shape, channels_last=channels_last)
    ends = tapped or _last_of_each_side(traced, maps, shape_of)
    stem = _stem(network, [str(node.target) for node in ends])
    # The last map before a convolution outside the stem: the image itself where the two are in one module.
    entrance = next((node for node in reversed(maps) if set(_convolutions_up_to(traced, node)) <= set(stem)), None)
    ends = [node for node in ends if entrance is not None and node > entrance]
    if entrance is None or not ends:
        raise ValueError("it is no CNN: no maps (B, C, H, W) through which everything flows end its stages")
    vector = _vector(through, classifier, shape_of)
    channels = [shape_of[node][-1 if channels_last else 1] for node in ends]
    said = [taps.get(str(node.target)) or own for node, own in zip(ends, channels, strict=True)]
    if said != channels:
        raise ValueError(f"its maps have {channels} channels, where the library says {said}")
    return Cuts(
        enter=enter,
        nodes=(entrance.name, *(node.name for node in ends), vector.name),
        stem=stem,
        gates=frozenset(gates),
        classifier=classifier[0],
        sees_maps=len(shape_of[vector]) == 4,
        ends=tuple(str(node.target) for node in ends),
        channels=tuple(channels),
        channels_last=channels_last,
        features=shape_of[vector][1],
    )


@contextmanager
def _noted_gates(network: nn.Module, gates: set[str]) -> Iterator[None]:
    """In it, a convolution that is called for one pixel puts its name into `gates`."""
    convolutions = {name: module for name, module in network.named_modules() if isinstance(module, nn.Conv2d)}

    def note(name: str, output: Tensor) -> None:
        if output.shape[2:].numel() == 1:
            gates.add(name)

    handles = [
        module.register_forward_hook(lambda _, __, output, name=name: note(name, output))
        for name, module in convolutions.items()
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _vector(through: Sequence[fx.Node], classifier: Sequence[str], shape_of: Mapping[fx.Node, torch.Size]) -> fx.Node:
    """What the classifier sees, one number a feature; the logits where it sees a map that is pooled afterwards."""
    seen = next((node for node in through if [user.target for user in node.users] == classifier), None)
    if seen is None:
        raise ValueError(f"'{classifier[0]}' is not its one classifier at the end of a row: it may have several heads")
    if shape_of[seen][2:].numel() == 1:
        return seen
    if len(shape_of[seen]) == 4 and len(shape_of[through[-1]]) == 2:
        return through[-1]
    raise ValueError(f"its classifier '{classifier[0]}' sees {tuple(shape_of[seen][1:])}, no vector and no map")


def _ancestors(names: Collection[str]) -> frozenset[str]:
    """Names of all modules that hold one of `names`."""
    parts = [name.split(".") for name in names]
    return frozenset(".".join(path[:i]) for path in parts for i in range(1, len(path)))


def _sequences(network: nn.Module) -> frozenset[str]:
    """Names of the nn.Sequential that only sequences hold: the rows of blocks, not what is in a block."""
    found: set[str] = set()
    for name, module in network.named_modules():
        row = type(module).forward is nn.Sequential.forward
        if row and ("." not in name or name.rpartition(".")[0] in found):
            found.add(name)
    return frozenset(found)


def _last_of_each_side(
    traced: fx.GraphModule, maps: Sequence[fx.Node], shape_of: dict[fx.Node, torch.Size]
) -> list[fx.Node]:
    """The last map of every height that convolutions have made anything of."""
    last: dict[int, fx.Node] = {}
    for node in maps:
        last[shape_of[node][2]] = node
    ends = list(last.values())
    made = [_convolutions_up_to(traced, node) for node in ends]
    return [node for i, node in enumerate(ends) if len(made[i]) > (len(made[i - 1]) if i else 0)]


def _stem(network: nn.Module, ends: Sequence[str]) -> frozenset[str]:
    """Names of the stem's convolutions: all in the first one's top module, or it alone if several stages end there."""
    names = [name for name, module in network.named_modules() if isinstance(module, nn.Conv2d)]
    if not names:
        raise ValueError("it has no convolution")
    top = names[0].split(".")[0]
    if sum(end.split(".")[0] == top for end in ends) > 1:
        return frozenset(names[:1])
    return frozenset(name for name in names if name.split(".")[0] == top)


def _convolutions_up_to(traced: fx.GraphModule, last: fx.Node) -> list[str]:
    """Names of the convolutions in the modules that the graph calls up to the node `last`."""
    called = [str(node.target) for node in traced.graph.nodes if node <= last and node.op == "call_module"]
    inside = [item for name in called for item in traced.get_submodule(name).named_modules(prefix=name)]
    return [name for name, module in inside if isinstance(module, nn.Conv2d)]
