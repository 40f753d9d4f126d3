"""What the machine itself can do at a moment: a float32 matrix product (GFLOP/s) and a copy (GB/s, read and written
bytes), on all threads of the run.

It is asked before and after everything that is timed, so it is short: four products of 1024 x 1024 by 1024 x 256
numbers, and one copy of 64 MiB in four parts (16 times as much on a GPU). The median of each counts.

Two moments are compared by the smaller of the two ratios: some networks wait for arithmetic and some for memory, so
a machine that has lost either is not the same. What they are compared with is the best of the whole measuring: the best
decile of each number, since the very best one may be a processor's short boost.
"""

import itertools
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import torch

from cheapconv.engine.measure import clock

RUNS = 4


@dataclass(frozen=True)
class Speed:
    """Of the machine, at a moment or over several."""

    gflops: float
    gb_per_s: float

    @classmethod
    def middle(cls, speeds: Sequence[Self]) -> Self:
        """The medians of each number."""
        return cls(statistics.median(s.gflops for s in speeds), statistics.median(s.gb_per_s for s in speeds))

    @classmethod
    def best(cls, speeds: Sequence[Self]) -> Self:
        """The best deciles of each number, of at least two."""
        gflops, gb_per_s = [s.gflops for s in speeds], [s.gb_per_s for s in speeds]
        return cls(*(statistics.quantiles(each, n=10, method="inclusive")[8] for each in (gflops, gb_per_s)))

    def share_of(self, best: Self) -> float:
        """The smaller of the two ratios: 0.5 at half the arithmetic, or half the memory's speed."""
        return min(self.gflops / best.gflops, self.gb_per_s / best.gb_per_s)


class Calibration:
    """Asks the machine; keeps its matrices, since their allocation takes longer than the question."""

    def __init__(self, device: torch.device) -> None:
        self._device, self._before = device, RUNS  # the first time, threads and kernels are not there yet
        size = 1024 if device.type == "cpu" else 4096
        self._a, self._b = torch.rand(size, size, device=device), torch.rand(size, size // 4, device=device)
        self._source = torch.rand(RUNS, 16 * size * size // RUNS, device=device)
        self._target = torch.empty_like(self._source)

    def __call__(self) -> Speed:
        """The machine's speed now."""
        before, self._before = self._before, 0
        parts = itertools.cycle(zip(self._target, self._source, strict=True))  # all of it, before one comes again
        product_s = statistics.median(
            clock.repeat(lambda: self._a @ self._b, self._device, 0, before=before, least=RUNS, most=RUNS)
        )
        copy_s = statistics.median(
            clock.repeat(
                lambda: torch.Tensor.copy_(*next(parts)), self._device, 0, before=before, least=RUNS, most=RUNS
            )
        )
        operations, copied = 2 * len(self._a) * self._b.numel(), 2 * self._source[0].nbytes
        return Speed(operations / product_s / 1e9, copied / copy_s / 1e9)
