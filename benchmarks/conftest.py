"""Timings under pytest-benchmark: `python -m pytest benchmarks --benchmark-only`. Nothing is asserted of them.

Every benchmark runs on one CPU thread, a known number of rounds, after one round that is not counted. Compare within a
group: its fastest row is 1.0, the factors of the others stand beside their times.
"""

from collections.abc import Callable

import pytest
import torch

ROUNDS = 15


@pytest.fixture(autouse=True)
def one_thread() -> None:
    """One thread: the same work on every machine."""
    torch.set_num_threads(1)


@pytest.fixture
def repeat(benchmark) -> Callable[[Callable[[], object]], None]:
    """Time a function of no arguments."""

    def run(work: Callable[[], object]) -> None:
        benchmark.pedantic(work, rounds=ROUNDS, warmup_rounds=1)

    return run
