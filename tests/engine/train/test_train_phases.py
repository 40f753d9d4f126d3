"""Phases: each begins once, with a new optimiser, a schedule from its start, and a rate of its own."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from cheapconv.methods.base import Context, Phase
from cheapconv.suites.schedule import Schedule
from tests.engine.tiny import CONSTANT, STEPS, Stopped, train
from tests.engine.toys import Diary, by_hand


class TwoPhases(Diary):
    """Two halves, the second at a rate of its own; `begin` forgets to leave eval mode."""

    views = updates_per_batch = 1

    def __init__(self) -> None:
        super().__init__()
        self.phases_seen: list[int] = []

    def losses(self, batch: Any, update: int = 0) -> dict[str, Tensor]:
        """Look at the clock."""
        self.phases_seen.append(self.clock.phase)
        return super().losses(batch, update)

    def phases(self) -> list[Phase]:
        """Both write down their beginning."""
        return [Phase("warm", 0.5, self._begin), Phase("main", 0.5, self._begin, lr=0.02)]

    def _begin(self, context: Context) -> None:
        self.calls.append(("begin", context.epoch, self.w.detach().clone()))
        self.eval()


@pytest.fixture
def phased(tmp_path: Path) -> TwoPhases:
    """After four epochs; the rate drops by 10 in the middle of every phase."""
    method, drop = TwoPhases(), Schedule(kind="multistep", milestones=(0.5,), drop=0.1)
    train(method, tmp_path, replace(CONSTANT, schedule=drop, epochs=4))
    return method


def test_every_phase_begins_once(phased):
    assert [call[1] for call in phased.calls if call[0] == "begin"] == [0, 2]


def test_every_phase_is_trained_in_train_mode(phased):
    assert [call[2] for call in phased.calls if call[0] == "losses"] == [True] * 4 * STEPS


def test_every_phase_plays_the_schedule_from_its_own_rate(phased):
    rates = [call[1] for call in phased.calls if call[0] == "after_update"]
    expected = [rate for rate in (0.1, 0.01, 0.02, 0.002) for _ in range(STEPS)]
    assert rates == pytest.approx(expected)


def test_every_phase_starts_without_momentum(phased):
    """Otherwise the second phase's first steps would go on in the first's direction."""
    start = next(call[2] for call in phased.calls if call[0] == "begin" and call[1] == 2)
    rates = [0.02] * STEPS + [0.002] * STEPS
    torch.testing.assert_close(phased.w.detach().double(), by_hand(start, rates), rtol=1e-5, atol=1e-6)


def test_the_clock_has_hands_for_the_phase(phased):
    assert phased.phases_seen == [0] * 2 * STEPS + [1] * 2 * STEPS
    progress = [clock[1] for clock in phased.clocks[::STEPS]]
    assert progress == pytest.approx([0, 0.5, 0, 0.5])
    assert [clock[0] for clock in phased.clocks[::STEPS]] == pytest.approx([0, 0.25, 0.5, 0.75])


@pytest.mark.parametrize(
    ("shares", "epochs", "firsts"),
    [
        ((0.25, 0.75), 8, [0, 2]),
        ((0.25, 0.75), 2, [0, 1]),  # by its share the first would have no epoch
        ((0.9, 0.1), 2, [0, 1]),
        ((0.05, 0.05, 0.9), 3, [0, 1, 2]),
        ((0.9, 0.05, 0.05), 4, [0, 2, 3]),
        ((0.4, 0.2, 0.4), 10, [0, 4, 6]),
    ],
)
def test_no_phase_is_left_out(shares, epochs, firsts, tmp_path, monkeypatch):
    """A pruning that quietly does not happen, say, would give the number of another method."""
    method = TwoPhases()
    monkeypatch.setattr(method, "phases", lambda: [Phase(f"{s}", s, method._begin) for s in shares])
    train(method, tmp_path, replace(CONSTANT, epochs=epochs))
    assert [call[1] for call in method.calls if call[0] == "begin"] == firsts


def test_fewer_epochs_than_phases_are_refused(tmp_path):
    with pytest.raises(ValueError, match="a training of 1 epochs is too short for the phases warm, main"):
        train(TwoPhases(), tmp_path)


def test_shares_that_do_not_sum_to_one_are_a_mistake_of_the_method(tmp_path, monkeypatch):
    monkeypatch.setattr(TwoPhases, "phases", lambda self: [Phase("all", 0.9)])
    with pytest.raises(AssertionError, match="sum to 1"):
        train(TwoPhases(), tmp_path)


def test_the_clock_knows_the_phase_of_a_resumed_run(tmp_path):
    """Before `restructure`, which may depend on it."""
    stop = replace(CONSTANT, epochs=4)
    steps: list[int] = []
    asked = {"on_step": lambda *_: steps.append(1), "should_stop": lambda: len(steps) == 2 * STEPS + 2}
    with pytest.raises(Stopped):
        train(TwoPhases(), tmp_path, stop, **asked)
    method = TwoPhases()
    train(method, tmp_path, stop)
    assert method.phases_seen == [1] * (2 * STEPS - 2)
    assert not [call for call in method.calls if call[0] == "begin"]
