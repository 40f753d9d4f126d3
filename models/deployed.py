"""What would be shipped of a network: the same function of an image, with nothing in it that only training needs.

Weights that are rebuilt from fewer numbers are ordinary ones (parts/rebuilt.py), so are those behind a parametrisation
or a mask of torch.nn.utils; a batch norm that a convolution or a linear layer runs into, and nothing else reads, is
folded into it. A layer with other forms in training and in use (branches that are merged, say) has a method
`materialised()`, which gives the second one. One for which no runtime has an operator has `as_deployed()`: what it is
run as there, whose multiply-adds are nobody's but the runtime's.
"""

import copy
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn
from torch.nn.utils import fusion, parametrize, prune
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from cheapconv.models.meta import ShapesOnly
from cheapconv.models.parts.rebuilt import materialise

NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)


@runtime_checkable
class Deployable(Protocol):
    """A layer that no runtime has an operator for."""

    def as_deployed(self) -> nn.Module:
        """What it is run as."""
        ...


def deployed(network: nn.Module, shape: Sequence[int]) -> nn.Module:
    """A copy for images of `shape` (C, H, W), in eval mode; the network stays as it is."""
    ready = copy.deepcopy(network)
    for module in ready.modules():
        _unmask(module)
    ready = materialise(ready).eval()
    for name, module in [*ready.named_modules()]:
        if isinstance(module, Deployable):
            _put(ready, name, module.as_deployed())
    for layer, norm in _followed(ready, shape):
        _put(ready, layer, _folded(ready.get_submodule(layer), ready.get_submodule(norm)))
        _put(ready, norm, _behind(ready.get_submodule(norm)))
    return ready.requires_grad_(False)


def _unmask(module: nn.Module) -> None:
    """Let weights be the ones that are computed with."""
    if parametrize.is_parametrized(module):  # not by `remove_parametrizations`, which would change the original's class
        found = {name: getattr(module, name).detach() for name in module.parametrizations}  # type: ignore[union-attr]
        module.__class__ = parametrize.type_before_parametrizations(module)
        del module.parametrizations
        for name, weight in found.items():
            setattr(module, name, nn.Parameter(weight))
    for name in [name.removesuffix("_orig") for name, _ in module.named_parameters(recurse=False)]:
        if prune.is_pruned(module) and hasattr(module, f"{name}_mask"):
            prune.remove(module, name)


def _folded(layer: nn.Module, norm: nn.Module) -> nn.Module:
    """The layer with the batch norm behind it."""
    assert isinstance(norm, NORMS)
    if isinstance(layer, nn.Linear):
        return fusion.fuse_linear_bn_eval(layer, norm)
    assert isinstance(layer, nn.Conv2d)
    return fusion.fuse_conv_bn_eval(layer, norm)


def _behind(norm: nn.Module) -> nn.Module:
    """What is left of a batch norm that is folded: in timm, an activation."""
    return nn.Identity() if type(norm) in NORMS else nn.Sequential(norm.drop, norm.act)  # type: ignore[arg-type]


def _is_norm(module: nn.Module) -> bool:
    """Whether a module is a batch norm that can be folded, with nothing unknown in it."""
    timms = getattr(sys.modules.get("timm.layers"), "BatchNormAct2d", None)  # a network that has some has imported it
    return type(module) in (*NORMS, timms) and module.running_mean is not None


def _is_layer(module: nn.Module) -> bool:
    """Whether a module computes what its weight says, as a convolution with standardised weights, say, does not."""
    return type(module) in (nn.Conv2d, nn.Linear)


def _put(network: nn.Module, name: str, module: nn.Module) -> None:
    parent, _, child = name.rpartition(".")
    setattr(network.get_submodule(parent), child, module)


@torch.no_grad()
def _followed(network: nn.Module, shape: Sequence[int]) -> list[tuple[str, str]]:
    """Names of the layers that a batch norm can be folded into, and of it: each is run once for an image, and nobody
    else reads what goes from one to the other. Seen on the meta device, where a run costs no arithmetic."""
    looked_at = copy.deepcopy(network).to("meta")
    seen = _Seen()
    hooks = [*seen.hooks(looked_at)]
    with ShapesOnly(), seen:
        looked_at(torch.empty(1, *shape, device="meta"))
    for hook in hooks:
        hook.remove()
    return [*seen.pairs()]


class _Seen(TorchDispatchMode):
    """Which tensor goes from which layer into which batch norm, and how many operations read it."""

    def __init__(self) -> None:
        super().__init__()
        self._made: dict[int, tuple[str, Tensor]] = {}  # by the output's id, held so that no other tensor gets it
        self._taken: list[tuple[str, str, Tensor]] = []  # by which norm, of which layer
        self._runs, self._read = Counter[str](), Counter[int]()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        for tensor in {id(leaf) for leaf in tree_leaves((args, kwargs or {})) if isinstance(leaf, Tensor)}:
            self._read[tensor] += 1
        return func(*args, **(kwargs or {}))

    def hooks(self, network: nn.Module) -> Iterator[Any]:
        """Put on all layers and norms."""
        for name, module in network.named_modules(remove_duplicate=False):
            if _is_norm(module):
                yield module.register_forward_pre_hook(self._before(name))
            elif _is_layer(module):
                yield module.register_forward_hook(self._after(name))

    def _before(self, name: str) -> Callable[..., None]:
        def hook(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            self._runs[name] += 1
            if id(inputs[0]) in self._made:
                self._taken.append((name, *self._made[id(inputs[0])]))

        return hook

    def _after(self, name: str) -> Callable[..., None]:
        def hook(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            self._runs[name] += 1
            self._made[id(output)] = name, output
            self._read[id(output)] = 0  # the id may have been another tensor's

        return hook

    def pairs(self) -> Iterator[tuple[str, str]]:
        """Those of which nobody else knows."""
        for norm, layer, output in self._taken:
            if self._read[id(output)] == self._runs[layer] == self._runs[norm] == 1:
                yield layer, norm
