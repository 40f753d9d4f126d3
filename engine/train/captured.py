"""A training's step, recorded once and then played: on a GPU the step of a small network is hundreds of kernels, many
of them shorter than what it takes Python to ask for them.

A recording is what a step asked of the device, with the addresses and the numbers that it had: whatever Python does in
between happens once. So it is good for batches of one form, one optimiser and one set of parameters, and for methods
that keep what changes from step to step in tensors (the clock is one). A method that reads a tensor in its step, draws
on the host or counts in Python is found out, and its steps are taken as they are; so they are where playing is slower.
"""

import gc
import logging
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.optim import Optimizer

from cheapconv.catalog.errors import reason
from cheapconv.engine.train.bill import Mark, Span, mark
from cheapconv.engine.train.recorder import Form, Recorder, Unrecorded, form_of
from cheapconv.engine.train.stand_ins import StandIns, parts
from cheapconv.engine.train.teachers import Passes
from cheapconv.methods.base import Method
from cheapconv.suites.base import Batch

log = logging.getLogger(__name__)

Terms = list[dict[str, Tensor]]  # loss terms of every update of a step, 0-d and without gradients
Learn = Callable[[Batch], Terms]  # a step


@dataclass(frozen=True)
class Capture:
    """How the steps of trainings side by side are recorded."""

    recorder: Recorder
    passes: Passes  # of their teachers
    rehearsals: int = 5  # steps as they are, before: momentum has to be there, and kernels to be chosen
    trials: int = 5  # steps that are played, and compared with these; 0: no step is timed
    now: Callable[[torch.device], Mark] = mark


@dataclass
class Recording:
    """A step that can be played."""

    form: Form
    stand_ins: StandIns
    terms: Terms
    replay: Callable[[], None]
    addresses: list[int]
    rehearsed: list[Span]  # steps as they are
    played: list[Span] = field(default_factory=list)
    chosen: bool = False  # over these


class Captured:
    """Takes the steps of a training: as they are, and as soon as one is recorded, by playing it."""

    def __init__(self, method: Method, device: torch.device, capture: Capture) -> None:
        self._method, self._device, self._capture = method, device, capture
        self._refused = self._over = False  # for good, and until there is something else to record
        self._epochs = 0  # that were begun in this process
        self._optimiser: Optimizer | None = None
        self._recording: Recording | None = None
        self._begin(None)

    @property
    def settled(self) -> bool:
        """Whether it has all the memory it will have: a step is recorded, or none will be, as in epochs too short."""
        return self._over or self._recording is not None or self._epochs > 1

    def begin_epoch(self, optimiser: Optimizer | None) -> None:
        """Begin anew where the optimiser, a parameter or a buffer is another than it was."""
        self._epochs += 1
        moved = self._recording is not None and self._recording.addresses != self._addresses()
        if moved or optimiser is not self._optimiser:
            self._optimiser, self._recording, self._over = optimiser, None, self._refused
            self._begin(None)
            # What is left of an autograd graph in cycles, as of a library that looked for what belongs together in the
            # network, ties its parameters to the stream of its time, which ends a capture on another one.
            gc.collect()

    def step(self, learn: Learn, batch: Batch) -> Terms:
        """Learn from a batch."""
        form = form_of(parts(batch))
        if form != self._form:  # a last, partial batch has another one, and never comes several times in turn
            self._begin(form)
        if self._recording is not None and self._recording.form == form:
            return self._play(self._recording, batch)
        if self._over:
            return learn(batch)
        if self._stand_ins is None or len(self._rehearsed) < self._capture.rehearsals:
            return self._rehearse(learn, batch)
        return self._record(learn, batch, self._stand_ins)

    def _begin(self, form: Form | None) -> None:
        """Begin to look at batches of a form."""
        self._form, self._rehearsed = form, list[Span]()
        self._stand_ins: StandIns | None = None

    def _rehearse(self, learn: Learn, batch: Batch) -> Terms:
        """A step as it is."""
        self._stand_ins, span = StandIns(batch), Span(self._now())
        with self._stand_ins.noting(batch, self._capture.passes):
            terms, refusal = self._capture.recorder.rehearse(lambda: learn(batch))
        span.ended = self._now()
        self._rehearsed.append(span)
        if (
            refusal is not None and len(self._rehearsed) == self._capture.rehearsals
        ):  # before, something may be made once
            self._refuse(refusal)
        return terms

    def _record(self, learn: Learn, batch: Batch, stand_ins: StandIns) -> Terms:
        """The first step that is played."""
        before = Unrecorded(self._method, self._device)
        try:
            with stand_ins.answering(self._capture.passes):
                terms, replay = self._capture.recorder.record(lambda: learn(stand_ins.batch))
            before.require_equal()
        except Exception as error:  # of any library: if it is not about recording, the step as it is raises it again
            before.restore()
            self._refuse(reason(error))
        else:
            assert self._form is not None, "it is that of the batch"
            self._recording = Recording(self._form, stand_ins, terms, replay, self._addresses(), self._rehearsed)
            self._recording.chosen = self._capture.trials == 0
            return self._play(self._recording, batch)
        return learn(batch)

    def _play(self, recording: Recording, batch: Batch) -> Terms:
        """A step by the recording, which is timed until it is known to be the faster way."""
        span = Span(self._now()) if len(recording.played) < self._capture.trials else None
        recording.stand_ins.stand_for(batch)
        recording.replay()
        if span is not None:
            span.ended = self._now()
            recording.played.append(span)
        if not recording.chosen and span is None and recording.played[-1].over:  # else the device would be waited for
            self._choose(recording)
        return recording.terms

    def _choose(self, recording: Recording) -> None:
        """Keep the recording, or go on without."""
        played, taken = (min(span.seconds for span in spans) for spans in (recording.played, recording.rehearsed))
        recording.chosen = True
        if played > taken:
            self._recording, self._over = None, True
            name = self._method.registered_name
            log.warning(
                "%s: a step is not captured: so it takes %.1f ms, and %.1f as it is", name, 1e3 * played, 1e3 * taken
            )

    def _refuse(self, why: str) -> None:
        """Record nothing of this training any more."""
        self._refused = self._over = True
        log.warning("%s: a step cannot be captured, and is taken as it is (%s)", self._method.registered_name, why)

    def _addresses(self) -> list[int]:
        """Of what the method trains and keeps."""
        return [tensor.data_ptr() for tensor in (*self._method.parameters(), *self._method.buffers())]

    def _now(self) -> Mark:
        return self._capture.now(self._device)
