"""Where one process of a cell computes, and the random numbers that a training has to itself.

A process has one set of random generators and one number of CPU threads, and two trainings may share the process. Each
therefore brings its own and puts them in use only for as long as it computes: `place.in_use(randomness)`.
"""

import contextlib
import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor


def seed_of(*parts: object) -> int:
    """A 63-bit seed that depends on every part and on nothing else (Python's own hash changes from run to run)."""
    digest = hashlib.sha256(repr(parts).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def moved(tensor: Tensor, device: torch.device) -> Tensor:
    """A tensor of the host on a device, without waiting for it: to a GPU it goes from memory that stays where it is."""
    if device.type != "cuda":
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)


class Randomness:
    """States of torch's global generators: the CPU's and, where the device is a GPU, that GPU's."""

    cpu: Tensor  # (bytes,) uint8, as torch.get_rng_state gives it
    cuda: Tensor | None

    def __init__(self, device: torch.device, seed: int | None = None) -> None:
        """The beginning that belongs to a seed; without one, what the process would draw next."""
        self._device = device
        self.take() if seed is None else self.seed(seed)

    def seed(self, seed: int) -> None:
        """Begin anew: what `torch.manual_seed` would do, but to this object alone."""
        self.cpu = torch.Generator("cpu").manual_seed(seed).get_state()
        self.cuda = torch.Generator(self._device).manual_seed(seed).get_state() if self._on_gpu else None

    def put(self) -> None:
        """Let the process go on from here."""
        torch.set_rng_state(self.cpu)
        if self.cuda is not None:
            torch.cuda.set_rng_state(self.cuda, self._device)

    def take(self) -> None:
        """Remember where the process has come to."""
        self.cpu = torch.get_rng_state()
        self.cuda = torch.cuda.get_rng_state(self._device) if self._on_gpu else None

    def state_dict(self) -> dict[str, Tensor | None]:
        """Both states."""
        return {"cpu": self.cpu, "cuda": self.cuda}

    def load_state_dict(self, state: dict[str, Tensor | None]) -> None:
        """Go on from there; a state that was saved on another kind of device leaves the GPU's as it is."""
        assert state["cpu"] is not None, "every process has a CPU"
        self.cpu = state["cpu"]
        if self._on_gpu and state["cuda"] is not None:
            self.cuda = state["cuda"]

    @property
    def _on_gpu(self) -> bool:
        return self._device.type == "cuda"


def cores() -> int:
    """How many this process may compute on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True)
class Place:
    """A device with a number of CPU threads, for process `rank` of the `world` that train a cell together."""

    device: torch.device
    threads: int = 1
    rank: int = 0
    world: int = 1
    sharing: int = 1  # processes with a part of the device's time each, so that all take longer than one alone

    @contextlib.contextmanager
    def in_use(self, randomness: Randomness | None = None) -> Iterator[None]:
        """Within it the process has this place's threads and draws from `randomness`, which moves on; after it the
        process is as it was before."""
        outside, threads = Randomness(self.device), torch.get_num_threads()
        _set_threads(self.threads)
        if randomness is not None:
            randomness.put()
        try:
            yield
        finally:
            if randomness is not None:
                randomness.take()
                outside.put()
            _set_threads(threads)

    def synchronise(self) -> None:
        """Wait until everything that was asked of the device is done; without it a clock on a GPU shows how fast work
        is handed over."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)


def _set_threads(count: int) -> None:
    """Set the CPU threads, where that changes anything: it costs more than to look."""
    if torch.get_num_threads() != count:
        torch.set_num_threads(count)
