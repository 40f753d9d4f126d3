"""A recorder for tests: on the CPU, what a CUDA graph does.

Every operation of one run is kept with the very tensors that it read and gave. To play it is to do the same operations
again and to put what they give where the first results lie: Python's numbers are what they were, addresses too. As in a
capture, recording itself changes no tensor and draws nothing, and what would read a tensor raises.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

T = TypeVar("T")
aten = torch.ops.aten

READS = {torch.Tag.data_dependent_output, torch.Tag.dynamic_output_shape}
BY_INDEX = {aten.index.Tensor, aten.index_put_.default, aten.index_put.default, aten._index_put_impl_.default}
UNSEEN = {Tensor.tolist, Tensor.numpy, Tensor.cpu, Tensor.__array__}  # on a CPU, no operations


class ReadsError(RuntimeError):
    """A step waits for the device."""


def tensors(values: object) -> Iterator[Tensor]:
    """All that are in arguments or results."""
    if isinstance(values, Tensor):
        yield values
    elif isinstance(values, Mapping):
        yield from tensors([*values.values()])
    elif isinstance(values, Sequence) and not isinstance(values, str):
        for value in values:
            yield from tensors(value)


def memory(values: object) -> set[int]:
    """The memory of tensors."""
    return {tensor.untyped_storage()._cdata for tensor in tensors(values)}


class EmulatedRecorder:
    """`engine.train.captured.Recorder`; counts."""

    def __init__(self) -> None:
        self.recorded = self.played = self.rehearsed = 0

    def rehearse(self, work: Callable[[], T]) -> tuple[T, str | None]:
        """The work. Its results are held as those of a recording are: autograd adds gradients in place where nobody
        else has them, and so in another layout, with other last bits."""
        self.rehearsed += 1
        with Holding():
            return work(), None

    def record(self, work: Callable[[], T]) -> tuple[T, Callable[[], None]]:
        """The work, undone."""
        tape, drawn = Tape(), torch.get_rng_state()
        try:
            with Unseen(), tape:
                made = work()
        finally:
            tape.undo()
            torch.set_rng_state(drawn)
        self.recorded += 1

        def replay() -> None:
            self.played += 1
            tape.play()

        return made, replay


class Holding(TorchDispatchMode):
    """Holds the results of all operations."""

    def __init__(self) -> None:
        super().__init__()
        self.results: list[Any] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.results.append(func(*args, **(kwargs or {})))
        return self.results[-1]


class Tape(TorchDispatchMode):
    """Operations below autograd and autocast, in their order."""

    def __init__(self) -> None:
        super().__init__()
        self.operations: list[tuple[Any, Any, Any, Any]] = []
        self._own: set[int] = set()  # memory that was taken while recording; held by what is kept
        self._before: list[tuple[Tensor, Tensor]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        refuse(func, args)
        into = [*written(func, args, kwargs)]
        self._before += [(tensor, tensor.clone()) for tensor in into if not memory(tensor) <= self._own]
        given = memory([args, kwargs])
        result = func(*args, **kwargs)
        fresh = memory(result) - given
        if into or fresh:  # a view is where it was
            self.operations.append((func, args, kwargs, result))
            self._own |= fresh
        return result

    @torch.no_grad()
    def play(self) -> None:
        """All of them, on the tensors as they are now."""
        for func, args, kwargs, result in self.operations:
            for place, new in zip(tensors(result), tensors(func(*args, **kwargs)), strict=True):
                if place is not new:
                    place.copy_(new)

    @torch.no_grad()
    def undo(self) -> None:
        """What was there before, as it was."""
        for tensor, before in reversed(self._before):
            tensor.copy_(before)


class Unseen(TorchFunctionMode):
    """Refuses reads that are no operations on a CPU."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in UNSEEN:
            raise ReadsError(f"{func.__name__} waits for the device")
        return func(*args, **(kwargs or {}))


def refuse(func: Any, args: Iterable[Any]) -> None:
    """ReadsError for what needs a value of the device on the host, or the other way round."""
    if func in BY_INDEX:
        reads = any(tensor.dtype in (torch.bool, torch.uint8) for tensor in tensors([*args][1]))
    else:
        reads = bool(READS & {*func.tags}) or func is aten.lift_fresh.default
    if reads:
        raise ReadsError(f"{func.name()} waits for the device")


def written(func: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Iterator[Tensor]:
    """The arguments that an operation writes into."""
    named = dict(zip((a.name for a in func._schema.arguments), args, strict=False)) | dict(kwargs)
    into = {a.name for a in func._schema.arguments if a.alias_info is not None and a.alias_info.is_write}
    if "batch_norm" in func.name():
        into |= {"running_mean", "running_var"}  # which its schema does not tell
    return tensors([named.get(name) for name in sorted(into)])
