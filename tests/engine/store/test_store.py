"""The folder of all run folders: clear refusals, and what it knows of sweeps and timings."""

import errno
import os
from pathlib import Path

import pytest

from cheapconv.catalog.errors import UserError
from cheapconv.engine.store import runs as stores
from cheapconv.engine.store.files import TEMPORARY, write_bytes
from cheapconv.engine.store.plans import PlannedKey, SweepPlan
from cheapconv.engine.store.runs import Run, Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "runs")


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


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


def test_a_plan_comes_back(store):
    cells = (PlannedKey(key="a"), PlannedKey(key="b", entry="student", needs=("a",)))
    plan = SweepPlan(sweep="x", suite="digits", recipe="short", created="2026-01-01T00:00:00+00:00", cells=cells)
    store.write_plan(plan)
    assert store.plan("x") == plan
    assert store.sweeps() == ["x"]
    assert store.plan("y") is None


def test_cleaning_looks_everywhere_and_leaves_what_is_in_use(store):
    store.write_plan(SweepPlan(sweep="x", suite="digits", recipe="short", created="", cells=()))
    for folder in ("", "a/networks", "b", "sweeps", "measurements"):
        (store.root / folder).mkdir(parents=True, exist_ok=True)
        (store.root / folder / f"{TEMPORARY}x").write_text("half")
        if folder in ("", "sweeps"):
            os.utime(store.root / folder / f"{TEMPORARY}x", (0, 0))  # nobody writes it any more
    for key in ("a", "b"):
        (store.root / key / "cell.json").write_text("{}")
    with store.run("b").lock():
        assert store.tidy() == 3  # of a folder without a lock only what is old
    assert (store.root / "measurements" / f"{TEMPORARY}x").is_file()
    assert (store.root / "b" / f"{TEMPORARY}x").is_file()
    assert store.sweeps() == ["x"]


def test_cleaning_locks_no_cell_that_has_nothing_to_clean(store, monkeypatch):
    """Who holds a lock turns a run away."""
    (store.root / "a").mkdir(parents=True)
    (store.root / "a" / "cell.json").write_text("{}")
    monkeypatch.setattr(Run, "lock", lambda self: pytest.fail("locked"))
    assert store.tidy() == 0
