"""Timings: medians with quartiles of warm, synchronised runs, on one thread where one image counts."""

from dataclasses import asdict

import pytest
import torch
from torch import Tensor, nn

from cheapconv.engine.measure import clock
from cheapconv.engine.measure.passes import Stopwatch, Work
from tests.engine.tiny import CPU

SHAPE = (3, 8, 8)


def test_latency_is_the_median_of_single_images_with_its_spread():
    assert asdict(clock.latency_of([0.004, 0.001, 0.003, 0.002, 0.100] * 2, threads=3)) == {
        "batch": 1,
        "threads": 3,
        "precision": "fp32",
        "median_ms": pytest.approx(3.0),
        "q25_ms": pytest.approx(2.0),
        "q75_ms": pytest.approx(4.0),
        "q10_ms": pytest.approx(1.0),
        "runs": 10,
    }


def test_throughput_is_images_a_second_on_all_threads():
    torch.set_num_threads(2)
    assert asdict(clock.throughput_of([0.5, 0.25, 1.0, 0.5, 0.5] * 2, batch=128)) == {
        "batch": 128,
        "threads": 2,
        "precision": "fp32",
        "images_per_s": pytest.approx(256.0),
        "q25": pytest.approx(256.0),
        "q75": pytest.approx(256.0),
        "q90": pytest.approx(512.0),
        "runs": 10,
    }


def test_images_are_random_float32_in_channels_last():
    """Zeros can be faster than data."""
    x = clock.random_images(128, SHAPE, CPU)
    assert x.shape == (128, *SHAPE)
    assert x.dtype == torch.float32
    assert x.is_contiguous(memory_format=torch.channels_last)
    assert len(x.unique()) > 1000


@pytest.mark.parametrize(
    ("seconds", "budget_s", "runs"),
    [
        (0.01, 0.255, 26),  # until the budget is spent
        (10.0, 1.0, 10),  # a slow network gets its least number
        (1e-6, 1.0, 300),  # a fast one no more than the most
    ],
)
def test_runs_last_as_long_as_the_budget(seconds, budget_s, runs, durations):
    durations(seconds)
    ran: list[None] = []
    times = clock.repeat(lambda: ran.append(None), CPU, budget_s, before=5, least=10, most=300)
    assert times == pytest.approx([seconds] * runs, rel=1e-3)
    assert len(ran) == 5 + runs


def test_the_threads_come_back_when_a_network_fails():
    class Broken(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            raise ValueError("broken")

    torch.set_num_threads(2)
    with pytest.raises(ValueError, match="broken"):
        Stopwatch(CPU).slice(Work("broken", Broken(), None, SHAPE))
    assert torch.get_num_threads() == 2
