"""Where the time of a step goes, what memory it takes at most, and how fast it could be at all."""

import functools
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

STEP = 3  # multiply-adds of a training step, in those of its forward pass: the gradients of inputs and of weights
MOVED = 5  # times that a training step moves a map: written, read; its gradient written, read, and itself read again
LOOKED_AT = 2  # times that a frozen network does: written, read
FLOAT = 4  # bytes


@dataclass
class Shares:
    """Seconds by what they were spent on, each without what was done within it."""

    seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    _within: list[float] = field(default_factory=list)  # seconds of what was done within each that is under way

    def timed(self, name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        """The same function, on the clock."""

        @functools.wraps(work)
        def on_the_clock(*args: Any, **kwargs: Any) -> Any:
            begun = time.perf_counter()
            self._within.append(0.0)
            try:
                return work(*args, **kwargs)
            finally:
                took = time.perf_counter() - begun
                self.seconds[name] += took - self._within.pop()
                if self._within:
                    self._within[-1] += took

        return on_the_clock

    def of(self, name: str, owner: Any, method: str) -> None:
        """Put a method of an object on the clock."""
        setattr(owner, method, self.timed(name, getattr(owner, method)))


def peak_bytes(work: Callable[[], object]) -> int | None:
    """What the process takes beside what it has, at most, while it works; None where the kernel does not say."""
    try:
        Path("/proc/self/clear_refs").write_text("5")  # let the high-water mark fall to what is there now
        before = _status("VmRSS")
        work()
        return _status("VmHWM") - before
    except OSError:
        return None


def _status(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name + ":"))


@dataclass(frozen=True)
class Rates:
    """What this machine can do at most, with the threads that are set."""

    macs_per_s: float
    bytes_per_s: float  # read and written

    @classmethod
    def measured(cls) -> "Rates":
        """The better of the two libraries' matrix products, and a copy of 256 MiB."""
        a, x, w, big = torch.rand(1024, 1024), torch.rand(8, 512, 32, 32), torch.rand(512, 512, 1, 1), torch.rand(2**26)
        x = x.contiguous(memory_format=torch.channels_last)
        to = torch.empty_like(big)
        product, convolution = _best(lambda: a @ a), _best(lambda: torch.conv2d(x, w))
        macs = max(1024**3 / product, 512 * 512 * 8 * 1024 / convolution)
        return cls(macs, 2 * FLOAT * big.numel() / _best(lambda: to.copy_(big)))

    def floor_s(self, macs: float, moved: float) -> float:
        """No step with so many multiply-adds and bytes is faster."""
        return max(macs / self.macs_per_s, moved / self.bytes_per_s)


def _best(work: Callable[[], object], times: int = 7) -> float:
    def once() -> float:
        begun = time.perf_counter()
        work()
        return time.perf_counter() - begun

    return min(once() for _ in range(times))


@torch.no_grad()
def map_bytes(network: nn.Module, x: torch.Tensor) -> int:
    """Of what all layers of a network give for x."""
    total = 0

    def add(module: nn.Module, inputs: Any, output: Any) -> None:
        nonlocal total
        total += output.numel() * FLOAT

    leaves = [module for module in network.modules() if not [*module.children()]]
    hooks = [leaf.register_forward_hook(add) for leaf in leaves]
    network(x)
    for hook in hooks:
        hook.remove()
    return total
