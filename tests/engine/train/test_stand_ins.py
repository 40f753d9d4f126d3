"""Teachers of steps that are played: asked outside of the recording, once for all."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from cheapconv.engine.train.feed import Feed
from cheapconv.engine.train.teachers import Frozen, Passes
from cheapconv.engine.train.training import Training
from cheapconv.methods.base import Batch
from cheapconv.suites.recipe import Precision
from tests.engine.fits import EPOCHS, NEVER, Fit, assert_same, recorder, training
from tests.engine.tiny import CPU, PLACE, end_epoch, step_together


class Wide(nn.Module):
    """A network to learn from, which counts how often it is asked."""

    channels, features, post_activation = [3], 4, True

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.stage, self.classifier = nn.Conv2d(3, 3, 3), nn.Linear(3, 10)
        self.seen = 0

    def stages(self, x: Tensor, *, pre_activation: bool = False) -> list[Tensor]:
        """One map."""
        self.seen += 1
        found = self.stage(x)
        return [found if pre_activation else found.relu()]

    def head(self, last_map: Tensor) -> Tensor:
        """Logits."""
        return self.classifier(last_map.mean(dim=(2, 3)))

    def forward(self, x: Tensor) -> Tensor:
        """Logits."""
        return self.head(self.stages(x)[-1])


class Taught(Fit):
    """Learns from a frozen network; what it asks is up to the subclass."""

    def __init__(self, teacher: Frozen) -> None:
        super().__init__()
        self.teacher = teacher

    def weight(self) -> Tensor:
        """What the teacher says of the batch."""
        return self.asked(self.batch.x).square().mean()

    def losses(self, batch: Batch, update: int = 0) -> dict[str, Tensor]:
        """The parabola, and a regression."""
        self.batch = batch
        found = super().losses(batch)
        del self.batch
        return found

    def asked(self, x: Tensor) -> Tensor:
        """Logits."""
        return self.teacher(x)


class ByMaps(Taught):
    """Asks for maps, on both sides of the ReLU, and for what is made of them."""

    def asked(self, x: Tensor) -> Tensor:
        """Of all."""
        maps, before = self.teacher.stages(x), self.teacher.stages(x, pre_activation=True)
        return self.teacher.head(maps[-1]).mean() + before[0].mean() + self.teacher.stages(x)[0].amax()


class Writing(Taught):
    """Writes into what it was given before it asks, and into the answer."""

    def asked(self, x: Tensor) -> Tensor:
        """Of other images."""
        first = self.teacher.stages(x)[0].mul_(2).mean() + self.teacher.stages(x)[0].mean()
        return self.teacher(x.mul_(0.5)).mean() + first + self.teacher.stages(x)[0].mean()


def taught(
    kinds: list[type[Taught]], rehearsals: list[int], precision: Precision = "fp32"
) -> tuple[list[Training], Wide]:
    """Trainings side by side that learn from one network, to the end."""
    passes, network = Passes(CPU), Wide()
    teacher = Frozen(network, passes)
    found = [training(kind(teacher), passes, rehearsals=n) for kind, n in zip(kinds, rehearsals, strict=True)]
    for each in found:
        each.recipe = replace(each.recipe, precision=precision)
    feed = Feed(lambda: found[0].data, found[0].recipe, 0, PLACE)
    while not found[0].done:
        for each in found:
            each.begin_epoch()
        for _ in range(found[0].steps):
            step_together(found, feed, passes)
            passes.divide()
        for each in found:
            end_epoch(each)
    return found, network


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("kind", [Taught, ByMaps, Writing])
def test_played_steps_learn_from_their_teacher_what_taken_ones_learn(kind, precision):
    (played, beside), _ = taught([kind, kind], [1, NEVER], precision)
    (taken,), _ = taught([kind], [NEVER], precision)
    assert recorder(played).played == 2 * EPOCHS - 1
    assert_same(played, taken)
    assert_same(beside, taken)


@pytest.mark.parametrize("kinds", [[Taught, Taught], [ByMaps, ByMaps], [Taught, ByMaps], [ByMaps, Taught]])
def test_the_teachers_pass_is_not_recorded_and_one_serves_all(kinds):
    """Once somebody asks for maps, logits are made of them too, also for a step that was recorded before."""
    found, network = taught(kinds, [1] * len(kinds))
    assert all(recorder(each).played == 2 * EPOCHS - 1 for each in found)
    assert network.seen <= found[0].steps * EPOCHS + 2  # a pass a batch, and two before all have asked


def test_the_bill_of_a_pass_is_that_of_all_who_play():
    (first, second), _ = taught([Taught, Taught], [1, 1])
    for each in (first, second):
        for row in each.position.curve:
            assert 0 < row.spent < row.seconds  # half of the batch and the pass
