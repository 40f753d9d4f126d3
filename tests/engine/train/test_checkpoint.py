"""The checkpoint: what comes back is what went in, and damage of any kind is noticed."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest
import torch

from cheapconv.engine.store.records import CurveRow
from cheapconv.engine.store.runs import CHECKPOINT
from cheapconv.engine.train import checkpoint
from cheapconv.engine.train.checkpoint import Position
from cheapconv.engine.train.training import Training
from tests.engine import tiny
from tests.engine.toys import Quadratic


def row(epoch: int, seconds: float, method_s: float) -> CurveRow:
    """An epoch that took so long."""
    numbers = {"lr": 0.1, "loss": 1.0, "terms": {"pull": 1.0}, "images_per_s": 9.0}
    scores = {"student": {"top1": 0.5, "top5": 0.75}}
    return CurveRow(epoch=epoch, seconds=seconds, method_s=method_s, scores=scores, **numbers)


POSITION = Position(
    epoch=2,
    step=5,
    phase=1,
    threads=3,
    epoch_steps_s=0.25,
    epoch_method_s=0.125,
    sums={"pull": 1.5},
    curve=[row(0, 1.5, 0.0), row(1, 2.0, 0.5)],
)


@pytest.fixture
def written(tmp_path: Path) -> tuple[Path, Training]:
    """The checkpoint of a training after one step."""
    training = tiny.training(Quadratic())
    training.begin_epoch()
    training.step(next(tiny.left(training)))
    checkpoint.save(tmp_path, training.state_dict())
    return tmp_path, training


def test_everything_comes_back(written):
    folder, training = written
    expected, found = training.state_dict(), checkpoint.read(folder)
    assert found.keys() == expected.keys()
    speed = {"epoch_steps_s": found["position"]["epoch_steps_s"]}  # asking twice takes time
    assert found["position"] == expected["position"] | speed
    assert (found["position"]["step"], found["position"]["threads"]) == (1, 1)
    assert torch.equal(found["method"]["w"], training.method.w)
    momentum = training.optimiser.state[training.method.w]["momentum_buffer"]
    assert torch.equal(found["optimiser"]["state"][0]["momentum_buffer"], momentum)
    assert found["clock"]["lr"] == training.method.clock.lr == torch.tensor(0.1)
    assert torch.equal(found["randomness"]["cpu"], expected["randomness"]["cpu"])
    assert found["structure"] is None


def test_a_position_comes_back_from_its_plain_values():
    assert Position.of(asdict(POSITION)) == POSITION


def test_training_time_is_the_sum_of_the_finished_epochs_steps_and_methods():
    assert (POSITION.steps_s, POSITION.method_s, POSITION.train_s) == (3.5, 0.5, 4.0)


def test_no_checkpoint_reads_as_none(tmp_path):
    assert checkpoint.read(tmp_path) is None
    assert checkpoint.read(tmp_path / "missing") is None


def test_a_checkpoint_of_another_form_reads_as_none(written):
    folder, training = written
    checkpoint.save(folder, {**training.state_dict(), "version": checkpoint.VERSION - 1})
    assert checkpoint.read(folder) is None


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
    folder, training = written
    path, weight = folder / CHECKPOINT, training.method.w.detach().numpy().tobytes()
    body = path.read_bytes()
    assert body.count(weight) == 1
    path.write_bytes(body.replace(weight, bytes([weight[0] ^ 1]) + weight[1:]))
    assert not torch.equal(torch.load(path, weights_only=True)["method"]["w"], training.method.w)
    assert checkpoint.read(folder) is None


def test_saving_replaces_the_checkpoint_before(written):
    folder, training = written
    training.step(next(tiny.left(training)))
    checkpoint.save(folder, training.state_dict())
    assert checkpoint.read(folder)["position"]["step"] == 2
    assert [path.name for path in folder.iterdir()] == [CHECKPOINT]
