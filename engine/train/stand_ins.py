"""Tensors that stand for a batch, and for what teachers make of it, in a step that is recorded.

A recorded step reads the same addresses whenever it is played. So the batch is copied there before, and so is what its
teachers answer: they are asked outside of the recording, where one pass serves all trainings of a cohort and is on the
bill as ever. What a step asks them shows in the one before it is recorded; whatever else it asks is recorded with it, a
pass of its own.
"""

import contextlib
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from cheapconv.engine.train.teachers import Asked, Passes, Seen, tensors_of
from cheapconv.suites.base import Batch


def parts(batch: Batch) -> list[Tensor]:
    """The tensors of a batch, each once: the first view is its `x`."""
    return [*{id(tensor): tensor for tensor in (batch.x, batch.y, batch.index, *batch.views)}.values()]


class Question(NamedTuple):
    """What a step has asked a teacher, and of which tensors."""

    asked: Asked
    of: tuple[int, ...]  # their numbers: those of the batch, then those of the answers in their order
    whole: bool  # of one tensor, not of a list
    autocast: torch.dtype | None  # None: it was off


class StandIns:
    """Those of batches of one form; `batch` is made of them."""

    def __init__(self, batch: Batch) -> None:
        own = {id(tensor): tensor.clone() for tensor in parts(batch)}  # of the same layout
        x, y, index = (own[id(tensor)] for tensor in (batch.x, batch.y, batch.index))
        self.batch = Batch(x, y, index, tuple(own[id(view)] for view in batch.views))
        self._answers: dict[Question, Tensor | list[Tensor]] = {}

    @contextlib.contextmanager
    def noting(self, batch: Batch, passes: Passes) -> Iterator[None]:
        """Within it a step on a batch of the form is taken as it is, and shows what it asks."""
        known = _Numbered(parts(batch))

        def note(asked: Asked, seen: Seen) -> Tensor | list[Tensor]:
            question, made = known.question(asked, seen), asked(seen)
            if question is not None and question not in self._answers:
                stand_ins = [tensor.clone() for tensor in tensors_of(made)]
                self._answers[question] = stand_ins[0] if isinstance(made, Tensor) else stand_ins
                known.add(tensors_of(made))
            return made

        with passes.heard_by(note):
            yield

    @contextlib.contextmanager
    def answering(self, passes: Passes) -> Iterator[None]:
        """Within it a step on `batch` gets stand-ins for answers."""
        known = _Numbered(parts(self.batch))
        for given in self._answers.values():
            known.add(tensors_of(given))

        def answer(asked: Asked, seen: Seen) -> Tensor | list[Tensor]:
            question = known.question(asked, seen)
            found = None if question is None else self._answers.get(question)
            if found is None or not known.intact(tensors_of(found)):
                return asked(seen)
            return [*found] if isinstance(found, list) else found

        with passes.heard_by(answer):
            yield

    @torch.no_grad()
    def stand_for(self, batch: Batch) -> None:
        """Let them be another batch, and what its teachers make of it."""
        actual = parts(batch)
        for stand_in, tensor in zip(parts(self.batch), actual, strict=True):
            stand_in.copy_(tensor)
        for question, answer in self._answers.items():
            seen = [actual[number] for number in question.of]
            # As it was asked then: a teacher in half the width gives other bits.
            enabled = question.autocast is not None
            with torch.autocast(batch.x.device.type, dtype=question.autocast, enabled=enabled):
                made = tensors_of(question.asked(seen[0] if question.whole else seen))
            for stand_in, tensor in zip(tensors_of(answer), made, strict=True):
                stand_in.copy_(tensor)
            actual += made


class _Numbered:
    """Tensors by number, known by identity and as they were: what was written into is another tensor."""

    def __init__(self, tensors: Iterable[Tensor]) -> None:
        self._count = 0
        self._of: dict[int, tuple[int, Tensor, int]] = {}  # by id, held so that no other tensor gets it
        self.add(tensors)

    def add(self, tensors: Iterable[Tensor]) -> None:
        """Number some more."""
        for tensor in tensors:
            self._of[id(tensor)] = self._count, tensor, tensor._version
            self._count += 1

    def intact(self, tensors: Iterable[Tensor]) -> bool:
        """Whether all have numbers, and are as they were."""
        return all(id(tensor) in self._of and self._of[id(tensor)][2] == tensor._version for tensor in tensors)

    def question(self, asked: Asked, seen: Seen) -> Question | None:
        """The question by numbers; None where it is of other tensors."""
        inputs = tensors_of(seen)
        if not self.intact(inputs):
            return None
        device = inputs[0].device.type
        autocast = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else None
        numbers = tuple(self._of[id(tensor)][0] for tensor in inputs)
        return Question(asked, numbers, isinstance(seen, Tensor), autocast)
