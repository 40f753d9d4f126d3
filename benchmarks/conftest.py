"""Timings under pytest-benchmark: `python -m pytest benchmarks --benchmark-only`. Nothing is asserted of them.

Every benchmark runs on one CPU thread, a known number of rounds, after one round that is not counted. Compare within a
group: its fastest row is 1.0, the factors of the others stand beside their times. With `--benchmark-disable` each
runs once instead, untimed, which says whether it still works.
"""

from collections.abc import Callable
from typing import Any

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


def pytest_terminal_summary(terminalreporter: Any, config: Any) -> None:
    """What stands in the benchmarks' `extra_info`, a line each."""
    session = getattr(config, "_benchmarksession", None)
    told = [b for b in session.benchmarks if b.extra_info] if session else []
    if told:
        terminalreporter.section("beside the times")
    for benchmark in told:
        facts = ", ".join(f"{name} {fact}" for name, fact in benchmark.extra_info.items())
        terminalreporter.write_line(f"{benchmark.name}: {facts}")
