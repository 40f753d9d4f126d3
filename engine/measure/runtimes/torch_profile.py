"""What PyTorch's operators take, by its profiler: each one that the network calls, with all that it calls in turn.

The profiler takes a microsecond or two of its own for each of those, which counts as the operator's.
"""

from typing import TYPE_CHECKING, cast

from cheapconv.engine.measure.runtimes.base import Job, Prepared
from cheapconv.engine.measure.runtimes.operators import BEFORE, RUNS, conv_kind, kind_of, summed
from cheapconv.engine.measure.runtimes.quiet import quiet_below
from cheapconv.engine.store.operators import Operator

if TYPE_CHECKING:
    from torch.autograd.profiler_util import FunctionEvent

RUN = "a run of the network"
CONVOLUTIONS = ("aten::conv1d", "aten::conv2d", "aten::conv3d")


def operators(prepared: Prepared, job: Job) -> tuple[Operator, ...]:
    """By kind, of a network that PyTorch runs."""
    import torch
    from torch.autograd import profiler

    images = job.images.contiguous(memory_format=torch.channels_last)  # as they are where networks are timed
    for _ in range(BEFORE):
        prepared(images)
    with quiet_below(stream=2), profiler.profile(record_shapes=True) as profile:  # it tells stderr when it begins
        for _ in range(RUNS):
            with profiler.record_function(RUN):
                prepared(images)
    runs = [event.cpu_children for event in profile.function_events if event.name == RUN]
    return summed([[(_kind(event), event.cpu_time_total / 1000) for event in run] for run in runs])


def _kind(event: "FunctionEvent") -> str:
    """Of an operator, by its name and the shapes of its inputs."""
    if event.name in CONVOLUTIONS:
        # (B, C, H, W), (C', C / groups, k, k); the profiler's own annotation is that of one shape
        images, weight = cast("list[list[int]]", event.input_shapes)[:2]
        return conv_kind(weight[2:], images[1] // weight[1], weight[1])
    return kind_of(event.name.removeprefix("aten::"))
