"""Timings: medians with quartiles of warm, synchronised runs, on one thread where one image counts."""

from dataclasses import asdict

import pytest
import torch
from torch import Tensor, nn

from cheapconv.engine.measure import clock as timing
from tests.engine.tiny import CPU

SHAPE = (3, 8, 8)


class Probe(nn.Module):
    """Remembers what it is given and under which settings."""

    def __init__(self) -> None:
        super().__init__()
        self.inputs: list[Tensor] = []
        self.threads: list[int] = []
        self.inference: list[bool] = []

    def forward(self, x: Tensor) -> Tensor:
        self.inputs.append(x)
        self.threads.append(torch.get_num_threads())
        self.inference.append(torch.is_inference_mode_enabled())
        return x


def test_latency_is_the_median_of_single_images_on_one_thread(durations):
    torch.set_num_threads(2)
    durations(0.004, 0.001, 0.003, 0.002, 0.100)
    probe = Probe()
    found = timing.latency(probe, SHAPE, CPU, budget_s=0)
    assert asdict(found) == {
        "batch": 1,
        "threads": 1,
        "precision": "fp32",
        "median_ms": pytest.approx(3.0),
        "q25_ms": pytest.approx(2.0),
        "q75_ms": pytest.approx(4.0),
        "q10_ms": pytest.approx(1.0),
        "runs": timing.MIN_RUNS,
    }
    assert len(probe.inputs) == timing.WARM_UP_RUNS + timing.MIN_RUNS
    assert set(probe.threads) == {1}
    assert set(probe.inference) == {True}
    assert torch.get_num_threads() == 2


def test_throughput_is_images_a_second_on_all_threads(durations):
    torch.set_num_threads(2)
    durations(0.5, 0.25, 1.0, 0.5, 0.5)
    probe = Probe()
    found = timing.throughput(probe, SHAPE, CPU, budget_s=0)
    assert asdict(found) == {
        "batch": 128,
        "threads": 2,
        "precision": "fp32",
        "images_per_s": pytest.approx(256.0),
        "q25": pytest.approx(256.0),
        "q75": pytest.approx(256.0),
        "q90": pytest.approx(512.0),
        "runs": timing.MIN_RUNS,
    }
    assert set(probe.threads) == {2}


def test_images_are_random_float32_in_channels_last(durations):
    """Zeros can be faster than data."""
    durations(0.1)
    probe = Probe()
    timing.throughput(probe, SHAPE, CPU, budget_s=0)
    x = probe.inputs[0]
    assert x.shape == (128, *SHAPE)
    assert x.dtype == torch.float32
    assert x.is_contiguous(memory_format=torch.channels_last)
    assert len(x.unique()) > 1000


@pytest.mark.parametrize(
    ("seconds", "budget_s", "runs"),
    [
        (0.01, 0.255, 26),  # until the budget is spent
        (10.0, 1.0, timing.MIN_RUNS),  # a slow network gets its least number
        (1e-6, 1.0, timing.MAX_RUNS),  # a fast one no more than the most
    ],
)
def test_runs_last_as_long_as_the_budget(seconds, budget_s, runs, durations):
    durations(seconds)
    assert timing.latency(Probe(), SHAPE, CPU, budget_s).runs == runs


def test_the_threads_come_back_when_a_network_fails():
    class Broken(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            raise ValueError("broken")

    torch.set_num_threads(2)
    with pytest.raises(ValueError, match="broken"):
        timing.latency(Broken(), SHAPE, CPU, budget_s=0)
    assert torch.get_num_threads() == 2
