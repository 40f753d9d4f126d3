"""Trainings whose steps are played by the emulated recorder, and a method small enough to look at every bit of it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from cheapconv.engine.train.captured import Capture
from cheapconv.engine.train.teachers import Passes
from cheapconv.engine.train.training import Training
from cheapconv.methods.base import Batch
from tests.engine import tiny
from tests.engine.emulated import EmulatedRecorder, tensors
from tests.engine.tiny import CPU, RECIPE, end_epoch, left
from tests.engine.toys import Quadratic

NEVER = 10**6
EPOCHS = 3


class Fit(Quadratic):
    """A linear map of the image, pulled to its labels by a noisy loss, and normalised."""

    registered_name = "fit"

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(5)
        self.norm = nn.BatchNorm1d(4)
        self.map = nn.Linear(3 * 8 * 8, 4)

    def losses(self, batch: Batch, update: int = 0) -> dict[str, Tensor]:
        """The parabola, and a regression."""
        answer = self.norm(self.map(batch.x.flatten(1))).mean(dim=1)
        noise = torch.rand_like(answer)
        return super().losses(batch) | {"fit": (answer + noise - batch.y).square().mean() * self.weight()}

    def weight(self) -> Tensor | float:
        """Rises."""
        return self.clock.progress


def training(method: Fit | None = None, passes: Passes | None = None, **capture: Any) -> Training:
    """Of epochs of 16, 16 and 8 images, and a rate for every step."""
    fields = {"rehearsals": 1, "trials": 0, "recorder": EmulatedRecorder(), **capture}
    made = Capture(passes=passes or Passes(CPU), **fields)
    return tiny.training(method or Fit(), replace(RECIPE, epochs=EPOCHS), capture=made)


def recorder(of: Training) -> EmulatedRecorder:
    """That of a training."""
    assert of._captured is not None
    found = of._captured._capture.recorder
    assert isinstance(found, EmulatedRecorder)
    return found


def run(of: Training, after_epoch: Callable[[Training], None] = lambda _: None) -> Training:
    """All of its epochs."""
    while not of.done:
        of.begin_epoch()
        for batch in left(of):
            of.step(batch)
        end_epoch(of)
        after_epoch(of)
    return of


def assert_same(found: Training, expected: Training) -> None:
    """All of their states, and their losses."""
    ours, theirs = found.state_dict(), expected.state_dict()
    pairs = [*zip(tensors(ours), tensors(theirs), strict=True)]
    assert len(pairs) > 10
    assert all(torch.equal(*pair) for pair in pairs)
    assert [row.terms for row in found.position.curve] == [row.terms for row in expected.position.curve]
