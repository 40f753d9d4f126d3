"""The command `plan --estimate` on the tiny suite: it probes once, keeps what it has, and says what is left out."""

import logging
from pathlib import Path

import pytest
import torch

from cheapconv.catalog.errors import UserError
from cheapconv.engine.measure import energy
from cheapconv.engine.run import probing
from cheapconv.engine.store import probes
from cheapconv.engine.store.runs import Store
from cheapconv.engine.train import probe as probe_steps
from tests.command_line import CommandLine
from tests.engine import tiny


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    monkeypatch.setattr(probe_steps, "LEAST_S", 0.0)
    monkeypatch.setattr(probing.busy, "warn", lambda: None)
    return CommandLine(tmp_path, monkeypatch, capsys)


def test_it_says_what_a_sweep_takes_and_the_second_time_at_once(run, monkeypatch):
    found = run.document("plan", "small", "--estimate", "--threads", "1")
    assert len(probes.of(Store("runs")).names()) == 2
    assert [workers["workers"] for workers in found["workers"]] == [1, 8, 64]
    assert found["train_alone_s"] == pytest.approx(sum(cell["train_s"] for cell in found["cells"]))
    teacher, student = found["cells"]
    assert (teacher["teacher_s"], student["teacher_s"] > 0) == (0.0, True)
    assert 0 < student["teacher_s"] < student["step_s"] < 1
    assert teacher["steps"] == tiny.data().steps(tiny.RECIPE)
    monkeypatch.setattr(probing, "probe", lambda *_: pytest.fail("probed"))
    assert run.document("plan", "small", "--estimate", "--threads", "1") == found


def test_the_table_says_on_what_it_stands(run):
    code, out, _ = run("plan", "small", "--estimate", "--threads", "1")
    assert code == 0
    assert "2 of 2 cells: " in out
    assert "core-hours, each cell alone" in out
    assert "with 1 worker, " in out
    assert out.splitlines()[-1] == "Left out: starting cells, saving networks and timing them."


def test_it_trains_nothing_and_touches_no_cell(run):
    run("plan", "small", "--estimate", "--threads", "1")
    assert Store("runs").runs() == []


def test_without_its_data_it_takes_noise_and_says_so(run, monkeypatch):
    def missing(*_: object) -> None:
        raise UserError("there are no images: give --data.")

    monkeypatch.setattr(tiny.Tiny, "open", missing)
    monkeypatch.setattr(tiny.Tiny, "train_samples", 24, raising=False)
    found = run.document("plan", "small", "--estimate", "--threads", "1")
    said = "making batches and scoring, since the probe had noise instead of images (there are no images: give --data)"
    assert said in found["left_out"]
    assert found["cells"][0]["steps"] == -(-24 // tiny.RECIPE.batch)


def test_what_cannot_be_probed_is_named_and_the_rest_goes_on(run, monkeypatch):
    probe = probing.probe

    def refuse(cell, *rest):
        if cell.method == "kd":
            raise RuntimeError("no kernel for this")
        return probe(cell, *rest)

    monkeypatch.setattr(probing, "probe", refuse)
    found = run.document("plan", "small", "--estimate", "--threads", "1")
    assert (len(found["cells"]), found["unknown_cells"]) == (1, 1)
    assert "1 cells that cannot be probed, such as WRN-10-1 G(2) kd seed 0 (no kernel for this)" in found["left_out"]


def test_an_interrupted_probing_keeps_what_it_has(run, monkeypatch):
    probe, taken = probing.probe, []

    def interrupted(cell, *rest):
        if taken:
            raise KeyboardInterrupt
        taken.append(cell)
        return probe(cell, *rest)

    monkeypatch.setattr(probing, "probe", interrupted)
    whole = tiny.planned("scratch", "noisy")
    with pytest.raises(KeyboardInterrupt):
        probing.estimated(whole, Path("runs"), "cpu", 1, None, "auto")
    assert len(probes.of(Store("runs")).names()) == 1


def test_what_methods_do_at_the_end_is_known_from_cells_that_are_done(run, tmp_path):
    whole = tiny.planned_by("pruned")
    before = probing.estimated(whole, tmp_path / "s", "cpu", 1, None, "auto")
    assert "known once such a cell is finished here: pruned" in before.left_out[-1]
    torch.set_num_threads(1)
    tiny.run(Store(tmp_path / "s"), whole)
    after = probing.estimated(whole, tmp_path / "s", "cpu", 1, None, "auto")
    key = whole.cells[-1].cell.key
    result = Store(tmp_path / "s").run(key).result()
    assert after.left_out == ()
    assert after.estimate.costs[key].method_s == result.method_s
    assert (after.done, after.left_s) == (len(whole.cells), 0.0)


def test_a_processor_tells_no_energy(caplog):
    with caplog.at_level(logging.WARNING):
        assert energy.meter(torch.device("cpu"))() is None
