"""A signal during start-up: one sentence and exit code 130, whatever is being imported."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from cheapconv.engine.run import interrupt
from cheapconv.engine.run.stop import StopRequest

# An import that takes any failure for a no, as libraries have them.
START = """
import sys, time
sys.argv = ["/usr/bin/cheapconv", "run"]
import cheapconv.runner
try:
    print("up", flush=True)
    time.sleep(60)
except BaseException:
    print("swallowed")
"""


@pytest.fixture(autouse=True)
def a_terminal_that_may_close() -> Iterator[None]:
    """As if nobody had started the tests with nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_during_start_up_is_one_sentence(number):
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", START], stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdout.readline() == "up\n"
        process.send_signal(number)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert out == ""
    assert err == (
        f"interrupted ({number.name}): what was finished is kept, and the same command goes on from there.\n"
    )


def test_whoever_was_started_with_nohup_stays_deaf_to_a_closed_terminal(monkeypatch):
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert interrupt.heard() == [signal.SIGINT, signal.SIGTERM]
        with StopRequest() as stop:
            os.kill(os.getpid(), signal.SIGHUP)
            assert not stop()
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_closed_terminal_asks_a_training_to_stop():
    with StopRequest() as stop:
        os.kill(os.getpid(), signal.SIGHUP)
        assert stop.signalled
