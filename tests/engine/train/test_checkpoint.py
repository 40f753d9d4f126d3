"""The checkpoint: what comes back is what went in, and damage of any kind is noticed."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from cheapconv.engine.store.runs import CHECKPOINT
from cheapconv.engine.train import checkpoint
from cheapconv.engine.train.checkpoint import Position
from cheapconv.methods.base import Method
from tests.engine.toys import Quadratic

POSITION = Position(
    epoch=2,
    step=5,
    phase=1,
    threads=3,
    epoch_s=0.25,
    sums={"pull": 1.5},
    curve=[{"epoch": 0, "seconds": 1.5}, {"epoch": 1, "seconds": 2.0}],
)


@pytest.fixture
def written(tmp_path: Path) -> tuple[Path, Method, torch.optim.Optimizer]:
    """A checkpoint after one step of momentum SGD."""
    method = Quadratic()
    optimiser = torch.optim.SGD(method.parameters(), lr=0.1, momentum=0.9)
    method.losses(None)["pull"].backward()
    optimiser.step()
    checkpoint.save(tmp_path, POSITION, method, optimiser)
    return tmp_path, method, optimiser


def test_everything_comes_back(written):
    folder, method, optimiser = written
    random = torch.get_rng_state()
    torch.rand(1)
    body = checkpoint.read(folder)
    assert Position(**body["position"]) == POSITION
    assert torch.equal(body["method"]["w"], method.w)
    assert torch.equal(body["optimiser"]["state"][0]["momentum_buffer"], optimiser.state[method.w]["momentum_buffer"])
    assert torch.equal(body["random"], random)
    assert body["structure"] is None


def test_training_time_is_the_sum_of_the_finished_epochs():
    assert POSITION.train_s == 3.5


def test_no_checkpoint_reads_as_none(tmp_path):
    assert checkpoint.read(tmp_path) is None
    assert checkpoint.read(tmp_path / "missing") is None


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda body: b"", id="empty"),
        pytest.param(lambda body: b"no archive", id="text"),
        pytest.param(lambda body: bytes(range(256)) * 10, id="bytes"),
        pytest.param(lambda body: body[: len(body) // 2], id="half"),
        pytest.param(lambda body: body[:-1], id="one byte short"),
        pytest.param(lambda body: body.replace(b"pull", b"push"), id="another name"),
    ],
)
def test_a_damaged_checkpoint_reads_as_none(damage: Callable[[bytes], bytes], written):
    path = written[0] / CHECKPOINT
    path.write_bytes(damage(path.read_bytes()))
    assert checkpoint.read(written[0]) is None


def test_a_flipped_bit_in_a_weight_is_noticed(written):
    """torch would load it: the number is another one, the archive as such is sound."""
    folder, method, _ = written
    path, weight = folder / CHECKPOINT, method.w.detach().numpy().tobytes()
    body = path.read_bytes()
    assert body.count(weight) == 1
    path.write_bytes(body.replace(weight, bytes([weight[0] ^ 1]) + weight[1:]))
    assert not torch.equal(torch.load(path, weights_only=True)["method"]["w"], method.w)
    assert checkpoint.read(folder) is None


def test_saving_replaces_the_checkpoint_before(written):
    folder, method, optimiser = written
    checkpoint.save(folder, Position(epoch=3), method, optimiser)
    assert checkpoint.read(folder)["position"]["epoch"] == 3
    assert [path.name for path in folder.iterdir()] == [CHECKPOINT]
