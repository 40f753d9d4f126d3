"""The lock of a run folder: between processes, and gone with the one that held it."""

import errno
import subprocess
import sys
import threading
from pathlib import Path

import filelock
import pytest

from cheapconv.engine.store import lock

HOLD = """
import sys, pathlib
from cheapconv.engine.store import lock
with lock.held(pathlib.Path(sys.argv[1])) as mine:
    print("held", mine, flush=True)
    sys.stdin.read()
"""


def test_a_lock_keeps_another_process_out_and_ends_with_it(tmp_path):
    with lock.held(tmp_path / "a") as mine:
        assert mine
    command = [sys.executable, "-c", HOLD, str(tmp_path / "a")]
    other = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout.readline() == "held True\n"
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


def test_who_looks_takes_no_lock_and_creates_nothing(tmp_path, monkeypatch):
    assert not lock.is_held(tmp_path)
    assert [*tmp_path.iterdir()] == []
    with lock.held(tmp_path):
        pass

    def refuse(*args: object) -> None:
        raise AssertionError("a lock was taken")

    monkeypatch.setattr(lock.fcntl, "flock", refuse)
    monkeypatch.setattr(filelock.FileLock, "acquire", refuse)
    assert not lock.is_held(tmp_path)


def test_many_who_look_turn_no_run_away(tmp_path, monkeypatch):
    monkeypatch.setattr(lock, "PATIENCE_S", 0.0)
    with lock.held(tmp_path):
        pass
    over = threading.Event()

    def look() -> None:
        while not over.is_set():
            lock.is_held(tmp_path)

    threads = [threading.Thread(target=look) for _ in range(2)]
    for thread in threads:
        thread.start()
    for _ in range(100):
        with lock.held(tmp_path) as mine:
            assert mine
            assert lock.is_held(tmp_path)
    over.set()
    for thread in threads:
        thread.join()


def test_a_read_only_copy_of_a_store_can_be_looked_at(tmp_path, monkeypatch):
    with lock.held(tmp_path):
        pass

    def refuse(self: Path, mode: str = "r") -> None:
        if mode != "rb":
            raise OSError(errno.EROFS, "Read-only file system")
        return opened(self, mode)

    opened = Path.open
    monkeypatch.setattr(Path, "open", refuse)
    assert not lock.is_held(tmp_path)
