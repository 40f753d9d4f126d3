"""Tracing a plain CNN and splitting it into segments without changing what it computes.

The network's own `forward` is traced symbolically, no deeper than the cuts need: a module that holds none stays whole.
The graph can be cut after a node through which everything flows (no skip connection bypasses it), and each segment is a
module that holds the library's modules under the library's names.
"""

from collections.abc import Collection, Sequence

import torch
from torch import fx, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.fx.node import Argument, Target
from torch.fx.passes.split_module import split_module


class _Tracer(fx.Tracer):
    """Enters the modules named `enter`; all others are leaves."""

    def __init__(self, enter: Collection[str]) -> None:
        super().__init__()
        self.enter = enter

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return module_qualified_name not in self.enter


def trace(network: nn.Module, enter: Collection[str]) -> fx.GraphModule:
    """The network as a graph of calls of its modules, those named `enter` opened; it is traced in eval mode.

    Raises ValueError if what the network does depends on the values that it sees.
    """
    training = network.training
    try:
        graph = _Tracer(enter).trace(network.eval())
    except (fx.proxy.TraceError, TypeError, RuntimeError) as error:
        raise ValueError(f"its forward cannot be traced ({str(error).splitlines()[0]})") from error
    return fx.GraphModule(network.train(training), graph).train(training)


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
        with torch.no_grad(), FakeTensorMode(allow_non_fake_inputs=True) as mode:
            follower = _Follower(traced)
            follower.run(mode.from_tensor(torch.empty(2, *shape)))
    except RuntimeError as error:
        raise ValueError(f"its maps cannot be followed ({str(error).splitlines()[0]})") from error
    return follower.shapes


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


def segments(traced: fx.GraphModule, ends: Sequence[str]) -> list[nn.Module]:
    """The graph up to each of the nodes named `ends`, and the rest; nothing at all is an identity."""
    order = {node.name: position for position, node in enumerate(traced.graph.nodes)}
    last = [order[name] for name in ends]
    split = split_module(traced, traced, lambda node: sum(order[node.name] > position for position in last))
    parts = [getattr(split, f"submod_{i}", nn.Identity()) for i in range(len(ends) + 1)]
    for part in parts:
        _keep_input(part)
    return parts


def _keep_input(segment: nn.Module) -> None:
    """Let nothing in `segment` overwrite its input, which is a map that somebody may hold."""
    if not isinstance(segment, fx.GraphModule):
        return
    image = next(node for node in segment.graph.nodes if node.op == "placeholder")
    for user in image.users:
        if user.kwargs.get("inplace"):
            user.update_kwarg("inplace", False)
        called = segment.get_submodule(str(user.target)) if user.op == "call_module" else None
        if getattr(called, "inplace", False) is True:
            setattr(called, "inplace", False)  # noqa: B010  a plain attribute of the activations
    segment.recompile()
