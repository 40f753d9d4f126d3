"""A whole sweep from the command line: run, status, report, and every way in which it can end before its time."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cheapconv import catalog
from cheapconv.engine.measure import passes, timings, turn
from cheapconv.engine.store.runs import Store
from tests.command_line import REGISTRY, CommandLine
from tests.engine.tiny import DEAD_SERVER

TAKE = timings.take
ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    return CommandLine(tmp_path, monkeypatch, capsys)


def test_a_sweep_from_run_to_report(command, monkeypatch, tmp_path):
    """With timings, as short as they can be."""
    monkeypatch.setattr(timings, "take", TAKE)
    for name, value in {"SLICE_S": 0.0, "BEFORE": 0}.items():
        monkeypatch.setattr(passes, name, value)
    monkeypatch.setattr(turn.tempfile, "gettempdir", lambda: str(tmp_path))
    code, out, _ = command("run", "small", "--device", "cpu", "--threads", "1")
    assert code == 0
    assert "small: 2 done of 2 cells." in out
    rows = command.document("status", "small")["cells"]
    assert [row["state"] for row in rows] == ["done", "done"]
    assert all(0 <= row["score"] <= 1 for row in rows)
    assert len(list(Path("runs/measurements").glob("*.json"))) == 2
    again = command("run", "small", "--device", "cpu")
    assert again[0] == 0
    assert "epoch" not in again[1]
    code, out, _ = command("report", "small", "--out", "report")
    assert code == 0
    tables = {f"table.{form}" for form in ("md", "csv", "tex", "json", "parquet")} | {"pairs.csv"}
    assert {path.name for path in Path("report").iterdir()} == {*tables, "index.html", "assets"}
    assert "G(2)" in Path("report/table.md").read_text()
    changed = Path("changed.yaml")
    for text, remarks in (
        (REGISTRY, ()),
        (
            REGISTRY.replace('"G(2)"', '["G(2)", "G(4)"]'),
            ("cells of small in changed.yaml that are not in its last run, nor here: 1",),
        ),
        (
            REGISTRY.replace("G(2)", "G(4)"),
            ("cells of small in changed.yaml", "cells of the last run of small that are here"),
        ),
        (
            REGISTRY.replace("small", "other"),
            ("whether small is still as in its last run is not known: unknown sweep",),
        ),
    ):
        changed.write_text(text)
        code, out, _ = command("report", "small", "--out", "report", "--registry", "changed.yaml")
        assert code == 0
        assert [line for line in out.splitlines() if "last run" in line and not line.startswith(remarks)] == []
        assert all(f"\n{remark}" in out for remark in remarks)


def test_workers_and_cohorts_change_no_result(command, monkeypatch):
    monkeypatch.setattr(catalog, "plugins", lambda: ("tests.plugin",))  # for the workers
    alone = ("--device", "cpu", "--threads", "1", "--cohort", "1", "--store", "alone")
    assert command("run", "small", *alone)[0] == 0
    code, out, _ = command("run", "small", "--device", "cpu", "--threads", "1", "--workers", "2")
    assert code == 0
    assert "small: 2 done of 2 cells." in out
    found, expected = (command.document("status", "small", "--store", store)["cells"] for store in ("runs", "alone"))
    assert [row["score"] for row in found] == [row["score"] for row in expected]


def test_a_selection_runs_with_its_teachers(command):
    assert command("run", "small", "--select", "*/*/scratch", "--device", "cpu")[0] == 0
    assert [row["state"] for row in command.document("status", "small")["cells"]] == ["done", "planned"]
    code, out, _ = command("run", "small", "--select", "*/G(2)", "--device", "cpu")
    assert code == 0
    assert "small: 2 done of 2 cells." in out


def test_failed_cells_are_exit_code_1_until_they_are_retried(command, monkeypatch):
    code, out, err = command("run", "broken", "--device", "cpu")
    assert (code, err) == (1, "")
    assert "1 done, 1 failed of 2 cells" in out
    failed, done = command.document("status", "broken")["cells"]
    assert (failed["state"], failed["error"]) == ("failed", "ArithmeticError: seven is not a number")
    assert done["state"] == "done"
    assert command("run", "broken", "--device", "cpu")[0] == 1
    monkeypatch.setattr("tests.engine.toys.Raising.broken", False)
    assert command("run", "broken", "--device", "cpu", "--retry", "failed")[0] == 0


def test_failing_fast_leaves_the_rest(command):
    assert command("run", "broken", "--device", "cpu", "--fail-fast")[0] == 1
    assert [row["state"] for row in command.document("status", "broken")["cells"]] == ["failed", "planned"]


def test_a_time_budget_ends_cleanly_and_the_same_command_goes_on(command):
    code, out, _ = command("run", "small", "--device", "cpu", "--time-budget", "0s")
    assert code == 3
    assert "the same command goes on where it stopped" in out
    assert {row["state"] for row in command.document("status", "small")["cells"]} == {"planned"}
    assert command("run", "small", "--device", "cpu", "--time-budget", "1h30m")[0] == 0
    assert {row["state"] for row in command.document("status", "small")["cells"]} == {"done"}


def test_a_cell_that_another_process_holds_is_not_trained_twice(command):
    teacher, _ = command.document("plan", "small")["cells"]
    with Store(Path("runs")).run(teacher["key"]).lock():
        code, out, _ = command("run", "small", "--device", "cpu")
    assert code == 3
    assert "1 running elsewhere, 1 waiting of 2 cells" in out
    assert command("run", "small", "--device", "cpu")[0] == 0


def test_status_shows_errors_with_brackets(command):
    """rich would take them for markup."""
    teacher, _ = command.document("plan", "small")["cells"]
    error = "RuntimeError: [enforce fail at alloc.cpp:118] no memory [/tmp/x]"
    run = Store(Path("runs")).run(teacher["key"])
    run.folder.mkdir(parents=True)
    run.write_state("failed", error=error)
    code, out, _ = command("status", "small")
    assert code == 0
    assert error in out


def test_a_score_that_means_nothing_is_said_by_run_status_and_report(command):
    with Path("registry.yaml").open("a") as file:
        entry = "{architecture: WRN-10-1, conv: standard, method: {spoiled: {weight: '0'}}}"
        file.write(f"  empty: {{suite: tiny, recipe: short, epochs: 1, entries: [{entry}]}}\n")
    code, out, _ = command("run", "empty", "--device", "cpu", "--threads", "1")
    assert code == 0
    assert "% (constant), " in out
    assert "Of the 1 done cells, 1 ended with a score that means nothing; `status` says why." in out
    text = "student answers every test image with the same class"
    [row] = command.document("status", "empty")["cells"]
    assert (row["state"], row["warnings"]) == ("done", [{"kind": "constant", "text": text}])
    _, out, _ = command("status", "empty")
    assert text in out
    _, out, _ = command("report", "empty", "--out", "report")
    assert "because the accuracy means nothing: WRN-10-1 S spoiled" in out


def test_clean_says_what_it_removed(command):
    command("run", "small", "--device", "cpu")
    assert command("clean") == (0, "removed 0 files; every result is kept\n", "")


def process(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    """`python runner.py ARGUMENTS` in `folder`, where the registry names the plugin."""
    text = REGISTRY.replace("    suite: tiny", "    plugins: [tests.plugin]\n    suite: tiny")
    (folder / "registry.yaml").write_text(text)
    line = [sys.executable, str(ROOT / "runner.py"), *arguments]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MLFLOW_TRACKING_URI": DEAD_SERVER}
    return subprocess.run(line, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=300)


def test_an_interrupted_process_is_exit_code_130_and_goes_on(command, tmp_path):
    """A real process, a real SIGINT in its second step, and an MLflow server that is not there."""
    first = process(tmp_path, "run", "interrupted", "--device", "cpu", "--threads", "1")
    assert first.returncode == 130, first.stderr
    assert "interrupted: 1 stopped of 1 cells." in first.stdout
    assert "1 cells are left: the same command goes on where it stopped." in first.stdout
    assert "MLflow at http://127.0.0.1:9 does not answer" in first.stderr
    assert "Traceback" not in first.stderr
    assert [row["state"] for row in command.document("status", "interrupted")["cells"]] == ["stopped"]
    assert command("run", "interrupted", "--device", "cpu")[0] == 0
    [row] = command.document("status", "interrupted")["cells"]
    assert (row["state"], row["epoch"]) == ("done", 2)
