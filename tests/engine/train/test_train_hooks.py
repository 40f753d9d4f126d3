"""What the trainer asks of a method and tells it: batches, views, updates, hooks, clock, rates."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from cheapconv.suites.base import Batch
from cheapconv.suites.place import seed_of
from tests.engine import tiny
from tests.engine.tiny import CPU, STEPS, TRAIN, train
from tests.engine.toys import Diary, Quadratic


@pytest.fixture
def diary(tmp_path: Path) -> Diary:
    """After two epochs with a linear rise and fall of the rate."""
    method = Diary()
    train(method, tmp_path, replace(tiny.RECIPE, epochs=2))
    return method


def test_every_batch_is_used_once_for_each_update_and_the_last_is_kept(diary):
    assert [len(b.y) for b in diary.batches] == [16, 16, 16, 16, 8, 8] * 2
    assert all(first is second for first, second in zip(diary.batches[::2], diary.batches[1::2], strict=True))
    for epoch in (diary.batches[:6:2], diary.batches[6::2]):
        assert sorted(torch.cat([b.index for b in epoch]).tolist()) == list(range(TRAIN))


def test_batches_are_those_of_the_seed_and_epoch(diary):
    for epoch in range(2):
        expected = tiny.data().train(tiny.RECIPE, seed=0, epoch=epoch, views=2)
        for seen, batch in zip(diary.batches[6 * epoch : 6 * epoch + 6 : 2], expected, strict=True):
            assert all(torch.equal(a, b) for a, b in zip(seen.views, batch.views, strict=True))


def test_views_are_different_copies_of_the_same_images(diary):
    first = diary.batches[0]
    assert len(first.views) == 2
    assert first.views[0] is first.x
    assert not torch.equal(first.views[0], first.views[1])


def test_the_hooks_come_in_order(diary):
    words = [call if isinstance(call, str) else call[0] for call in diary.calls]
    epoch = ["losses", "after_update"] * 2 * STEPS + ["end_epoch"]
    assert words == [*epoch, "evaluation", *epoch, "finish", "evaluation"]
    assert [call[1:] for call in diary.calls if call[0] == "losses"] == [(0, True), (1, True)] * 2 * STEPS
    assert [call[1:] for call in diary.calls if call[0] == "finish"] == [(1, CPU)]


def test_a_context_draws_the_epochs_batches_again(diary):
    seen = [[b.index.tolist() for b in diary.batches[6 * epoch : 6 * epoch + 6 : 2]] for epoch in range(2)]
    assert [call[1:] for call in diary.calls if call[0] == "end_epoch"] == [(0, seen[0]), (1, seen[1])]


def test_the_rate_of_every_step_is_the_schedules(diary):
    """On the clock, whose hands are float32."""
    rates = [call[1] for call in diary.calls if call[0] == "after_update"][::2]
    positions = [epoch + step / STEPS for epoch in range(2) for step in range(STEPS)]
    expected = torch.tensor([tiny.RECIPE.lr * tiny.RECIPE.schedule.factor(p, 2) for p in positions])
    assert rates == expected.tolist()


def test_what_a_method_draws_depends_on_the_seed_and_epoch_alone(tmp_path):
    """Not on what was drawn before: so an epoch that is resumed at its beginning draws the same on every device."""

    class Drawing(Quadratic):
        def losses(self, batch: Batch, update: int = 0) -> dict[str, Tensor]:
            drawn.append(torch.rand(()).item())
            return super().losses(batch)

    drawn: list[float] = []
    train(Drawing(), tmp_path, replace(tiny.CONSTANT, epochs=2))
    for epoch in range(2):
        generator = torch.Generator().manual_seed(seed_of("epoch", 0, epoch))
        expected = [torch.rand((), generator=generator).item() for _ in range(STEPS)]
        assert drawn[epoch * STEPS : (epoch + 1) * STEPS] == expected


def test_the_clock_shows_the_position_before_each_step(diary):
    epochs = [epoch + step / STEPS for epoch in range(2) for step in range(STEPS)]
    for clock, epoch in zip(diary.clocks[::2], epochs, strict=True):
        assert clock == pytest.approx((epoch / 2, epoch / 2, epoch), abs=1e-6)


def test_terms_are_averages_over_samples_and_updates(tmp_path):
    """The last batch is half as large as the others, so an average over steps would be another number."""
    position = train(Diary(), tmp_path)
    terms = position.curve[0].terms
    assert terms["label"] == pytest.approx(tiny.data().train_y.float().mean().item(), rel=1e-6)
    assert terms["second"] == pytest.approx(0.5)
    assert position.curve[0].loss == sum(terms.values())
