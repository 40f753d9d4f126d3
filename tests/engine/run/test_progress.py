"""What a user sees: plain lines into a pipe, a live picture on a terminal, failures and waiting at once."""

import io
import itertools
from dataclasses import replace
from types import SimpleNamespace

import pytest
from rich.console import Console

from cheapconv.engine.run import progress as displays
from cheapconv.engine.run.progress import Progress
from cheapconv.engine.store.cell import Cell
from cheapconv.engine.store.records import CurveRow
from cheapconv.engine.train.checkpoint import Position
from tests.engine import tiny


@pytest.fixture(autouse=True)
def world(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three seconds pass between any two looks at the clock."""
    tiny.install(monkeypatch)
    clock = itertools.count(0.0, 3.0)
    monkeypatch.setattr(displays, "time", SimpleNamespace(monotonic=clock.__next__))


@pytest.fixture
def cells() -> list[Cell]:
    """A teacher and its student, four epochs each."""
    return [p.cell for p in tiny.planned_by("kd", epochs=4).cells]


def after(epoch: int, step: int = 0) -> Position:
    """A position whose last finished epoch is `epoch` - 1."""
    terms, scores = {"ce": 1.0, "kd": 0.25}, {"student": {"top1": 0.5}}
    row = CurveRow(epoch=0, lr=0.1, loss=1.25, terms=terms, scores=scores, images_per_s=1234.5, seconds=1.0)
    return Position(epoch=epoch, step=step, curve=[row] * epoch)


def shown(cells: list[Cell], terminal: bool = False) -> tuple[Progress, io.StringIO]:
    out = io.StringIO()
    return Progress(cells, Console(file=out, width=200, force_terminal=terminal)), out


def test_a_title_names_the_cell(cells):
    assert cells[1].title == "WRN-10-1 S kd seed 0"


def tick(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """So long passes between any two looks at the clock."""
    clock = itertools.count(0.0, seconds)
    monkeypatch.setattr(displays, "time", SimpleNamespace(monotonic=clock.__next__))


def test_a_pipe_gets_one_line_an_epoch(cells, monkeypatch):
    tick(monkeypatch, 0.5)
    progress, out = shown(cells)
    with progress:
        progress.started(cells[0])
        for step in range(100):
            progress.stepped(cells[0], after(0, step), 100)
        assert out.getvalue() == ""
        progress.epoch_ended(cells[0], after(1))
    line = (
        "[1/2] WRN-10-1 S scratch seed 5 epoch 1/4: loss 1.250 (ce 1.000, kd 0.250), student 50.00 %, 1234 images/s, "
    )
    assert out.getvalue().startswith(line)
    assert out.getvalue().count("\n") == 1


def test_in_a_long_epoch_it_gets_one_a_minute(cells, monkeypatch):
    """Eight epochs of twenty steps of nine seconds each are 1,440 s; a line is said after more than sixty."""
    tick(monkeypatch, 9.0)
    progress, out = shown(cells)
    with progress:
        for cell in cells:
            progress.started(cell)
        for step in range(1, 16):
            progress.stepped(cells[0], after(0, step), 20)
    assert out.getvalue().splitlines() == [
        "[1/2] WRN-10-1 S scratch seed 5 (and 1 beside it) epoch 1/4, step 7/20, left 0:22:57",
        "[1/2] WRN-10-1 S scratch seed 5 (and 1 beside it) epoch 1/4, step 14/20, left 0:21:54",
    ]


def test_what_another_run_has_trained_is_no_part_of_the_pace(cells):
    """It goes on in the middle of the third epoch. A tenth of an epoch takes three seconds, and 1.4 and 4 are left;
    then the third ends, in which 0.5 were trained in 15 s, and 1 and 4 are left."""
    progress, _ = shown(cells, terminal=True)
    with progress:
        progress.started(cells[0])
        progress.stepped(cells[0], after(2, 6), 10)
        assert progress._left() == "0:02:42"
        for step in range(7, 10):
            progress.stepped(cells[0], after(2, step), 10)
        progress.epoch_ended(cells[0], after(3))
        assert progress._left() == "0:02:30"


def test_an_epoch_without_a_score_says_what_it_has(cells):
    progress, out = shown(cells)
    row = replace(after(1).curve[0], scores={})
    with progress:
        progress.epoch_ended(cells[0], Position(epoch=1, curve=[row]))
    assert "epoch 1/4: loss 1.250 (ce 1.000, kd 0.250), 1234 images/s, left" in out.getvalue()


def test_answers_without_use_and_a_loss_that_explodes_are_said_at_once(cells):
    progress, out = shown(cells)
    row = replace(after(1).curve[0], loss=2.8e10, terms={"ce": 2.8e10}, flaws={"student": "constant"})
    with progress:
        for epoch in (1, 2):
            progress.epoch_ended(cells[0], Position(epoch=epoch, curve=[row] * epoch))
    first, told, second = out.getvalue().splitlines()
    assert "epoch 1/4: loss 2.8e+10 (ce 2.8e+10), student 50.00 % (constant), " in first
    assert told == "WRN-10-1 S scratch seed 5: the loss has exploded (2.8e+10): a lower learning rate may train it"
    assert "epoch 2/4" in second


def test_the_time_left_is_that_of_the_epochs_left(cells):
    """Each epoch takes three seconds here; seven of eight are left after the first, then six."""
    progress, out = shown(cells)
    with progress:
        progress.started(cells[0])
        progress.epoch_ended(cells[0], after(1))
        progress.epoch_ended(cells[0], after(2))
    lefts = [line.rsplit("left ")[1] for line in out.getvalue().splitlines()]
    assert lefts == ["0:00:21", "0:00:18"]


def test_an_epoch_of_a_dear_cell_is_more_of_the_work(cells):
    """The teacher's take four times as long as the student's, which are taken for as dear until the first has ended:
    3 s * 28 / 4, then 6 s * 15 / 5, then 9 s * 11 / 9."""
    progress, out = shown(cells)
    dear, cheap = (replace(after(1).curve[0], seconds=seconds) for seconds in (4.0, 1.0))
    with progress:
        progress.epoch_ended(cells[0], Position(epoch=1, curve=[dear]))
        progress.epoch_ended(cells[1], Position(epoch=1, curve=[cheap]))
        progress.epoch_ended(cells[0], Position(epoch=2, curve=[dear] * 2))
    lefts = [line.rsplit("left ")[1] for line in out.getvalue().splitlines()]
    assert lefts == ["0:00:21", "0:00:18", "0:00:11"]


def test_a_cell_that_ended_and_begins_again_has_gained_nothing(cells):
    """A tenth of an epoch when it was first seen, and four more; then it begins anew."""
    progress, _ = shown(cells, terminal=True)
    with progress:
        progress.stepped(cells[0], after(0, 5), 10)
        progress.stepped(cells[0], after(0, 9), 10)
        progress.ended(cells[0], "stopped")
        progress.stepped(cells[0], after(0, 1), 10)
    assert progress._epochs_trained[cells[0].key] == pytest.approx(0.5)
    assert progress._epochs_left[cells[0].key] == pytest.approx(3.9)


def test_cells_that_are_done_are_counted_and_their_epochs_no_longer_expected(cells):
    progress, out = shown(cells)
    with progress:
        progress.ended(cells[0], "done")
        progress.started(cells[1])
        progress.epoch_ended(cells[1], after(1))
    assert out.getvalue().startswith("[2/2] WRN-10-1 S kd seed 0 epoch 1/4")
    assert out.getvalue().endswith("left 0:00:09\n")


def test_a_cell_that_waited_and_is_run_later_is_counted_once(cells):
    progress, out = shown(cells)
    with progress:
        for cell in cells:
            progress.ended(cell, "waiting")
        progress.epoch_ended(cells[0], after(1))
        progress.ended(cells[0], "done")
        progress.epoch_ended(cells[1], after(1))
    assert [line.split()[0] for line in out.getvalue().splitlines()[2:]] == ["[2/2]", "[2/2]"]


@pytest.mark.parametrize("state", ["failed", "waiting", "elsewhere"])
def test_what_did_not_go_well_is_said_at_once(state, cells):
    progress, out = shown(cells)
    with progress:
        progress.ended(cells[0], state)
    assert out.getvalue() == f"WRN-10-1 S scratch seed 5: {state}\n"


def test_of_a_failure_the_reason_is_said(cells):
    out = io.StringIO()
    with Progress(cells, Console(file=out, width=200), lambda cell: f"ValueError: {cell.method}") as progress:
        progress.ended(cells[0], "failed")
        progress.ended(cells[1], "waiting")
    said = ["WRN-10-1 S scratch seed 5: failed, ValueError: scratch", "WRN-10-1 S kd seed 0: waiting"]
    assert out.getvalue().splitlines() == said


@pytest.mark.parametrize("state", ["done", "stopped"])
def test_what_went_well_is_not(state, cells):
    progress, out = shown(cells)
    with progress:
        progress.ended(cells[0], state)
    assert out.getvalue() == ""


def test_a_terminal_gets_a_picture_and_no_lines(cells):
    progress, out = shown(cells, terminal=True)
    with progress:
        progress.started(cells[0])
        progress.epoch_ended(cells[0], after(1))
        progress.ended(cells[1], "failed")
        progress.stepped(cells[0], after(1, step=7), 21)
        progress._live.refresh()  # which its thread does four times a second
    for text in ("0/2 done, 1 failed", "WRN-10-1 S scratch seed 5", "2/4, step 7/21", "loss 1.250"):
        assert text in out.getvalue()
    assert "[1/2]" not in out.getvalue()


def test_those_that_run_side_by_side_are_all_in_the_picture_up_to_some(cells, monkeypatch):
    monkeypatch.setattr(displays, "SHOWN", 1)
    progress, out = shown(cells, terminal=True)
    with progress:
        for cell in cells:
            progress.started(cell)
            progress.stepped(cell, after(0, 1), 21)
        progress._live.refresh()
    assert "WRN-10-1 S scratch seed 5: epoch 1/4, step 1/21" in out.getvalue()
    assert "and 1 more" in out.getvalue()


def test_the_picture_is_not_drawn_at_every_step(cells, monkeypatch):
    """A step of a small network takes a few milliseconds, a picture as long."""
    clock = itertools.count(100.0, 0.01)
    monkeypatch.setattr(displays, "time", SimpleNamespace(monotonic=clock.__next__))
    progress, _ = shown(cells, terminal=True)
    drawn: list[int] = []
    monkeypatch.setattr(progress, "_picture", lambda: drawn.append(1) or "")
    with progress:
        for step in range(100):
            progress.stepped(cells[0], after(0, step), 100)
    assert 1 <= len(drawn) <= 10
