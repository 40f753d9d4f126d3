"""The training loop: what it records, when it stops, and what it refuses."""

import json
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from cheapconv.engine.store.records import CurveRow
from cheapconv.engine.store.runs import CHECKPOINT, CURVE
from cheapconv.engine.train import checkpoint
from cheapconv.engine.train.checkpoint import Position
from cheapconv.engine.train.training import Diverged
from tests.engine import tiny
from tests.engine.tiny import BATCH, CONSTANT, STEPS, TRAIN, Stopped, train
from tests.engine.toys import Diary, Quadratic


def test_the_curve_has_one_row_an_epoch(tmp_path):
    position = train(Diary(), tmp_path, replace(tiny.RECIPE, epochs=2))
    rows = [CurveRow(**json.loads(line)) for line in (tmp_path / CURVE).read_text().splitlines()]
    assert rows == position.curve
    assert [row.epoch for row in rows] == [0, 1]
    share = (tiny.data().test_y == 0).float().mean().item()  # the network guesses class 0
    for row in rows:
        assert row.scores == {"student": {"top1": pytest.approx(share)}}
        assert row.validation == {}
        assert row.images_per_s == pytest.approx(TRAIN / row.seconds)
    assert rows[0].lr == pytest.approx(0.05 * (1 - (2 / 3) / 2) / 0.7)  # of the epoch's last step


def test_every_epoch_is_checkpointed_with_its_curve_on_disk(tmp_path):
    seen: list[tuple[int, int, int]] = []

    def look(position: Position) -> None:
        saved = checkpoint.read(tmp_path)["position"]
        seen.append((position.epoch, saved["epoch"], len((tmp_path / CURVE).read_text().splitlines())))

    train(Diary(), tmp_path, replace(CONSTANT, epochs=3), on_epoch=look)
    assert seen == [(1, 1, 1), (2, 2, 2), (3, 3, 3)]


def test_the_curve_is_never_behind_the_checkpoint(tmp_path, monkeypatch):
    """A run killed after its last checkpoint writes no further line."""

    def killed(*args: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(checkpoint, "save", killed)
    with pytest.raises(KeyboardInterrupt):
        train(Quadratic(), tmp_path)
    assert len((tmp_path / CURVE).read_text().splitlines()) == 1


def test_stopping_checkpoints_the_step(tmp_path):
    with pytest.raises(Stopped):
        train(Quadratic(), tmp_path, should_stop=lambda: True)
    position = checkpoint.read(tmp_path)["position"]
    assert (position["epoch"], position["step"]) == (0, 1)
    assert position["sums"]["pull"] == pytest.approx(BATCH * (0.25 + 2.25**2 + 1.5**2) / 2)


def test_a_stop_at_the_last_step_ends_the_training_instead(tmp_path):
    taken: list[int] = []
    position = train(
        Quadratic(),
        tmp_path,
        on_step=lambda position, steps: taken.append(position.step),
        should_stop=lambda: len(taken) == STEPS,
    )
    assert position.epoch == 1


@pytest.mark.parametrize(("value", "shown"), [("nan", "nan"), ("inf", "inf"), ("-inf", "-inf")])
def test_a_loss_that_is_no_number_names_its_term_and_epoch(value, shown, tmp_path):
    class Drift(Quadratic):
        def losses(self, batch: Any, update: int = 0) -> dict[str, Tensor]:
            drift = float(value if self.clock.epoch >= 1 else "0")
            return super().losses(batch) | {"drift": torch.tensor(drift, requires_grad=True)}

    message = f"the loss term 'drift' became {shown} in epoch 1"
    with pytest.raises(Diverged, match=message):
        train(Drift(), tmp_path, replace(CONSTANT, epochs=3))
    assert len((tmp_path / CURVE).read_text().splitlines()) == 1


def test_where_a_gradient_is_no_number_no_term_is_blamed_alone(tmp_path):
    """That of a root at 0: the term itself stays 0, until the weights are no numbers, and then no term is."""

    class Root(Quadratic):
        def losses(self, batch: Any, update: int = 0) -> dict[str, Tensor]:
            [loss] = super().losses(batch).values()
            return {"parabola": loss, "distance": (loss - loss.detach()).square().sqrt()}

    with pytest.raises(
        Diverged, match=r"the loss terms 'parabola' and 'distance' became nan in epoch 0, .* a root at 0"
    ):
        train(Root(), tmp_path)


def test_a_divergence_is_seen_at_a_checkpoint_within_the_epoch(tmp_path):
    """An epoch may take an hour."""

    class Broken(Quadratic):
        def losses(self, batch: Any, update: int = 0) -> dict[str, Tensor]:
            return super().losses(batch) | {"drift": torch.tensor(float("nan"), requires_grad=True)}

    seen: list[int] = []
    with pytest.raises(Diverged, match="'drift' became nan in epoch 0"):
        train(Broken(), tmp_path, on_step=lambda position, steps: seen.append(position.step), checkpoint_minutes=0)
    assert seen == [1]
    assert not (tmp_path / CHECKPOINT).exists()


def test_images_come_in_the_channels_last_layout(tmp_path):
    method = Diary()
    train(method, tmp_path)
    assert all(b.x.is_contiguous(memory_format=torch.channels_last) for b in method.batches)


def test_bf16_is_used_where_the_recipe_asks_for_it(tmp_path):
    seen: set[torch.dtype] = set()

    class Precise(Quadratic):
        def losses(self, batch: Any, update: int = 0) -> dict[str, Tensor]:
            seen.add((batch.x.flatten(1) @ batch.x.flatten(1).T).dtype)
            return super().losses(batch)

    train(Precise(), tmp_path / "a")
    assert seen == {torch.float32}
    train(Precise(), tmp_path / "b", replace(CONSTANT, precision="bf16"))
    assert seen == {torch.float32, torch.bfloat16}


def test_a_checkpoint_is_written_by_the_minute_too(tmp_path):
    """An epoch may take an hour."""
    seen: list[tuple[int, int] | None] = []

    def look(position: Position, steps: int) -> None:
        saved = checkpoint.read(tmp_path)
        seen.append(saved and (saved["position"]["epoch"], saved["position"]["step"]))

    train(Quadratic(), tmp_path, replace(CONSTANT, epochs=2), on_step=look, checkpoint_minutes=0)
    assert seen == [None, (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)]  # before each step's own; none after the last


def test_within_the_minutes_only_epochs_are_checkpointed(tmp_path):
    seen: list[bool] = []
    train(Quadratic(), tmp_path, on_step=lambda *_: seen.append(checkpoint.read(tmp_path) is not None))
    assert seen == [False] * STEPS


def test_killed_after_a_checkpoint_by_the_minute_it_goes_on_with_the_same_bits(tmp_path):
    def killed(position: Position, steps: int) -> None:
        if (position.epoch, position.step) == (1, 3):
            raise KeyboardInterrupt

    recipe, whole, broken = replace(tiny.RECIPE, epochs=3), Diary(), Diary()
    train(whole, tmp_path / "whole", recipe)
    with pytest.raises(KeyboardInterrupt):
        train(broken, tmp_path / "broken", recipe, on_step=killed, checkpoint_minutes=0)
    assert checkpoint.read(tmp_path / "broken")["position"]["step"] == 2
    resumed = Diary()
    position = train(resumed, tmp_path / "broken", recipe)
    assert torch.equal(resumed.w, whole.w)
    assert [row.epoch for row in position.curve] == [0, 1, 2]
