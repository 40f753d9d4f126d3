"""The run store: atomic files, locks between processes, states that tell the truth, and clear refusals."""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import filelock
import pytest

from cheapconv.catalog.errors import UserError
from cheapconv.engine.store import files as files_module
from cheapconv.engine.store import runs as stores
from cheapconv.engine.store.files import TEMPORARY, read_json, replacing, write_bytes, write_json, write_lines
from cheapconv.engine.store.runs import RESULT, STATE, Store

HOLD = """
import sys, filelock
with filelock.FileLock(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "runs")


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# Files


def test_a_file_is_whole_or_not_there(tmp_path):
    path = tmp_path / "deep" / "file"
    with replacing(path) as temporary:
        temporary.write_bytes(b"half")
        assert temporary.parent == path.parent  # the same disk, or a rename would be a copy
        assert temporary.name.startswith(TEMPORARY)
        assert not path.exists()
        temporary.write_bytes(b"whole")
    assert path.read_bytes() == b"whole"
    assert files(path.parent) == ["file"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, OSError])
def test_a_failed_write_leaves_the_old_file_and_nothing_else(error, tmp_path):
    path = tmp_path / "file"
    write_bytes(path, b"old")

    def fail(temporary: Path) -> None:
        temporary.write_bytes(b"new")
        raise error

    with pytest.raises(error), replacing(path) as temporary:
        fail(temporary)
    assert path.read_bytes() == b"old"
    assert files(tmp_path) == ["file"]


def test_a_write_that_cannot_be_made_durable_changes_nothing(tmp_path, monkeypatch):
    path = tmp_path / "file"
    write_bytes(path, b"old")

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files_module.os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_bytes(path, b"new")
    assert path.read_bytes() == b"old"
    assert files(tmp_path) == ["file"]


def test_everything_is_synced_before_it_gets_its_name(tmp_path, monkeypatch):
    """After a power cut the name must not stand for an empty file."""
    path, sizes, sync = tmp_path / "file", [], os.fsync

    def look(handle: int) -> None:
        sizes.append((os.fstat(handle).st_size, path.exists()))
        sync(handle)

    monkeypatch.setattr(files_module.os, "fsync", look)
    write_bytes(path, b"12345")
    assert sizes == [(5, False)]


def test_others_may_read_what_is_written(tmp_path):
    write_bytes(tmp_path / "file", b"")
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o644


def test_json_and_lines_come_back(tmp_path):
    write_json(tmp_path / "a.json", {"x": [1, None, 0.1]})
    assert read_json(tmp_path / "a.json") == {"x": [1, None, 0.1]}
    write_lines(tmp_path / "b.jsonl", [{"epoch": 0}, {"epoch": 1}])
    assert [json.loads(line) for line in (tmp_path / "b.jsonl").read_text().splitlines()] == [
        {"epoch": 0},
        {"epoch": 1},
    ]
    write_lines(tmp_path / "b.jsonl", [])
    assert (tmp_path / "b.jsonl").read_text() == ""


def test_a_missing_or_damaged_document_is_none(tmp_path):
    (tmp_path / "half.json").write_text('{"state": ')
    (tmp_path / "bytes.json").write_bytes(b"\xff\xfe")
    for name in ("missing.json", "half.json", "bytes.json", "half.json/below"):
        assert read_json(tmp_path / name) is None


# States


def test_a_cell_that_nobody_touched_is_planned(store):
    assert store.state("a")["state"] == "planned"
    assert not store.root.exists()  # looking creates nothing
    assert store.result("a") is None


def test_a_state_comes_back_with_a_heartbeat(store):
    store.set_state("a", "failed", 2, 5, "ValueError: no")
    state = store.state("a")
    assert {k: state[k] for k in ("state", "epoch", "epochs", "error")} == {
        "state": "failed",
        "epoch": 2,
        "epochs": 5,
        "error": "ValueError: no",
    }
    assert state["heartbeat"].endswith("+00:00")


def test_a_damaged_state_reads_planned(store):
    store.set_state("a", "done")
    (store.folder("a") / STATE).write_text("")
    assert store.state("a")["state"] == "planned"


def test_running_without_a_living_process_reads_planned(store):
    store.set_state("a", "running", 3, 5)
    assert store.state("a")["state"] == "planned"
    assert store.state("a")["epoch"] == 3
    with store.lock("a"):
        assert store.state("a")["state"] == "running"
    assert store.state("a")["state"] == "planned"


def test_a_lock_keeps_another_process_out_and_ends_with_it(store):
    with store.lock("a") as mine:
        assert mine
    store.set_state("a", "running")
    command = [sys.executable, "-c", HOLD, str(store.folder("a") / "lock")]
    other = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout.readline() == "held\n"
        with store.lock("a") as mine:
            assert not mine
        assert store.state("a")["state"] == "running"
        with store.lock("b") as mine:
            assert mine
    finally:
        other.kill()
        other.communicate()
    with store.lock("a") as mine:
        assert mine
    assert store.state("a")["state"] == "planned"


def test_a_lock_is_released_when_its_block_fails(store):
    with pytest.raises(ValueError, match="x"), store.lock("a"):
        raise ValueError("x")
    with store.lock("a") as mine:
        assert mine


def test_a_read_only_copy_of_a_store_can_be_looked_at(store, monkeypatch):
    store.set_state("a", "running")

    def refuse(lock: object, blocking: bool) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(filelock.FileLock, "acquire", refuse)
    assert store.state("a")["state"] == "planned"


# Refusals


def test_preparing_leaves_an_empty_folder(store):
    store.prepare()
    store.prepare()
    assert files(store.root) == []


def test_two_processes_may_prepare_at_once(store, monkeypatch):
    def write_and_lose(path: Path, data: bytes) -> None:
        write_bytes(path, data)
        path.unlink()  # by the other one

    monkeypatch.setattr(stores, "write_bytes", write_and_lose)
    store.prepare()


def test_a_store_below_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(
        UserError, match=r"the store .*/file/runs cannot be written \(Not a directory\): choose another"
    ):
        Store(tmp_path / "file" / "runs").prepare()


def test_a_folder_without_permission_is_refused(store, monkeypatch):
    def refuse(path: Path, data: bytes) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(stores, "write_bytes", refuse)
    with pytest.raises(UserError, match=r"cannot be written \(Permission denied\): choose another with --store\."):
        store.prepare()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS])
def test_a_full_disk_is_explained(number, store):
    with pytest.raises(UserError, match=r"cannot take more .*: make room and run again"), store.explaining_full_disk():
        raise OSError(number, os.strerror(number))


def test_other_errors_of_the_disk_are_not_explained_away(store):
    with pytest.raises(OSError, match="Input/output"), store.explaining_full_disk():
        raise OSError(errno.EIO, os.strerror(errno.EIO))


def test_a_result_is_what_was_written(store):
    write_json(store.folder("a") / RESULT, {"top1": 0.5})
    assert store.result("a") == {"top1": 0.5}
