"""The command `merge`: what it says, and what it refuses."""

import shutil
from pathlib import Path

import pytest

from cheapconv.engine.store.runs import Store
from tests.command_line import CommandLine
from tests.engine import tiny, watchers
from tests.engine.meeting import content, trained


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    return CommandLine(tmp_path, monkeypatch, capsys)


def test_it_says_what_came_of_it(run):
    trained(Store("runs"), "k", top1=0.812), trained(Store("b"), "k", "B CPU", top1=0.813), trained(Store("b"), "l")
    trained(Store("runs"), "m"), trained(Store("b"), "m", "B CPU")
    (Store("b").run("l").folder / "cell.json").unlink()
    code, out, _ = run("merge", "b")
    assert out.splitlines() == [
        "runs: 0 finished cells taken, 0 unfinished ones that were further; 0 plans, timings, probes, counts and cells "
        "completed.",
        "Trained twice, same bits: m.",
        "Trained twice, other bits: k (WRN-10-2 G(4) kd seed 0): top1 0.8120 here, 0.8130 on B CPU, kept in "
        "runs/machines/b-cpu/k.",
        "Left out, cannot be used as it is in b (cell.json is missing): l.",
    ]
    assert code == 3


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ("nowhere", "error: there is no store at nowhere: name folders of run folders.\n"),
        ("runs", "error: runs is the store to merge into: name the others, or another one with --into.\n"),
        ("empty", "error: empty holds no run folders: name the store itself, as --store of `run` has it.\n"),
    ],
)
def test_what_is_no_store_is_refused_before_anything_is_written(run, named, said):
    trained(Store("b"), "k")
    Path("runs").mkdir(), Path("empty").mkdir()
    assert run("merge", "b", named) == (2, "", said)
    assert content(Path("runs")) == {}


def test_cells_of_two_machines_become_one_sweep_that_goes_on_with_the_same_bits(run, tmp_path):
    """One has trained the teacher and stopped in its student, the other has nothing but the plan."""
    whole = tiny.planned_by("kd", epochs=4)
    unbroken, far, here = (Store(tmp_path / name) for name in ("unbroken", "far", "here"))
    tiny.run(unbroken, whole)
    stop = watchers.StopAfter(5, "kd")
    assert "stopped" in tiny.run(far, whole, stop, should_stop=stop).values()
    shutil.copytree(far.root, tmp_path / "copy")  # as it comes from another machine
    assert run("merge", str(tmp_path / "copy"), "--into", str(here.root))[0] == 0
    assert {*tiny.run(here, whole).values()} == {"done"}
    assert len(here.run(whole.cells[-1].cell.key).environments()) == 2
    code, out, _ = run("merge", str(unbroken.root), "--into", str(here.root))
    assert (code, out.splitlines()[1]) == (0, f"Trained twice, same bits: {', '.join(sorted(keys(whole)))}.")


def keys(whole) -> list[str]:
    return [planned.cell.key for planned in whole.cells]
