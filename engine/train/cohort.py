"""Trainings of equal suite, recipe and seed side by side, in one process: they see the same batches, so each batch is
made once, each teacher looks at it once, and then every training takes its step, with the bits that it has alone.

Who is furthest behind goes first. So trainings that were stopped an epoch apart meet again, and one that joins late
catches up; those that stand at the same step share its batch.
"""

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from torch import Tensor

from cheapconv.engine.store.runs import Run
from cheapconv.engine.train import checkpoint, ranks
from cheapconv.engine.train.evaluate import samples
from cheapconv.engine.train.feed import At, Feed
from cheapconv.engine.train.teachers import Teachers
from cheapconv.engine.train.training import Training
from cheapconv.suites.base import Split

CHECKPOINT_MINUTES = 10  # at most so much is lost to a kill; an epoch of ImageNet is an hour


class Watched(Protocol):
    """Who is told of a training, and what becomes of it in the end."""

    def stepped(self, training: Training) -> None:
        """It has taken a step."""

    def epoch_ended(self, training: Training) -> None:
        """An epoch is evaluated and checkpointed."""

    def ended(self, training: Training) -> None:
        """It is through with its last epoch."""

    def stopped(self, training: Training) -> None:
        """It was asked to stop; its checkpoint is written."""

    def failed(self, training: Training, error: Exception | SystemExit, alone: bool) -> None:
        """It cannot go on; raises what ends all of the cohort."""


class Member:
    """A training in a cohort, and the folder of its checkpoints."""

    def __init__(self, training: Training, run: Run, watched: Watched) -> None:
        self.training, self.run, self.watched = training, run, watched
        self.begun = False  # this epoch, in this process
        self.saved_at = time.monotonic()

    @property
    def at(self) -> At:
        """Where it stands."""
        return self.training.position.epoch, self.training.position.step

    @property
    def views(self) -> int:
        """How many copies of an image its batches have."""
        return self.training.method.views

    def due(self, minutes: float) -> bool:
        """Whether the last checkpoint is so old, by the clock of the process that leads."""
        return bool(ranks.decided(self.training.place, time.monotonic() - self.saved_at > 60 * minutes))

    def save(self) -> None:
        """Write its checkpoint; of several processes that train it, one does."""
        state = self.training.state_dict()
        if self.training.place.rank == 0:
            checkpoint.save(self.run.folder, state)
        self.saved_at = time.monotonic()  # after writing: a slow disk must not be all that is done


