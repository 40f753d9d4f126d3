"""The lock of a run folder: between processes, and gone with the one that held it."""

import errno
import subprocess
import sys

import filelock
import pytest

from cheapconv.engine.store import lock

HOLD = """
import sys, filelock
with filelock.FileLock(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_lock_keeps_another_process_out_and_ends_with_it(tmp_path):
    with lock.held(tmp_path / "a") as mine:
        assert mine
    command = [sys.executable, "-c", HOLD, str(tmp_path / "a" / lock.LOCK)]
    other = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout.readline() == "held\n"
        with lock.held(tmp_path / "a") as mine:
            assert not mine
        assert lock.is_held(tmp_path / "a")
        with lock.held(tmp_path / "b") as mine:
            assert mine
    finally:
        other.kill()
        other.communicate()
    with lock.held(tmp_path / "a") as mine:
        assert mine
    assert not lock.is_held(tmp_path / "a")


def test_a_lock_is_released_when_its_block_fails(tmp_path):
    with pytest.raises(ValueError, match="x"), lock.held(tmp_path):
        raise ValueError("x")
    with lock.held(tmp_path) as mine:
        assert mine


def test_a_read_only_copy_of_a_store_can_be_looked_at(tmp_path, monkeypatch):
    def refuse(self: object, blocking: bool) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(filelock.FileLock, "acquire", refuse)
    assert not lock.is_held(tmp_path)
