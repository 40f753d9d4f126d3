"""The turn to time: one process at a time, who waits says for whom, can be stopped, and does not wait for ever."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cheapconv.catalog.errors import UserError
from cheapconv.engine.measure import turn
from cheapconv.engine.measure.turn import Turn, Untimed

HOLD = """
import fcntl, os, sys
fcntl.flock(os.open(sys.argv[1], os.O_RDONLY), fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(turn.tempfile, "gettempdir", lambda: str(tmp_path))
    return tmp_path


@pytest.fixture
def other(folder: Path) -> Iterator[subprocess.Popen]:
    """Another process that has its turn."""
    command = [sys.executable, "-c", HOLD, str(folder), "http://anna:secret@host/", "a\x1b[31mb"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_one_process_at_a_time_and_again_when_it_is_through(folder):
    with Turn().taken("a network"), pytest.raises(Untimed), Turn(0.0).taken("another"):
        pass
    with Turn(0.0).taken("another"):
        pass
    assert [*folder.iterdir()] == []  # nothing is created that somebody could own or put a link in the place of


def test_a_turn_ends_with_what_was_timed(folder):
    with pytest.raises(ValueError, match="x"), Turn().taken("a network"):
        raise ValueError("x")
    with Turn(0.0).taken("another"):
        pass


def test_whoever_waits_says_for_whom(other, caplog):
    threading.Timer(0.1, other.kill).start()
    with Turn().taken("a network"):
        pass
    [said] = caplog.messages  # once, not at every try
    assert said.startswith("waiting to time a network, at most 300 s: the machine is timing for process ")
    assert f"process {other.pid} of " in said
    assert "(python" in said
    assert f"begun {time.strftime('%Y-%m-%d')}" in said


def test_who_has_the_turn_is_told_without_passwords_and_control_characters(other, folder):
    with pytest.raises(Untimed) as refused, Turn(0.0).taken("a network"):
        pass
    assert f"process {other.pid}" in str(refused.value)
    assert "secret" not in str(refused.value)
    assert "\x1b" not in str(refused.value)


def test_who_has_waited_in_vain_does_not_wait_again_until_a_try_succeeds(other, monkeypatch):
    pauses: list[float] = []
    now = iter(range(1000))
    monkeypatch.setattr(turn.time, "monotonic", lambda: float(next(now)))
    monkeypatch.setattr(turn.time, "sleep", pauses.append)
    mine = Turn(3.5)
    for waits in (3, 0):
        pauses.clear()
        with pytest.raises(Untimed), mine.taken("a network"):
            pass
        assert len(pauses) == waits
    other.kill()
    other.wait()
    with mine.taken("a network"), pytest.raises(Untimed), Turn(0.0).taken("another"):
        pass
    monkeypatch.setattr(turn, "_had", lambda folder: False)
    pauses.clear()
    with pytest.raises(Untimed), mine.taken("a network"):
        pass
    assert len(pauses) == 3


def test_a_run_that_is_to_end_does_not_wait(other):
    asked = iter([False, False, True])
    with pytest.raises(Untimed, match="asked to end"), Turn(should_stop=lambda: next(asked)).taken("a network"):
        pass


def test_a_run_that_is_to_end_begins_no_timing():
    with pytest.raises(Untimed, match="asked to end"), Turn(should_stop=lambda: True).taken("a network"):
        pytest.fail("timed")


def test_what_several_cells_have_to_say_is_news_once():
    turn = Turn()
    assert [turn.is_news(text) for text in ("a", "b", "a")] == [True, True, False]
    assert Turn().is_news("a")


def test_a_folder_that_cannot_be_locked_is_a_reason_and_no_traceback(tmp_path, monkeypatch):
    monkeypatch.setattr(turn.tempfile, "gettempdir", lambda: str(tmp_path / "nowhere"))
    with pytest.raises(Untimed, match="No such file"), Turn().taken("a network"):
        pass

    def refuse(handle: int, how: int) -> None:
        raise OSError(9, os.strerror(9))

    monkeypatch.setattr(turn.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr(turn.fcntl, "flock", refuse)
    with pytest.raises(Untimed, match="Bad file descriptor"), Turn().taken("a network"):
        pass


@pytest.mark.parametrize(("text", "seconds"), [("", 300.0), ("0", 0.0), ("12.5", 12.5)])
def test_the_patience_can_be_set(text, seconds, monkeypatch):
    monkeypatch.setenv(turn.SETTING, text)
    assert Turn()._patience_s == seconds


@pytest.mark.parametrize("text", ["soon", "-1", "nan"])
def test_a_patience_that_is_none_is_refused(text, monkeypatch):
    monkeypatch.setenv(turn.SETTING, text)
    with pytest.raises(UserError, match=f"CHEAPCONV_TIMING_PATIENCE is '{text}': give the seconds"):
        Turn()
