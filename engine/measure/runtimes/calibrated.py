"""The images that a quantiser learns the ranges of activations from, as runtimes take them."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cheapconv.engine.measure.runtimes.base import Job

if TYPE_CHECKING:
    from torch import Tensor


def batches(job: Job) -> "Iterator[Tensor]":
    """The calibration images (N, C, H, W) as batches (B, C, H, W), the last one filled up with the first images: ranges
    do not depend on B."""
    import torch

    assert job.calibration is not None
    count = len(job.calibration)
    for start in range(0, count, job.batch):
        yield job.calibration[torch.arange(start, start + job.batch) % count].contiguous()
