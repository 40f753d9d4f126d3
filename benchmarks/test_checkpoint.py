"""Writing a checkpoint, synced to the disk: what every epoch pays to be resumable.

One and four WRN-16-2 (0.7 million parameters each), their momentum beside them.
"""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from cheapconv.engine.train import checkpoint
from cheapconv.engine.train.checkpoint import Position
from tests.methods.world import make_world


@pytest.mark.benchmark(group="checkpoint")
@pytest.mark.parametrize("students", [1, 4])
def test_save(repeat: Callable, tmp_path: Path, students: int) -> None:
    world = make_world(tmp_path / "store")
    method = world.method("od", architecture="wrn(depth=16, width=2)", students=students)
    optimiser = torch.optim.SGD(method.param_groups(), lr=0.1, momentum=0.9)
    torch.stack([p.sum() for p in method.parameters()]).sum().backward()
    optimiser.step()  # which makes the momentum
    repeat(lambda: checkpoint.save(tmp_path, Position(), method, optimiser))
