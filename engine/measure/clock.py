"""Latency and throughput of inference, and what the machine itself can do: warm, synchronised, medians with spread.

Latency is one float32 image on one CPU thread (or one CUDA stream); throughput is a large batch on all threads of the
run. Both in channels-last layout; whoever calls has the machine to itself (engine/measure/turn.py).
"""

import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn

WARM_UP_RUNS, MIN_RUNS, MAX_RUNS = 5, 10, 300
THROUGHPUT_BATCH = {"cpu": 128, "cuda": 1024}
LARGE = 64 * 64  # pixels of an image above which fewer of them are a large batch


def throughput_batch(shape: Sequence[int], device: torch.device) -> int:
    """Images (C, H, W) of the batch by which throughput is measured: of large ones as many pixels as of small ones."""
    pixels = shape[-2] * shape[-1]
    return max(1, THROUGHPUT_BATCH[device.type] * LARGE // max(pixels, LARGE))


@torch.inference_mode()
def latency(network: nn.Module, shape: tuple[int, int, int], device: torch.device, budget_s: float) -> dict[str, Any]:
    """Milliseconds of one image, on one CPU thread."""
    image = _images(1, shape, device)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        times = _repeat(lambda: network(image), device, budget_s)
    finally:
        torch.set_num_threads(threads)
    low, middle, high = _quartiles([1000 * t for t in times])
    return {
        "batch": 1,
        "threads": 1,
        "precision": "fp32",
        "median_ms": middle,
        "q25_ms": low,
        "q75_ms": high,
        "runs": len(times),
    }


@torch.inference_mode()
def throughput(
    network: nn.Module,
    shape: tuple[int, int, int],
    device: torch.device,
    budget_s: float,
    batch: int | None = None,
) -> dict[str, Any]:
    """Images a second at a large batch, on all threads of this run."""
    batch = batch or throughput_batch(shape, device)
    images = _images(batch, shape, device)
    times = _repeat(lambda: network(images), device, budget_s)
    low, middle, high = _quartiles([batch / t for t in times])
    return {
        "batch": batch,
        "threads": torch.get_num_threads(),
        "precision": "fp32",
        "images_per_s": middle,
        "q25": low,
        "q75": high,
        "runs": len(times),
    }


@torch.inference_mode()
def calibrate(device: torch.device, budget_s: float = 0.5) -> dict[str, float]:
    """The machine's own speed at this moment: float32 matrix product (GFLOP/s, 2 n^3 each) and copy (GB/s, read and
    written bytes), on all threads. A timing from a busy machine shows itself here."""
    size = 1024 if device.type == "cpu" else 4096  # the copy takes 128 size^2 bytes
    a, b = torch.rand(size, size, device=device), torch.rand(size, size, device=device)
    product = statistics.median(_repeat(lambda: a @ b, device, budget_s))
    source = torch.rand(16 * size * size, device=device)
    target = torch.empty_like(source)
    copy = statistics.median(_repeat(lambda: target.copy_(source), device, budget_s))
    return {"gflops": 2 * size**3 / product / 1e9, "gb_per_s": 2 * source.nbytes / copy / 1e9}


def _repeat(work: Callable[[], object], device: torch.device, budget_s: float) -> list[float]:
    """Seconds of each of at least MIN_RUNS synchronised runs, more while the budget lasts, after a warm-up."""
    for _ in range(WARM_UP_RUNS):
        work()
    _synchronise(device)
    times: list[float] = []
    while len(times) < MIN_RUNS or (sum(times) < budget_s and len(times) < MAX_RUNS):
        begun = time.perf_counter()
        work()
        _synchronise(device)
        times.append(time.perf_counter() - begun)
    return times


def _images(count: int, shape: tuple[int, int, int], device: torch.device) -> torch.Tensor:
    """Random images (B, C, H, W): zeros can run faster than real data."""
    images = torch.rand((count, *shape), generator=torch.Generator().manual_seed(0))
    return images.to(device).contiguous(memory_format=torch.channels_last)


def _quartiles(values: list[float]) -> list[float]:
    return statistics.quantiles(values, n=4, method="inclusive")


def _synchronise(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
