"""Processes by name: who lives, who is dead, who cannot be asked for."""

import os
import subprocess
import sys

import pytest

from cheapconv.engine.store import process


def test_this_process_lives():
    assert process.lives(process.own_name()) is True


def test_a_later_process_of_the_same_number_is_another():
    where, pid, birth = process.own_name().split(".")
    assert process.lives(f"{where}.{pid}.{int(birth) - 1}") is False


def test_a_process_dies_with_its_end_and_not_with_its_funeral():
    child = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    name = f"{process.machine()}.{child.pid}.{process.born(child.pid)}"
    assert process.lives(name) is True
    child.stdin.close()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # ended, and still in the table of processes
    assert process.lives(name) is False
    child.wait()
    assert process.lives(name) is False


def test_a_process_of_another_machine_cannot_be_asked_for():
    assert process.lives("00000000.1.1") is None


def test_a_process_that_may_not_be_looked_at_lives(monkeypatch):
    monkeypatch.setattr(process, "born", lambda pid: None)  # as where /proc hides the processes of others
    assert process.lives(process.own_name()) is True


@pytest.mark.parametrize("pid", [0, 2**40])
def test_what_cannot_be_told_of_a_process_is_left_out(pid):
    assert process.told(pid) == f"process {pid}"
