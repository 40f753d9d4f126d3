"""Work of a CUDA device, recorded as a CUDA graph.

https://docs.pytorch.org/docs/stable/notes/cuda.html#cuda-graphs: a graph is captured on a stream beside the default
one, on which the work was done before so that libraries have their workspaces there, and has its own pool of memory.
"""

import contextlib
import functools
import gc
import warnings
from collections.abc import Callable, Iterator
from typing import TypeVar

import torch

T = TypeVar("T")

# What torch warns of in its debug mode for synchronisation, and when that is switched on.
WAITS, PROTOTYPE = "called a synchronizing CUDA operation", "Synchronization debug mode is a prototype feature"


class GraphRecorder:
    """Records what one process asks of a CUDA device (`engine.train.recorder.Recorder`)."""

    def __init__(self, device: torch.device) -> None:
        self._device, self._stream = device, torch.cuda.Stream(device)

    def rehearse(self, work: Callable[[], T]) -> tuple[T, str | None]:
        """The work on the stream of the captures. What waits for the device shows by torch's warnings; an attempt to
        capture it would leave parts of older versions of torch in the middle of a capture."""
        with self._aside(), _warned() as waited:
            made = work()
        return made, "it waits for the device" if waited else None

    def record(self, work: Callable[[], T]) -> tuple[T, Callable[[], None]]:
        """The work as a graph, which is launched on whatever stream is current then."""
        try:
            return self._captured(work)
        except Exception:
            # In older versions of torch the device's random generator stays in capture mode after one that failed, and
            # refuses to draw; one that succeeds takes it out.
            self._captured(lambda: torch.zeros((), device=self._device))
            raise

    def _captured(self, work: Callable[[], T]) -> tuple[T, Callable[[], None]]:
        graph = torch.cuda.CUDAGraph()
        # Other threads may copy batches meanwhile; and no other graph may be freed, which would end the capture.
        capturing = torch.cuda.graph(graph, stream=self._stream, capture_error_mode="thread_local")
        with torch.cuda.device(self._device), self._aside(), _uncollected(), capturing:
            made = work()
        return made, graph.replay

    @contextlib.contextmanager
    def _aside(self) -> Iterator[None]:
        """Within it the stream of the captures is the current one, behind all that was asked for before; what is asked
        for afterwards is behind it."""
        current = torch.cuda.current_stream(self._device)
        self._stream.wait_stream(current)
        with torch.cuda.stream(self._stream):
            yield
        current.wait_stream(self._stream)


@functools.cache  # one stream for all: each would take workspaces of its own
def recorder_on(device: torch.device) -> GraphRecorder:
    """That of a CUDA device."""
    return GraphRecorder(device)


@contextlib.contextmanager
def _warned() -> Iterator[list[str]]:
    """Collects torch's warnings of work that waits for the device, and hands on all others."""
    before, waited = torch.cuda.get_sync_debug_mode(), list[str]()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        torch.cuda.set_sync_debug_mode("warn")
        try:
            yield waited
        finally:
            torch.cuda.set_sync_debug_mode(before)
    for warning in caught:
        text = str(warning.message)
        if text.startswith(WAITS):
            waited.append(text)
        elif not text.startswith(PROTOTYPE):
            warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)


@contextlib.contextmanager
def _uncollected() -> Iterator[None]:
    """Within it Python frees nothing but what nobody holds."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()
