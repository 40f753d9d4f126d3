"""Networks that are only looked at: on the meta device, without drawing weights that have no place.

PyTorch draws random numbers on the meta device too, and takes a batch norm to pieces there, both by Python code of
milliseconds for every layer.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

_DRAWS = {
    *(Tensor.normal_, Tensor.uniform_, Tensor.bernoulli_),
    *(nn.init.normal_, nn.init.uniform_, nn.init.trunc_normal_, nn.init.kaiming_normal_, nn.init.kaiming_uniform_),
    *(nn.init.xavier_normal_, nn.init.xavier_uniform_),
}


class _Undrawn(TorchFunctionMode):
    """Leaves a meta tensor as it is where it would be filled with random numbers."""

    def __torch_function__(
        self, func: Callable, types: Sequence[type], args: Sequence = (), kwargs: Mapping | None = None
    ) -> object:
        kwargs = kwargs or {}
        if func in _DRAWS:
            tensor = args[0] if args else kwargs["tensor"]
            if tensor.is_meta:
                return tensor
        return func(*args, **kwargs)


class ShapesOnly(TorchFunctionMode):
    """Leaves out the batch norms of a meta tensor, which do not change its shape; for runs that nobody looks into."""

    def __torch_function__(
        self, func: Callable, types: Sequence[type], args: Sequence = (), kwargs: Mapping | None = None
    ) -> object:
        kwargs = kwargs or {}
        if func is functional.batch_norm and _is_plain(*args, **kwargs):
            return torch.empty_like(args[0])
        return func(*args, **kwargs)


def _is_plain(
    x: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    *_: float,
    **__: float,
) -> bool:
    """Whether a batch norm on the meta device is bound to succeed, with a number for each channel of x (B, C, ...) and
    in training more than one of x, and nobody follows gradients through it."""
    numbers = (running_mean, running_var, weight, bias)
    fits = all(tensor is None or tensor.shape == x.shape[1:2] for tensor in numbers)
    return x.is_meta and fits and not torch.is_grad_enabled() and not (training and x.numel() <= x.shape[1])


@contextlib.contextmanager
def on_meta() -> Iterator[None]:
    """In it, new tensors have a shape and no numbers: neither memory nor time."""
    with torch.device("meta"), _Undrawn():
        yield
