"""The channels that can be taken out of a network: which hang together, what they cost, and their removal.

Channels of an output, of the norm behind it and of the inputs that read it are removed together; sums tie all that is
added. Torch-Pruning's dependency graph (Fang et al., CVPR 2023, arXiv:2301.12900) finds these groups and cuts them.
Left whole are the outputs of the network and whatever meets a concatenation, a split or a layer other than
convolutions, linear layers and batch norms. A convolution in g > 1 groups that is not depthwise loses the same channel
of every group at once.
"""

import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from cheapconv.methods.base import Cost, Structure, TrainableNetwork

Side = Literal["out", "in", "norm"]
Untyped = Any  # of Torch-Pruning


@dataclass(frozen=True)
class Member:
    """One side of a layer that loses a channel with its group; of a depthwise convolution it is `out`."""

    layer: str
    side: Side


@dataclass(frozen=True)
class ChannelGroup:
    """Channels that members have in common; `size` of them, removed as units of `step` channels each."""

    members: tuple[Member, ...]
    size: int
    step: int  # common multiple of the groups of its convolutions
    added: bool  # whether a sum ties them
    grouped: bool = False  # whether they are outputs of a convolution in groups that is not depthwise

    @property
    def name(self) -> str:
        """The layer whose outputs they are."""
        return self.members[0].layer

    @property
    def units(self) -> int:
        """How many can be removed, one by one."""
        return self.size // self.step

    def channels(self, units: Sequence[int]) -> list[int]:
        """The channels of these units: of every part of size / step channels the same one."""
        return sorted(unit + part * self.units for unit in units for part in range(self.step))

    def least(self, again: bool = False) -> int:
        """Units that are always kept: those of 4 channels, or of a tenth.

        Two, where the network is to be looked at `again`: Torch-Pruning takes a convolution with one output in each
        of its groups for a depthwise one, and would tie its inputs to its outputs.
        """
        fewest = math.ceil(max(4, 0.1 * self.size) / self.step)
        return min(self.units, max(fewest, 2) if again and self.grouped else fewest)


@dataclass(frozen=True)
class Layer:
    """What a layer costs by its channels; `out` and `in_` are numbers of groups of channels, None where all stay."""

    name: str
    rows: int
    columns: int  # of the weight; 0 for a norm
    kernel: int  # numbers for each row and column
    groups: int
    vectors: int  # parameters for each output beside the weight
    positions: int  # at which the kernel is applied to an image
    out: int | None
    in_: int | None

    def cost(self, kind: Cost, kept: Sequence[int]) -> int:
        """Multiply-adds or parameters when `kept[i]` channels of group i are left."""
        rows = self.rows if self.out is None else kept[self.out]
        columns = self.columns if self.in_ is None else kept[self.in_] // self.groups
        weights = self.kernel * rows * columns
        return weights * self.positions if kind == "macs" else weights + self.vectors * rows


def total(layers: Sequence[Layer], kind: Cost, kept: Sequence[int]) -> int:
    """Cost of some layers together."""
    return sum(layer.cost(kind, kept) for layer in layers)


class Channels:
    """The channel groups of a network, in a fixed order, and the closed form of their costs.

    `image` is the shape (3, H, W). The network is not changed before `remove`, after which this object is spent.
    """

    def __init__(self, network: nn.Module, image: tuple[int, int, int], *, sums: bool = True) -> None:
        black = torch.zeros(1, *image, device=next(network.parameters()).device)
        training = network.training
        network.eval()
        self.network = network
        self._names = {module: name for name, module in network.named_modules()}
        self._cuts = {group: cut for group, cut in self._groups(black) if sums or not group.added}
        self.groups = [*self._cuts]
        self.layers = self._layers(black)
        network.train(training)

    @property
    def sizes(self) -> list[int]:
        """Channels of every group."""
        return [group.size for group in self.groups]

    def cost(self, kind: Cost, kept: Sequence[int]) -> int:
        """Multiply-adds or parameters of all layers that touch a group, when `kept[i]` channels of group i are left."""
        return total(self.layers, kind, kept)

    def remove(self, units: Sequence[Sequence[int]]) -> None:
        """Cut the units of every group out of the network; the others keep their weights and statistics."""
        for group, gone in zip(self.groups, units, strict=True):
            if gone:
                self._cuts[group].prune(group.channels(gone))

    def _groups(self, black: Tensor) -> Iterator[tuple[ChannelGroup, Untyped]]:
        """Every group whose channels may go, with Torch-Pruning's object that cuts them."""
        import torch_pruning  # here, because it imports torchvision

        try:
            with torch.enable_grad(), warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of parameters outside of layers: their groups stay whole
                graph = torch_pruning.DependencyGraph().build_dependency(self.network, example_inputs=black)
            cuts = [*graph.get_all_groups(root_module_types=[nn.Conv2d, nn.Linear])]
        except (ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError) as error:
            raise ValueError("Torch-Pruning does not understand the graph of this network") from error
        for cut in cuts:
            group = self._group(graph, cut)
            if group is not None:
                yield group, cut

    def _group(self, graph: Untyped, cut: Untyped) -> ChannelGroup | None:
        """The group, or None where its channels have to stay."""
        size, members, steps, added, grouped = len(cut[0].idxs), [], {1}, False, False
        for dependency, indices in cut:
            module = dependency.target.module
            if isinstance(module, nn.Parameter):
                return None
            if module not in self._names:
                added = added or "AddBackward" in repr(module)
                if "Concat" in type(module).__name__ or "Split" in type(module).__name__:
                    return None
                continue
            side = _side(module, graph.is_out_channel_pruning_fn(dependency.handler))
            if side is None or [*indices] != [*range(size)]:
                return None
            member = Member(self._names[module], side)
            members += [member] if member not in members else []
            groups = 1 if side == "norm" or _depthwise(module) else getattr(module, "groups", 1)
            grouped = grouped or (side == "out" and groups > 1)
            steps.add(groups)
        step = math.lcm(*steps)
        if size % step or not any(m.side == "in" for m in members):  # nothing reads the network's own outputs
            return None
        return ChannelGroup(tuple(members), size, step, added, grouped)

    def _layers(self, black: Tensor) -> list[Layer]:
        """Every layer that touches a group, with the positions at which it is applied to an image."""
        of = {(m.layer, m.side): number for number, group in enumerate(self.groups) for m in group.members}
        named = [(name, module) for module, name in self._names.items() if any((name, s) in of for s in _SIDES)]
        positions = _positions([module for _, module in named], self.network, black)
        return [_layer(name, module, positions[module], of) for name, module in named]


