"""The run folder: one reader whose answers agree, whatever was lost or damaged."""

import json
import os
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from cheapconv.engine.store import documents, lock
from cheapconv.engine.store.files import TEMPORARY
from cheapconv.engine.store.records import CurveRow, Environment, NetworkResult, Result, Sizes
from cheapconv.engine.store.runs import CHECKPOINT, CURVE, RESULT, STATE, Run, Store, UnreadableError

SIZES = Sizes(params=1, params_with_bn_stats=2, macs=3, flops=6, weights_bytes=4, activation_bytes=5)
STUDENT = NetworkResult(
    name="student",
    role="student",
    headline=True,
    scores={"top1": 0.5, "top5": 0.75},
    best=0.6,
    best_epoch=1,
    architecture="net",
    conv="c",
    structure="s",
    sizes=SIZES,
)
DONE = Result(
    key="a",
    epochs=2,
    test_samples=10,
    headline="top1",
    scores={"top1": 0.5, "top5": 0.75},
    best=0.6,
    best_epoch=1,
    networks=(STUDENT,),
    train_s=4.0,
    steps_s=3.0,
    method_s=1.0,
    train_images_per_s=100.0,
    teacher_train_s=0.0,
)
ROW = CurveRow(
    epoch=0, lr=0.1, loss=2.0, terms={"ce": 2.0}, scores={"student": {"top1": 0.5}}, images_per_s=100.0, seconds=3.0
)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    (tmp_path / "runs" / "a").mkdir(parents=True)
    return Store(tmp_path / "runs").run("a")


def test_a_cell_that_nobody_touched_is_planned(tmp_path):
    run = Store(tmp_path / "runs").run("a")
    assert run.state().state == "planned"
    assert (run.cell(), run.result(), run.curve(), run.environments()) == (None, None, [], ())
    assert not run.folder.exists()  # looking creates nothing


def test_a_state_comes_back_with_a_heartbeat(run):
    run.write_state("failed", 2, 5, "ValueError: no")
    state = run.state()
    assert (state.state, state.epoch, state.epochs, state.error) == ("failed", 2, 5, "ValueError: no")
    assert state.heartbeat is not None
    assert state.heartbeat.endswith("+00:00")


def test_a_damaged_state_reads_planned(run):
    run.write_state("failed")
    for text in ("", "[]", '{"state": "confused"}'):
        (run.folder / STATE).write_text(text)
        assert run.state().state == "planned"


def test_running_without_a_living_process_is_stopped(run):
    run.write_state("running", 3, 5)
    assert (run.state().state, run.state().epoch) == ("stopped", 3)
    with run.lock():
        assert run.state().state == "running"
    assert run.state().state == "stopped"


def test_a_result_comes_back_and_means_done_whatever_the_state_says(run):
    run.begin(Environment(device="cpu"))
    run.write_state("running", 1, 2)
    (run.folder / CHECKPOINT).write_bytes(b"x")
    run.finish(DONE)
    assert run.result() == DONE
    assert (run.state().state, run.state().epoch) == ("done", 2)
    assert not (run.folder / CHECKPOINT).exists()
    run.write_state("running", 1, 2)  # killed between the two
    assert run.state().state == "done"


@pytest.mark.parametrize("text", [None, "", "{", "[]", "{}", '{"schema": 2, "key": "a"}', "null"])
def test_done_without_a_readable_result_is_damaged_for_every_reader(run, text):
    run.begin(Environment(device="cpu"))
    run.finish(DONE)
    (run.folder / RESULT).unlink()
    if text is not None:
        (run.folder / RESULT).write_text(text)
    assert run.result() is None
    assert run.state().state == "damaged"
    assert "run the sweep again" in (run.state().error or "")


def test_a_checkpoint_stays_while_the_result_is_damaged(run):
    run.begin(Environment(device="cpu"))
    run.finish(DONE)
    (run.folder / RESULT).write_text("{")
    (run.folder / CHECKPOINT).write_bytes(b"x")
    assert run.tidy() == 0
    assert (run.folder / CHECKPOINT).exists()


def test_every_start_is_kept_and_the_last_one_ends(run):
    run.begin(Environment(device="cpu", start="1"))
    run.fail("ValueError: no", "traceback", 2)
    assert (run.folder / "error.txt").read_text() == "traceback"
    run.begin(Environment(device="cuda:0", start="2"))
    assert not (run.folder / "error.txt").exists()
    run.finish(DONE)
    first, last = run.environments()
    assert (first.device, first.end, last.device) == ("cpu", None, "cuda:0")
    assert last.end is not None


