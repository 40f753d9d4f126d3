"""A frozen network's pass, recorded once it has been made a few times and then played: the teacher of a cheap student
is mostly many short kernels too, and one that is asked eagerly would keep a GPU waiting between the steps that it
teaches.
"""

import logging
from collections.abc import Callable, Sequence

from torch import Tensor, nn

from cheapconv.catalog.errors import reason
from cheapconv.engine.train.recorder import Form, Recorder, Unrecorded, form_of

log = logging.getLogger(__name__)

REHEARSALS = 3  # passes as they are, before: kernels have to be chosen

Make = Callable[..., Tensor | list[Tensor]]


class RecordedPasses:
    """Those of the frozen networks of a process, by what is made and of inputs of which form."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._passes: dict[tuple[object, Form], _RecordedPass] = {}

    def make(self, what: object, network: nn.Module, inputs: Sequence[Tensor], make: Make) -> Tensor | list[Tensor]:
        """What `make` gives of the inputs; equal `what`s are made alike, and autocast is part of it."""
        key = what, form_of(inputs)
        if key not in self._passes:
            self._passes[key] = _RecordedPass(self._recorder, network, make)
        return self._passes[key](inputs)


class _RecordedPass:
    """One that is made in one way, of inputs of one form."""

    def __init__(self, recorder: Recorder, network: nn.Module, make: Make) -> None:
        self._recorder, self._network, self._make = recorder, network, make
        self._rehearsed, self._refused = 0, False
        self._replay: Callable[[], None] | None = None
        self._inputs: list[Tensor] = []
        self._made: Tensor | list[Tensor] = []

    def __call__(self, inputs: Sequence[Tensor]) -> Tensor | list[Tensor]:
        if self._replay is None and not self._refused:
            if self._rehearsed < REHEARSALS:
                return self._rehearse(inputs)
            self._record(inputs)
        return self._make(*inputs) if self._replay is None else self._played(self._replay, inputs)

    def _rehearse(self, inputs: Sequence[Tensor]) -> Tensor | list[Tensor]:
        self._rehearsed += 1
        made, refusal = self._recorder.rehearse(lambda: self._make(*inputs))
        if refusal is not None and self._rehearsed == REHEARSALS:
            self._refuse(refusal)
        return made

    def _record(self, inputs: Sequence[Tensor]) -> None:
        self._inputs = [tensor.clone() for tensor in inputs]  # of the same layout
        before = Unrecorded(self._network, inputs[0].device)
        try:
            self._made, self._replay = self._recorder.record(lambda: self._make(*self._inputs))
            before.require_equal()
        except Exception as error:  # of any library: if it is not about recording, the pass as it is raises it again
            self._replay = None
            before.restore()
            self._refuse(reason(error))

    def _played(self, replay: Callable[[], None], inputs: Sequence[Tensor]) -> Tensor | list[Tensor]:
        """Copies: what is asked for next would be written over them."""
        for stand_in, tensor in zip(self._inputs, inputs, strict=True):
            stand_in.copy_(tensor)
        replay()
        return self._made.clone() if isinstance(self._made, Tensor) else [tensor.clone() for tensor in self._made]

    def _refuse(self, why: str) -> None:
        self._refused = True
        log.warning("the pass of a teacher cannot be captured, and is made as it is (%s)", why)