class Cohort:
    """Steps its members until all have left: done, stopped, or failed, which is no other's affair."""

    def __init__(
        self,
        feed: Feed,
        teachers: Teachers,
        should_stop: Callable[[], bool] = lambda: False,
        has_room: Callable[[int, int], bool] = lambda members, growing: True,
        checkpoint_minutes: float = CHECKPOINT_MINUTES,
    ) -> None:
        self.members: list[Member] = []
        self._full_at: int | None = None  # members, when there was no room for more
        self._all_asked = False
        self._feed, self._passes = feed, teachers.passes
        self._should_stop, self._has_room, self._checkpoint_minutes = should_stop, has_room, checkpoint_minutes

    def run(self, applicants: Iterator[Member]) -> None:
        """Train all applicants to their ends; each is asked for when those before it have shown what room they need."""
        while self._admitted(applicants) or self.members:
            self._round()
            if self._stopping():
                self._stop()
                return

    def _stopping(self) -> bool:
        """Whether to stop, of which the process that leads is told."""
        if not self.members:
            return self._should_stop()
        with self._leaving(self.members[0]):
            return bool(ranks.decided(self.members[0].training.place, self._should_stop()))
        return False

    def _admitted(self, applicants: Iterator[Member]) -> bool:
        """Let the next one in, if there is one and room for it: what it takes shows after its first step, or once a
        step is recorded."""
        count, growing = len(self.members), sum(not member.training.settled for member in self.members)
        if self._all_asked or (self._full_at is not None and count >= self._full_at) or growing == count == 1:
            return False
        if count and not self._has_room(count, growing):
            self._full_at = None if growing else count  # until one has left
            return False
        new = next(applicants, None)
        if new is None:
            self._all_asked = True
            return False
        self.members.append(new)
        if new.training.done:  # from a checkpoint of the last epoch, whose result was not written any more
            self._end(new)
        return True

    def _round(self) -> None:
        """One step of all that are furthest behind, and what follows from it."""
        front = min((member.at for member in self.members), default=None)
        level = [member for member in self.members if member.at == front]
        for number, member in enumerate(sorted(level, key=lambda member: member.views)):  # one batch after the other
            if number and self._should_stop():
                break  # the others are a step behind then, which they take first when they go on
            self._step(member)
        self._feed.divide()
        self._passes.divide()
        stepped = [member for member in level if member in self.members]
        self._end_epochs([member for member in stepped if member.begun and member.training.epoch_over])
        for member in stepped:
            if member in self.members:
                with self._leaving(member):
                    if member.due(self._checkpoint_minutes):
                        member.save()

    def _step(self, member: Member) -> None:
        """Let it learn from the batch of its step."""
        training = member.training
        with self._leaving(member):
            if not member.begun:
                training.begin_epoch()
                member.begun = True
            if training.epoch_over:  # one without steps
                return
            batch = self._feed.batch(member.at, member.views, training.bill)
            self._passes.look_at(batch, training.bill)
            training.step(batch)
            if not all(map(self._passes.intact, batch.views)):
                self._feed.forget()  # written into: the next one gets what this one was given
            member.watched.stepped(training)

    def _end_epochs(self, members: Sequence[Member]) -> None:
        """Of those that are through with one: what each learns from it, scores on batches that are made once for all,
        and what is written."""
        for member in members:
            with self._leaving(member):
                member.training.learnt()
        examined = [member for member in members if member in self.members and member.training.examined]
        for split, x, y in self._samples(examined):
            for member in (member for member in examined if member in self.members):
                with self._leaving(member):
                    member.training.answer(split, x.clone(), y.clone())  # its own, should it write into them
        for member in (member for member in members if member in self.members):
            with self._leaving(member):
                self._end_epoch(member)

    def _samples(self, examined: Sequence[Member]) -> Iterator[tuple[Split, Tensor, Tensor]]:
        """What to test them on. Where it cannot be made, they all leave."""
        made = samples(self._feed.data, examined[0].training.recipe) if examined else iter(())
        while True:
            try:
                batch = next(made, None)
            except Exception as error:
                alone = len(self.members) == 1  # also of the last one to leave
                for member in (member for member in examined if member in self.members):
                    with self._leaving(member, alone):
                        raise error
                return
            if batch is None:
                return
            yield batch

    def _end_epoch(self, member: Member) -> None:
        """Its line of the curve, and a checkpoint that begins the next epoch."""
        training, member.begun = member.training, False
        training.end_epoch()
        # The curve first: no later epoch would make up for a missing last line, while one too many is written again.
        if training.place.rank == 0:
            member.run.write_curve(training.position.curve)
        member.save()
        member.watched.epoch_ended(training)  # after the checkpoint: whoever is told may raise
        if training.done:
            self._end(member)

    def _end(self, member: Member) -> None:
        with self._leaving(member):
            self.members.remove(member)
            member.watched.ended(member.training)

    def _stop(self) -> None:
        """All leave, and could go on from where they are."""
        for member in [*self.members]:
            with self._leaving(member):
                if member.training.position.step:  # else the checkpoint of the epoch before says it all
                    member.save()
                self.members.remove(member)
                member.watched.stopped(member.training)

    @contextlib.contextmanager
    def _leaving(self, member: Member, alone: bool | None = None) -> Iterator[None]:
        """What goes wrong in it ends this member, and no other; whether it was `alone` then, if not told here."""
        alone = len(self.members) == 1 if alone is None else alone
        try:
            yield
        except (Exception, SystemExit) as error:  # the latter of a method that ends what it takes for its own program
            if member in self.members:
                self.members.remove(member)
            member.watched.failed(member.training, error, alone)
