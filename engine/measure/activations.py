"""Peak memory of the activations of one inference, found by following every tensor storage that the network makes.

Counted are the storages that operators create between the call and its end; the input and the weights are not. An
in-place ReLU, a view or a freed residual is seen for what it is, on any device.
"""

import weakref
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class Storages(TorchDispatchMode):
    """Keeps the sum of the living storages' bytes, and its highest value."""

    def __init__(self) -> None:
        super().__init__()
        self.live = self.peak = 0
        self._known: set[int] = set()

    def __torch_dispatch__(
        self,
        func: Callable[..., object],
        types: Sequence[type],
        args: tuple[object, ...] = (),
        kwargs: Mapping[str, object] | None = None,
    ) -> object:
        # What comes in from outside (weights, the image) is not ours.
        given = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)]
        self._known.update(tensor.untyped_storage()._cdata for tensor in given)
        result = func(*args, **(kwargs or {}))
        for made in (leaf for leaf in tree_leaves(result) if isinstance(leaf, torch.Tensor)):
            storage = made.untyped_storage()
            handle, size = storage._cdata, storage.nbytes()
            if handle not in self._known:  # else a view, or the operator wrote in place
                self._known.add(handle)
                self.live += size
                self.peak = max(self.peak, self.live)
                weakref.finalize(storage, self._free, handle, size)
        return result

    def _free(self, handle: int, size: int) -> None:
        self._known.discard(handle)
        self.live -= size


@torch.inference_mode()
def activation_bytes(network: nn.Module, shape: tuple[int, int, int]) -> int:
    """Peak bytes of activations for one float32 image of `shape` (C, H, W), in eval mode."""
    training = network.training
    parameter = next(network.parameters())
    image = torch.zeros((1, *shape), device=parameter.device)
    network.eval()
    try:
        with Storages() as storages:
            network(image)
    finally:
        network.train(training)
    return storages.peak
