"""Stopping: the first signal and the end of the time budget are requests, the second signal is not."""

import os
import signal
from types import SimpleNamespace

import pytest

from cheapconv.engine.run import stop as stopping
from cheapconv.engine.run.stop import StopRequest


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_asks_and_the_second_interrupts(number):
    with StopRequest() as stop:
        assert not stop()
        os.kill(os.getpid(), number)
        assert stop()
        assert stop.signalled
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), number)


def test_two_different_signals_interrupt_too():
    with StopRequest() as stop:
        os.kill(os.getpid(), signal.SIGTERM)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
        assert stop.signalled


def test_handlers_are_restored_also_after_an_error():
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with StopRequest():
        assert signal.getsignal(signal.SIGINT) != before[0]
    with pytest.raises(ValueError, match="x"), StopRequest():
        raise ValueError("x")
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


@pytest.mark.parametrize(("budget_s", "expected"), [(None, [False] * 4), (10.0, [False, False, False, True])])
def test_the_time_budget_runs_from_the_beginning(budget_s, expected, monkeypatch):
    readings = iter([100.0, 100.0, 109.0, 110.0, 110.1] if budget_s else [])
    monkeypatch.setattr(stopping, "time", SimpleNamespace(monotonic=readings.__next__))
    with StopRequest(budget_s) as stop:
        assert [stop() for _ in range(4)] == expected
        assert not stop.signalled  # which is what tells exit code 0 from 130


def test_no_time_at_all_is_a_budget(monkeypatch):
    readings = iter([100.0, 100.1])
    monkeypatch.setattr(stopping, "time", SimpleNamespace(monotonic=readings.__next__))
    with StopRequest(0.0) as stop:
        assert stop()
