"""Stores that meet while others run, on damaged and on full disks, and killed at any moment."""

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from cheapconv.engine.store import machines
from cheapconv.engine.store.files import sha256, write_json
from cheapconv.engine.store.runs import Store
from cheapconv.engine.train import checkpoint
from tests.engine.meeting import begun, content, merge, stopped, trained
from tests.engine.written_cell import write_deployment, write_sweep


@pytest.fixture
def a(tmp_path: Path) -> Store:
    return Store(tmp_path / "a")


@pytest.fixture
def b(tmp_path: Path) -> Store:
    return Store(tmp_path / "b")


def test_what_is_running_is_left_out(a, b):
    stopped(b, "k", 1, 0), stopped(b, "l", 2, 0), stopped(a, "l", 1, 0), trained(b, "m")
    with b.run("k").lock(), a.run("l").lock():
        merged = merge(a, b)
    assert merged.left_out == {f"is running in {b.root}": ["k"], f"is running in {a.root}": ["l"]}
    assert (a.run("k").cell(), checkpoint.read(a.run("l").folder)["position"]["epoch"]) == (None, 1)
    assert a.run("m").result() is not None


def damaged_network(folder: Path) -> str:
    with (folder / "networks" / "student_1.pt").open("r+b") as file:
        file.seek(200)
        file.write(b"?")
    return "networks/student_1.pt is damaged: it is not what was written"


def of_a_newer_release(folder: Path) -> str:
    write_json(folder / "result.json", {"schema": 99})
    return "schema 99"


def without_a_cell(folder: Path) -> str:
    (folder / "cell.json").unlink()
    return "cell.json is missing"


def without_a_result(folder: Path) -> str:
    (folder / "result.json").write_text("{")
    return "result.json is missing or damaged"


def without_a_curve(folder: Path) -> str:
    (folder / "curve.jsonl").unlink()
    return "curve.jsonl is missing or incomplete"


@pytest.mark.parametrize(
    "harm", [damaged_network, of_a_newer_release, without_a_cell, without_a_result, without_a_curve]
)
def test_a_damaged_folder_is_a_sentence_and_the_rest_goes_on(a, b, harm: Callable[[Path], str]):
    trained(b, "bad"), trained(b, "good")
    said = harm(b.run("bad").folder)
    merged = merge(a, b)
    [(reason, names)] = merged.left_out.items()
    assert names == ["bad"]
    assert said in reason
    assert [run.key for run in a.runs()] == ["good"]


def test_what_a_newer_release_has_here_is_left_alone(a, b):
    trained(a, "k"), trained(b, "k", "B CPU")
    of_a_newer_release(a.run("k").folder)
    before = content(a.root)
    [(reason, names)] = merge(a, b).left_out.items()
    assert (names, "schema 99" in reason, content(a.root)) == (["k"], True, before)


def test_what_is_damaged_here_is_healed_from_there(a, b):
    trained(a, "k"), trained(b, "k", "B CPU"), trained(a, "l")
    without_a_result(a.run("k").folder)
    shutil.copytree(a.run("l").folder, b.run("l").folder)
    shutil.rmtree(a.run("l").folder / "networks")
    merged = merge(a, b)
    assert (merged.taken, merged.completed) == (1, 1)
    assert a.run("k").faults() == []
    assert (a.run("l").folder / "networks" / "student_0.pt").is_file()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES])
def test_a_disk_or_a_folder_that_takes_nothing_is_a_sentence(a, b, number, monkeypatch):
    trained(b, "big"), trained(b, "small")
    copyfile = shutil.copyfile

    def refuse(source: Path, target: Path) -> None:
        if "big" in str(source) and source.name == "student_1.pt":
            raise OSError(number, os.strerror(number), str(target))
        copyfile(source, target)

    monkeypatch.setattr(shutil, "copyfile", refuse)
    assert merge(a, b).left_out == {f"cannot be copied ({os.strerror(number)})": ["big"]}
    assert (a.run("big").state().state, a.run("small").state().state) == ("planned", "done")
    assert content(a.run("big").folder) == {}


KILLED: tuple[tuple[object, str], ...] = ((os, "fsync"), (Path, "replace"), (Path, "unlink"), (shutil, "copyfile"))


def killed(act: Callable[[], object], at: int) -> bool:
    """Whether a process that does it is killed before its `at`-th change of a disk."""
    pid = os.fork()
    if pid:
        return os.WIFSIGNALED(os.waitpid(pid, 0)[1])
    count = 0

    def counted(change: Callable[..., object]) -> Callable[..., object]:
        def changed(*arguments: object, **named: object) -> object:
            nonlocal count
            count += 1
            if count == at:
                os.kill(os.getpid(), 9)
            return change(*arguments, **named)

        return changed

    for owner, name in KILLED:
        setattr(owner, name, counted(getattr(owner, name)))
    act()
    os._exit(0)


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_killed_at_any_point_it_is_run_again_and_no_half_folder_is_whole(tmp_path):
    a, b = Store(tmp_path / "a"), Store(tmp_path / "b")
    stopped(a, "further", 1, 1), stopped(b, "further", 2, 0, "B CPU")
    stopped(a, "done", 1, 1), trained(b, "done", "B CPU")
    trained(a, "other"), trained(b, "other", "B CPU", weight=0.7)
    write_deployment(b, "done", 0.5, 0.4)
    begun(b, "failed", "B CPU", 0).fail("ValueError: nan", "Traceback", 3)
    begun(a, "failed", "A CPU", 0)
    (a.run("failed").folder / "environment.json").unlink()
    write_sweep(b, "s", ["done"])
    unbroken = Store(tmp_path / "unbroken")
    shutil.copytree(a.root, unbroken.root)
    merge(unbroken, b)
    at, died = 0, True
    while died:
        at += 1
        store = Store(tmp_path / f"killed-{at}")
        shutil.copytree(a.root, store.root)
        died = killed(lambda store=store: merge(store, b), at)
        half_way(store, b)
        merge(store, b)
        store.tidy(), machines.tidy(store)
        assert content(store.root) == content(unbroken.root), at
    assert at > 40


def half_way(store: Store, b: Store) -> None:
    """What holds at any moment: what is done is whole, and what is not could go on or begin anew."""
    for run in [*store.runs(), *machines.kept(store)]:
        if result := run.result():
            noted = {name: sha256(run.folder / name) for name in result.files}
            assert noted == dict(result.files)
        else:
            assert run.state().state in ("stopped", "planned", "failed"), run.state()
            saved = checkpoint.read(run.folder)
            assert saved is None or len(run.curve()) >= saved["position"]["epoch"]
