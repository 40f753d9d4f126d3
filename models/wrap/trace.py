"""Tracing a plain CNN: its own `forward` as a graph, no deeper than the cuts need.

What a forward does by `self.training` is fixed once it is traced. So it is traced in both modes: a function that is
told the mode, as in `F.dropout(x, training=self.training)`, is told it by the graph too, and a network that takes
another way in training is refused.
"""

from collections.abc import Callable, Collection

from torch import Tensor, fx, nn

from cheapconv.catalog.errors import REFUSALS, reason


class InMode(nn.Module):
    """A function with the keywords `flags` true in train mode and false in eval mode."""

    def __init__(self, function: Callable[..., Tensor], flags: Collection[str]) -> None:
        super().__init__()
        self.function, self.flags = function, tuple(flags)

    def forward(self, *args: object, **kwargs: object) -> Tensor:
        return self.function(*args, **kwargs, **dict.fromkeys(self.flags, self.training))


class _Tracer(fx.Tracer):
    """Enters the modules named `enter`; all others are leaves."""

    def __init__(self, enter: Collection[str]) -> None:
        super().__init__()
        self.enter = enter

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return module_qualified_name not in self.enter


def trace(network: nn.Module, enter: Collection[str]) -> fx.GraphModule:
    """The network as a graph of calls of its modules, those named `enter` opened; it computes the same in either mode.

    Raises ValueError if what the network does depends on the values that it sees, or its mode changes more than flags.
    """
    training = network.training
    try:
        graph, in_training = [_Tracer(enter).trace(network.train(mode)) for mode in (False, True)]
    except REFUSALS as error:  # fx's own are ValueErrors
        raise ValueError(f"its forward cannot be traced ({reason(error)})") from error
    finally:
        network.train(training)
    traced = fx.GraphModule(network, graph)
    _follow_mode(traced, in_training)
    return traced.train(training)


def _follow_mode(traced: fx.GraphModule, in_training: fx.Graph) -> None:
    """Put an `InMode` where the graph, traced in eval mode, and the one in train mode differ."""
    if len(traced.graph.nodes) != len(in_training.nodes):
        raise ValueError("its forward takes another way in training than in evaluation")
    for node, trained in zip(list(traced.graph.nodes), in_training.nodes, strict=True):
        flags = [key for key, value in trained.kwargs.items() if value is True and node.kwargs.get(key) is False]
        node.kwargs = {key: value for key, value in node.kwargs.items() if key not in flags}
        trained.kwargs = {key: value for key, value in trained.kwargs.items() if key not in flags}
        if _call(node) != _call(trained) or (flags and node.op != "call_function"):
            raise ValueError(f"'{node.target}' in its forward does something else in training than in evaluation")
        if flags:
            name = f"{node.name}_in_mode"
            traced.add_submodule(name, InMode(node.target, flags))
            node.op, node.target = "call_module", name
    traced.recompile()


def _call(node: fx.Node) -> tuple[object, ...]:
    """What a node does, comparable with a node of another graph."""
    return node.op, node.target, fx.map_arg((node.args, node.kwargs), lambda argument: argument.name)
