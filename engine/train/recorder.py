"""How a device records work to play it again, and what no recording holds."""

from collections.abc import Callable, Iterable
from typing import Protocol, TypeVar

import torch
from torch import Tensor, nn

from cheapconv.suites.place import Randomness

T = TypeVar("T")

Form = tuple[tuple[torch.Size, tuple[int, ...], torch.dtype], ...]

NUMBERS = (bool, int, float, str)  # attributes that work cannot be asked to change while it is only played


def form_of(tensors: Iterable[Tensor]) -> Form:
    """What has to be alike in tensors that a recording is played on: another layout may mean another kernel."""
    return tuple((tensor.shape, tensor.stride(), tensor.dtype) for tensor in tensors)


class Recorder(Protocol):
    """How a device records work."""

    def rehearse(self, work: Callable[[], T]) -> tuple[T, str | None]:
        """Do the work as it is, which makes what is made once; and why it cannot be recorded, if that has shown."""

    def record(self, work: Callable[[], T]) -> tuple[T, Callable[[], None]]:
        """Run through the work without doing any of it on the device: what it gave, and a function that does it, each
        time with what then is at the same addresses. What cannot be recorded raises; no random number is drawn."""


class Unrecorded:
    """What Python, not the device, may change in a step: random states, and what modules hold."""

    def __init__(self, network: nn.Module, device: torch.device) -> None:
        self._randomness = Randomness(device)
        self._held = [(module, dict(vars(module)), dict(module._buffers)) for module in network.modules()]

    def require_equal(self) -> None:
        """RuntimeError for what would be another at every step, and stays as it is while a step is only played."""
        if not torch.equal(self._randomness.cpu, torch.get_rng_state()):
            raise RuntimeError("it draws random numbers on the host")
        for module, attributes, buffers in self._held:
            for name, value in vars(module).items():
                if isinstance(value, NUMBERS) and attributes.get(name) != value:
                    raise RuntimeError(f"it changes the attribute '{name}', which is no tensor")
            for name, buffer in module._buffers.items():
                if buffer is not buffers.get(name):
                    raise RuntimeError(f"it puts another tensor in the place of '{name}': copy_ keeps the place")

    def restore(self) -> None:
        """Let nothing have happened."""
        self._randomness.put()
        for module, attributes, buffers in self._held:
            vars(module).clear()
            vars(module).update(attributes)
            module._buffers.clear()
            module._buffers.update(buffers)
