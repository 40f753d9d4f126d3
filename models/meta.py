"""Building networks that are only looked at: on the meta device, without drawing weights that have no place.

PyTorch draws random numbers on the meta device too, by Python code of milliseconds for every layer.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

_DRAWS = {
    *(torch.Tensor.normal_, torch.Tensor.uniform_, torch.Tensor.bernoulli_),
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


@contextlib.contextmanager
def on_meta() -> Iterator[None]:
    """In it, new tensors have a shape and no numbers: neither memory nor time."""
    with torch.device("meta"), _Undrawn():
        yield