def test_a_curve_comes_back_and_the_later_of_two_lines_of_an_epoch_counts(run):
    rows = [ROW, replace(ROW, epoch=1), replace(ROW, epoch=1, loss=1.0)]
    run.write_curve(rows)
    assert run.curve() == [ROW, replace(ROW, epoch=1, loss=1.0)]
    (run.folder / CURVE).write_text("half a li")
    assert run.curve() == []


def test_files_of_schema_1_are_read_as_those_of_today(run):
    sizes = {"params": 1, "params_with_bn_stats": 2, "macs": 3, "flops": 6, "weights_bytes": 4, "activation_bytes": 5}
    network = {"name": "student", "role": "student", "headline": True, "top1": 0.5, "top5": 0.75, "top1_best": 0.6}
    network |= {"best_epoch": 1, "architecture": "net", "conv": "c", "changed": None, "structure": "s", **sizes}
    old = {"key": "a", "epochs": 2, "test_images": 10, "top1": 0.5, "top5": 0.75, "top1_best": 0.6, "best_epoch": 1}
    old |= {"by_validation": {"network": "student", "epoch": 1, "validation": 0.7, "top1": 0.5}, "networks": [network]}
    old |= {"train_s": 3.0, "train_images_per_s": 100.0, "teacher_train_s": 0.0}
    (run.folder / RESULT).write_text(json.dumps(old))
    result = run.result()
    assert result is not None
    assert result.by_validation is not None
    assert result.by_validation.score == 0.5
    assert replace(result, by_validation=None) == replace(DONE, train_s=3.0, method_s=None)
    line = {"epoch": 0, "lr": 0.1, "loss": 2.0, "terms": {"ce": 2.0}, "top1": {"student": 0.5}, "top5": {}}
    (run.folder / CURVE).write_text(json.dumps(line | {"images_per_s": 100.0, "seconds": 3.0}) + "\n")
    assert run.curve() == [ROW]
    (run.folder / "environment.json").write_text(json.dumps({"device": "cpu", "threads": 2}))
    assert run.environments() == (Environment(device="cpu", threads=2),)


def test_whoever_only_looks_turns_no_run_away(run):
    """A reader holds the lock for a moment; a run waits that long for it."""
    run.write_state("running")
    holds, let_go = threading.Event(), threading.Event()

    def look() -> None:
        with lock.held(run.folder):
            holds.set()
            let_go.wait()

    reader = threading.Thread(target=look)
    reader.start()
    holds.wait()
    threading.Timer(0.05, let_go.set).start()
    with run.lock() as mine:
        assert mine
    reader.join()


def test_a_file_of_a_later_schema_is_left_alone_and_not_taken_for_damaged(run):
    run.begin(Environment(device="cpu"))
    run.finish(DONE)
    body = json.loads((run.folder / RESULT).read_text())
    (run.folder / RESULT).write_text(json.dumps(body | {"schema": 99}))
    assert run.state().state == "unreadable"
    assert "was written by a newer release (schema 99): update this one" in (run.state().error or "")


def test_a_file_that_cannot_be_read_for_the_moment_is_not_lost(run, monkeypatch):
    run.begin(Environment(device="cpu"))
    run.finish(DONE)

    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(documents, "read_bytes", refuse)
        assert run.state().state == "unreadable"
        assert "cannot be read (Permission denied)" in (run.state().error or "")
        with pytest.raises(UnreadableError, match="Permission denied"):  # and not written anew without its history
            run.begin(Environment(device="cuda:0"))
    assert [item.device for item in run.environments()] == ["cpu"]
    assert run.state().state == "done"


def test_a_file_that_the_tracker_is_writing_is_left_to_it(run):
    mine, other = (run.folder / f"{TEMPORARY}{name}-x" for name in ("state.json", "mlflow.json"))
    for path in (mine, other):
        path.write_text("half")
    assert run.tidy() == 1
    assert other.is_file()
    os.utime(other, (0, 0))  # its process is long gone
    assert run.tidy() == 1


def test_a_failed_cell_says_where_it_goes_on(run):
    run.write_state("running", 3, 5)
    (run.folder / CHECKPOINT).write_bytes(b"x")
    run.fail("ValueError: no", "traceback", 5)
    assert (run.state().state, run.state().epoch) == ("failed", 3)
