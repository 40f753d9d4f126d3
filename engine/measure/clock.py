"""Latency and throughput of inference: warm, synchronised, medians with their quartiles and best decile.

Latency is one float32 image on one CPU thread (or one CUDA stream), on more where they are asked for; throughput is a
large batch on all threads of the run. Both in channels-last layout; whoever calls has the machine to itself
(engine/measure/turn.py).

The one thread is not pinned to a core. Pinned to the one that had been idle longest, in slices that took turns with
free ones on two busy cores, it was neither quicker nor steadier: of six pairs of medians (WRN-16-1 and WRN-40-2 G(4))
five were within 3 % and one within 10, and the slices of each spread by 17 to 28 % pinned and by 19 to 31 % free.
"""

import statistics
import time
from collections.abc import Callable, Sequence

import torch

from cheapconv.engine.store.records import Latency, Throughput

THROUGHPUT_BATCH = {"cpu": 128, "cuda": 1024}
LARGE = 64 * 64  # pixels of an image above which fewer of them are a large batch

# Logits of images (B, C, H, W), float32, by whoever computes them: a network of torch, or another runtime's.
Run = Callable[[torch.Tensor], object]


def throughput_batch(shape: Sequence[int], device: torch.device) -> int:
    """Images (C, H, W) of the batch by which throughput is measured: of large ones as many pixels as of small ones."""
    pixels = shape[-2] * shape[-1]
    return max(1, THROUGHPUT_BATCH[device.type] * LARGE // max(pixels, LARGE))


def latency_of(seconds: Sequence[float], precision: str = "fp32", threads: int = 1) -> Latency:
    """What runs of one image have taken."""
    best, low, middle, high = (1000 * t for t in _spread(seconds))
    return Latency(
        batch=1,
        threads=threads,
        precision=precision,
        median_ms=middle,
        q25_ms=low,
        q75_ms=high,
        q10_ms=best,
        runs=len(seconds),
    )


def throughput_of(seconds: Sequence[float], batch: int, precision: str = "fp32") -> Throughput:
    """What runs of `batch` images on all threads of this run have done."""
    best, high, middle, low = (batch / t for t in _spread(seconds))
    return Throughput(
        batch=batch,
        threads=torch.get_num_threads(),
        precision=precision,
        images_per_s=middle,
        q25=low,
        q75=high,
        q90=best,
        runs=len(seconds),
    )


def shown_ms(ms: float) -> str:
    """Three digits, or the whole number of a long time: `0.0234`, `12.3`, `1,234`."""
    return f"{ms:.3g}" if ms < 999.5 else f"{ms:,.0f}"


def repeat(
    work: Callable[[], object],
    device: torch.device,
    budget_s: float,
    *,
    before: int,
    least: int,
    most: int,
) -> list[float]:
    """Seconds of each of `least` to `most` synchronised runs, as many as the budget lasts, after some unmeasured."""
    for _ in range(before):
        work()
    _synchronise(device)
    times: list[float] = []
    while len(times) < least or (sum(times) < budget_s and len(times) < most):
        begun = time.perf_counter()
        work()
        _synchronise(device)
        times.append(time.perf_counter() - begun)
    return times


def random_images(count: int, shape: tuple[int, int, int], device: torch.device) -> torch.Tensor:
    """Random images (B, C, H, W): zeros can run faster than real data."""
    images = torch.rand((count, *shape), generator=torch.Generator().manual_seed(0))
    return images.to(device).contiguous(memory_format=torch.channels_last)


def _spread(seconds: Sequence[float]) -> tuple[float, float, float, float]:
    """The best decile, the lower quartile, the median and the upper quartile."""
    parts = statistics.quantiles(seconds, n=20, method="inclusive")
    return parts[1], parts[4], parts[9], parts[14]


def _synchronise(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
