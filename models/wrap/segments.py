"""Splitting the graph of a plain CNN into segments without changing what it computes.

The graph can be cut after a node through which everything flows (no skip connection bypasses it), and each segment is a
module that holds the library's modules and parameters under the library's names.
"""

import contextlib
import logging
from collections.abc import Iterator, Sequence
from operator import attrgetter

import torch
from torch import fx, nn
from torch._subclasses import fake_tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.fx.node import Argument, Target

from cheapconv.catalog.errors import REFUSALS, reason


def passages(traced: fx.GraphModule) -> list[fx.Node]:
    """Nodes through which everything flows from the image to the logits, in order; the image itself is the first."""
    order = {node: position for position, node in enumerate(traced.graph.nodes)}
    furthest = 0  # position of the last use of anything before the node
    found = []
    for node, position in order.items():
        if furthest <= position and node.users:
            found.append(node)
        furthest = max([furthest, *(order[user] for user in node.users)])
    return found


def shapes(traced: fx.GraphModule, shape: Sequence[int]) -> dict[fx.Node, torch.Size]:
    """Shape of what every node gives for two images of `shape` (C, H, W), found without computing anything.

    Raises ValueError if the network cannot be run on them.
    """
    try:
        with _unlogged(), torch.no_grad(), FakeTensorMode(allow_non_fake_inputs=True) as mode:
            follower = _Follower(traced)
            follower.run(mode.from_tensor(torch.empty(2, *shape)))
    except REFUSALS as error:
        side = " x ".join(map(str, shape[1:]))
        raise ValueError(f"its maps cannot be followed on images of {side} ({reason(error)})") from error
    return follower.shapes


@contextlib.contextmanager
def _unlogged() -> Iterator[None]:
    """Nothing printed by PyTorch of a side that a network does not take: what it raises is heeded."""
    logger = logging.getLogger(fake_tensor.__name__)
    before, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = before


class _Follower(fx.Interpreter):
    """Runs a graph and keeps the shape of every tensor that a node gives."""

    def __init__(self, traced: fx.GraphModule) -> None:
        super().__init__(traced, garbage_collect_values=True)
        self.extra_traceback = False  # an error is told in one sentence, not printed
        self.shapes: dict[fx.Node, torch.Size] = {}

    def run_node(self, n: fx.Node) -> object:
        found = super().run_node(n)
        if isinstance(found, torch.Tensor):
            self.shapes[n] = found.shape
        return found

    def call_module(self, target: Target, args: tuple[Argument, ...], kwargs: dict[str, object]) -> object:
        ordinary = tuple(list(value) if isinstance(value, list) else value for value in args)  # fx's refuse assignment
        return super().call_module(target, ordinary, kwargs)


def channels_first(traced: fx.GraphModule, names: Sequence[str]) -> list[str]:
    """Make (B, C, H, W) of the maps (B, H, W, C) that the nodes `names` give; the names of the nodes that do so.

    What follows them gets the map as it was: both are views of the same numbers.
    """
    found = []
    for node in [node for node in traced.graph.nodes if node.name in names]:
        with traced.graph.inserting_before(node.next):
            first = traced.graph.call_method("permute", (node, 0, 3, 1, 2))
            back = traced.graph.call_method("permute", (first, 0, 2, 3, 1))
        node.replace_all_uses_with(back, delete_user_cb=lambda user, first=first: user is not first)
        found.append(first.name)
    return found


def segments(traced: fx.GraphModule, ends: Sequence[str]) -> list[nn.Module]:
    """The graph up to each of the nodes named `ends`, and the rest; nothing at all is an identity."""
    image, *nodes = traced.graph.nodes
    parts: list[nn.Module] = []
    for end in [*ends, nodes[-1].name]:
        last = next((i for i, node in enumerate(nodes) if node.name == end), -1)
        inside, nodes = nodes[: last + 1], nodes[last + 1 :]
        parts.append(_segment(traced, image, inside) if inside else nn.Identity())
        image = inside[-1] if inside else image
    return parts


def _segment(traced: fx.GraphModule, image: fx.Node, nodes: Sequence[fx.Node]) -> nn.Module:
    """Some nodes in a row as a module that takes what the node `image` gives and gives what the last of them gives."""
    graph, held = fx.Graph(), dict[str, object]()
    copies = {image: graph.placeholder(image.name)}
    for node in nodes:
        copies[node] = graph.node_copy(node, copies.__getitem__)
        if node.op in ("call_module", "get_attr"):
            copies[node].target = str(node.target).replace(".", "_")
            held[str(copies[node].target)] = attrgetter(str(node.target))(traced)
    if nodes[-1].op != "output":
        graph.output(copies[nodes[-1]])
    segment = fx.GraphModule(held, graph)
    _keep_input(segment)
    return segment


def _keep_input(segment: fx.GraphModule) -> None:
    """Let nothing in `segment` overwrite its input, which is a map that somebody may hold."""
    image = next(node for node in segment.graph.nodes if node.op == "placeholder")
    for user in image.users:
        if user.kwargs.get("inplace"):
            user.update_kwarg("inplace", False)
        called = segment.get_submodule(str(user.target)) if user.op == "call_module" else None
        if getattr(called, "inplace", False) is True:
            setattr(called, "inplace", False)  # noqa: B010  a plain attribute of the activations
    segment.recompile()
