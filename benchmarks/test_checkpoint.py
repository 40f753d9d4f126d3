"""Writing a checkpoint, synced to the disk: what every epoch pays to be resumable.

One and four WRN-16-2 (0.7 million parameters each), their momentum beside them.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from cheapconv.engine.train import checkpoint
from cheapconv.engine.train.training import Training
from cheapconv.suites.task import Classification
from tests.engine.tiny import RECIPE
from tests.methods.world import PLACE, data, make_world


@pytest.mark.benchmark(group="checkpoint")
@pytest.mark.parametrize("students", [1, 4])
def test_save(repeat: Callable, tmp_path: Path, students: int) -> None:
    world = make_world(tmp_path / "store")
    method = world.method("od", architecture="wrn(depth=16, width=2)", students=students)
    training = Training(method, data(), RECIPE, Classification(10), seed=0, place=PLACE)
    training.begin_epoch()
    training.step(next(training.data.train(training.recipe, 0, 0)))  # which makes the momentum
    repeat(lambda: checkpoint.save(tmp_path, training.state_dict()))