def _layer(name: str, module: nn.Module, positions: int, of: Mapping[tuple[str, Side], int]) -> Layer:
    if isinstance(module, nn.BatchNorm2d):
        vectors = 2 if module.affine else 0
        return Layer(name, module.num_features, 0, 0, 1, vectors, 0, of.get((name, "norm")), None)
    assert isinstance(module, nn.Conv2d | nn.Linear)
    (rows, columns), groups = module.weight.shape[:2], getattr(module, "groups", 1)
    read = None if _depthwise(module) else of.get((name, "in"))
    kernel, vectors = module.weight[0, 0].numel(), int(module.bias is not None)
    return Layer(name, rows, columns, kernel, groups, vectors, positions, of.get((name, "out")), read)


def structure_of(network: TrainableNetwork, image: tuple[int, int, int]) -> Structure:
    """JSON from which `resize` gives a fresh network the shapes of this one."""
    black = torch.zeros(1, *image, device=next(network.parameters()).device)
    training = network.training
    with torch.no_grad():
        maps = network.eval().stages(black)
        features = network.embed(maps[-1]).shape[1]
    network.train(training)
    weights = {name: list(m.weight.shape) for name, m in network.named_modules() if isinstance(m, _CUT)}
    return {"weights": weights, "channels": [m.shape[1] for m in maps], "features": features}


def resize(network: TrainableNetwork, structure: Structure) -> TrainableNetwork:
    """A fresh network, in place, with the shapes that `structure_of` described; its weights are yet to be loaded."""
    for name, shape in structure["weights"].items():
        _resize_layer(network.get_submodule(name), shape)
    network.channels, network.features = list(structure["channels"]), structure["features"]
    return network


_SIDES: tuple[Side, ...] = ("out", "in", "norm")
_CUT = (nn.Conv2d, nn.Linear, nn.BatchNorm2d)


def _side(module: nn.Module, outputs: bool) -> Side | None:
    """Which side of a layer a dependency speaks of; None for layers that are not known here."""
    if isinstance(module, nn.BatchNorm2d):
        return "norm"
    if isinstance(module, nn.Conv2d | nn.Linear):
        return "out" if outputs or _depthwise(module) else "in"
    return None


def _depthwise(module: nn.Module) -> bool:
    return isinstance(module, nn.Conv2d) and 1 < module.groups == module.in_channels == module.out_channels


@torch.no_grad()
def _positions(modules: Sequence[nn.Module], network: nn.Module, black: Tensor) -> dict[nn.Module, int]:
    """Pixels of the output of each convolution and linear layer; 0 for the others."""
    positions = dict.fromkeys(modules, 0)

    def note(module: nn.Module, _: object, output: Tensor) -> None:
        positions[module] = output[0, 0].numel()

    handles = [m.register_forward_hook(note) for m in modules if isinstance(m, nn.Conv2d | nn.Linear)]
    network(black)
    for handle in handles:
        handle.remove()
    return positions


def _resize_layer(layer: nn.Module, shape: Sequence[int]) -> None:
    """Give a layer a new, empty weight of this shape, and what belongs to it."""
    assert isinstance(layer, _CUT)
    if list(layer.weight.shape) == list(shape):
        return
    depthwise = _depthwise(layer)
    vectors = ["bias", "running_mean", "running_var"]
    for name in vectors:
        old = getattr(layer, name, None)
        if old is not None:
            new = old.new_zeros(shape[0])
            setattr(layer, name, nn.Parameter(new) if isinstance(old, nn.Parameter) else new)
    layer.weight = nn.Parameter(layer.weight.new_zeros(tuple(shape)))
    if isinstance(layer, nn.BatchNorm2d):
        layer.num_features = shape[0]
    elif isinstance(layer, nn.Linear):
        layer.out_features, layer.in_features = shape
    else:
        layer.groups = shape[0] if depthwise else layer.groups
        layer.out_channels, layer.in_channels = shape[0], shape[1] * layer.groups
