"""Steps that are recorded and played, in place of which batches, and until when."""

import copy
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from cheapconv.methods.base import Batch, Context, Phase
from tests.engine import tiny
from tests.engine.emulated import EmulatedRecorder, ReadsError
from tests.engine.fits import EPOCHS, NEVER, Fit, assert_same, recorder, run, training
from tests.engine.tiny import RECIPE, left


def test_all_full_batches_but_the_first_are_played():
    played, taken = run(training()), run(training(rehearsals=NEVER))
    assert_same(played, taken)
    assert (recorder(played).recorded, recorder(played).played) == (1, 2 * EPOCHS - 1)
    assert (recorder(taken).recorded, recorder(taken).played) == (0, 0)


def test_with_its_rates_on_the_device_a_training_takes_its_steps_as_ever():
    """On the CPU; the rate is one of half the digits then."""
    plain = run(tiny.training(Fit(), replace(RECIPE, epochs=EPOCHS)))
    taken = run(training(rehearsals=NEVER))
    for ours, theirs in zip(plain.method.parameters(), taken.method.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs)
    assert [row.lr for row in plain.position.curve] == [row.lr for row in taken.position.curve]


@pytest.mark.parametrize("recipe", [{"optimiser": "adam", "lr": 1e-3}, {"precision": "bf16"}, {"nesterov": True}])
def test_as_the_recipe_has_it(recipe):
    found = [training(rehearsals=rehearsals) for rehearsals in (1, NEVER)]
    for each in found:
        each.recipe = replace(each.recipe, **recipe)
    assert_same(*map(run, found))
    assert recorder(found[0]).played == 2 * EPOCHS - 1


def test_the_partial_batch_begins_no_recording_of_its_own():
    found = training(rehearsals=2)
    found.recipe = replace(found.recipe, epochs=6)
    run(found)
    assert (recorder(found).recorded, recorder(found).played) == (0, 0)  # never two full ones before a third
    found = training(rehearsals=1)
    found.recipe = replace(found.recipe, epochs=6)
    run(found)
    assert recorder(found).recorded == 1


def test_a_state_goes_on_elsewhere_and_is_recorded_there():
    unbroken, first, second = run(training()), training(), training()
    first.begin_epoch()
    batches = left(first)
    for _ in range(2):
        first.step(next(batches))
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    assert_same(run(second), unbroken)
    assert recorder(second).recorded == 1


def test_a_state_with_rates_as_numbers_is_taken_up_and_the_other_way_round():
    plain, captured = tiny.training(Fit(), replace(RECIPE, epochs=EPOCHS)), training()
    for each in (plain, captured):
        each.begin_epoch()
        each.step(next(left(each)))
    states = [copy.deepcopy(each.state_dict()) for each in (plain, captured)]
    plain.load_state_dict(states[1])
    captured.load_state_dict(states[0])
    assert plain.optimiser is not None
    assert captured.optimiser is not None
    assert isinstance(plain.optimiser.param_groups[0]["lr"], float)
    assert captured.optimiser.param_groups[0]["lr"].dtype == torch.float32


class Phased(Fit):
    """Has another rate in the second half."""

    def phases(self) -> list[Phase]:
        """Two."""
        return [Phase("a", 0.5), Phase("b", 0.5, lr=0.01)]


class Cut(Fit):
    """Its map is another one in the second half."""

    def phases(self) -> list[Phase]:
        """Two."""
        return [Phase("a", 0.5), Phase("b", 0.5, self.cut)]

    def cut(self, context: Context) -> None:
        """A new map."""
        torch.manual_seed(6)
        self.map = nn.Linear(3 * 8 * 8, 4)


@pytest.mark.parametrize("method", [Phased, Cut])
def test_a_new_phase_is_recorded_anew(method):
    played, taken = training(method()), training(method(), rehearsals=NEVER)
    for each in (played, taken):
        each.recipe = replace(each.recipe, epochs=4)
    assert_same(run(played), run(taken))
    assert (recorder(played).recorded, recorder(played).played) == (2, 2 * 3)


class Replacing(Fit):
    """Puts another tensor in the place of a buffer at the end of an epoch."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("factor", torch.tensor(1.0))

    def weight(self) -> Tensor:
        """The buffer."""
        return self.factor

    def end_epoch(self, context: Context) -> None:
        """Another one."""
        self.factor = torch.tensor(1.0 + context.epoch)


def test_another_tensor_in_the_place_of_a_buffer_is_noticed():
    played = run(training(Replacing()))
    assert_same(played, run(training(Replacing(), rehearsals=NEVER)))
    assert recorder(played).recorded == EPOCHS


def test_batches_that_grow_are_recorded_anew():
    """As those of a recipe do whose crops grow."""

    def narrow(batch: Batch, count: int) -> Batch:
        x = batch.x[:count].clone(memory_format=torch.channels_last)
        return replace(batch, x=x, y=batch.y[:count], index=batch.index[:count], views=(x,))  # type: ignore[type-var]

    counts = (9, 9, 9, 12, 12, 12, 9, 9)
    found = [training(), training(rehearsals=NEVER)]
    for each in found:
        each.begin_epoch()
        batch = next(left(each))
        each.steps = len(counts)
        for count in counts:
            each.step(narrow(batch, count))
    assert_same(*found)
    assert (recorder(found[0]).recorded, recorder(found[0]).played) == (3, 2 + 2 + 1)


def test_the_emulation_refuses_and_leaves_everything_as_it_was():
    w, before = torch.ones(3), torch.get_rng_state()
    tape = EmulatedRecorder()

    def work() -> Tensor:
        w.add_(torch.rand(3))
        return w[:2].mul_(2).sum()

    total, replay = tape.record(work)
    assert torch.equal(w, torch.ones(3))
    assert torch.equal(torch.get_rng_state(), before)
    replay()
    torch.set_rng_state(before)
    other = torch.ones(3)
    other.add_(torch.rand(3))
    assert torch.equal(total, other[:2].mul_(2).sum())
    assert torch.equal(w, other)
    with pytest.raises(ReadsError):
        tape.record(lambda: w.sum().item())
    assert torch.equal(w, other)


def test_it_grows_until_a_step_is_recorded_or_an_epoch_was_too_short_for_that():
    short, recorded, taken = training(rehearsals=5), training(rehearsals=1), tiny.training(Fit())
    for each in (short, recorded, taken):
        each.begin_epoch()
    assert [each.settled for each in (short, recorded, taken)] == [False, False, True]
    for each in (short, recorded):
        for batch in left(each):
            each.step(batch)
    assert [short.settled, recorded.settled] == [False, True]
    tiny.end_epoch(short)
    short.begin_epoch()
    assert short.settled
