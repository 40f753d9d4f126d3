"""Finished cells in int8: scored once, by the usual runtime and on the training images of their suite."""

import json
from dataclasses import replace
from typing import Any

import pytest
import torch

from cheapconv.catalog.errors import UserError
from cheapconv.engine.measure import turn
from cheapconv.engine.measure.timings import Way
from cheapconv.engine.run import quantised, session
from cheapconv.engine.run.settings import Settings
from cheapconv.engine.store import deployments
from cheapconv.engine.store.cell import recipe_of
from cheapconv.engine.store.networks import load
from cheapconv.engine.store.runs import RESULT, Store
from tests.engine import tiny
from tests.engine.timed import Watch

CPU = torch.device("cpu")
USUAL = Way(CPU, "onnxruntime")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A store with two finished cells of a sweep."""
    with tiny.trained(tmp_path_factory.mktemp("trained") / "runs", "scratch", "noisy") as (store, whole):
        yield store, whole


@pytest.fixture
def cells(trained: Any) -> Any:
    """Its cells, none of which is deployed yet."""
    store, whole = trained
    for run in store.runs():
        for path in (run.folder / deployments.FOLDER).glob("*"):
            path.unlink()
    return store, [planned.cell for planned in whole.cells]


def test_a_cell_is_scored_by_its_own_weights_on_all_test_images(cells):
    """In float32 a network of another form decides alike; int8 decides nearly so, from real logits."""
    store, (cell, _) = cells
    samples = quantised.OpenedData(None)
    [(found_cell, found), _] = quantised.score(store, cells[1], USUAL, samples)
    assert found_cell.key == cell.key
    assert (found.runtime, found.precision, found.test_samples) == ("onnxruntime", "int8", 23)
    [student] = found.students
    result = store.run(cell.key).result()
    assert (student.name, student.structure) == (result.students[0].name, result.students[0].structure)
    network, data = load(store, cell.key).network, samples.data(cell)
    x, y = next(data.split("test", recipe_of(cell)))
    right = (network(x).argmax(1) == y).float().mean().item()
    assert student.scores["top1"] == pytest.approx(right, abs=2.5 / 23)
    assert student.scores["top1"] * 23 == pytest.approx(round(student.scores["top1"] * 23))
    assert student.weights_bytes > sum(p.numel() for p in network.parameters())


def test_what_is_kept_is_not_made_again_and_what_was_trained_again_is(cells):
    store, both = cells
    samples = quantised.OpenedData(None)
    assert len([*quantised.score(store, both, USUAL, samples)]) == 2
    assert [*quantised.score(store, both, USUAL, samples)] == []
    result = store.run(both[0].key).folder / RESULT
    body = json.loads(result.read_text())
    before = result.read_bytes()
    result.write_text(json.dumps({name: value for name, value in body.items() if name != "sha256"}))
    try:
        assert [cell.key for cell in quantised.lacking(store, both, USUAL)] == [both[0].key]
    finally:
        result.write_bytes(before)


def test_a_damaged_file_is_made_again(cells):
    store, both = cells
    [*quantised.score(store, both, USUAL, quantised.OpenedData(None))]
    path = store.run(both[1].key).folder / deployments.FOLDER / "onnxruntime-int8.json"
    path.write_text(path.read_text()[:-40])
    assert [cell.key for cell in quantised.lacking(store, both, USUAL)] == [both[1].key]


def test_a_network_that_cannot_be_had_costs_no_other_its_score(cells, caplog):
    store, both = cells
    path = next((store.run(both[0].key).folder / "networks").glob("*.pt"))
    before = path.read_bytes()
    path.write_bytes(before[:100])
    try:
        found = [cell.key for cell, _ in quantised.score(store, both, USUAL, quantised.OpenedData(None))]
    finally:
        path.write_bytes(before)
    assert found == [both[1].key]
    assert "WRN-10-1 S scratch could not be scored in int8" in caplog.text


def test_it_can_be_asked_to_stop(cells):
    store, both = cells
    assert [*quantised.score(store, both, USUAL, quantised.OpenedData(None), lambda: True)] == []


def test_the_images_are_training_images_and_always_the_same(cells):
    _, (cell, _) = cells
    first, again = (quantised.OpenedData(None).calibration(cell) for _ in range(2))
    assert first.digest == again.digest
    assert str(first) == f"{len(first.images)} images of {first.of} ({first.digest})"
    assert len(first.images) <= quantised.OpenedData(None).data(cell).samples


def test_measure_times_and_scores_in_both_precisions(trained, cells, monkeypatch, tmp_path, capsys):
    store, whole = trained
    monkeypatch.setattr(turn.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr(session.busy, "sentence", lambda: "")
    watch = Watch(one_s=0.0015, many_s=0.064)
    session.measure(whole, store.root, "cpu", 1, watch, int8=True)
    said = capsys.readouterr().out
    for precision in ("fp32", "int8"):
        assert f"WRN-10-1 S, onnxruntime {precision}: 1.5 ms an image, 2000 images/s" in said
    for method in ("scratch", "noisy"):
        assert f"WRN-10-1 S {method}, seed 0, onnxruntime int8: top1 " in said
    assert [m.latency.precision for m in store.measurements.all()] == ["fp32", "int8"]
    small = store.measurements.all()[1]
    assert small.throughput.precision == "int8"
    assert small.quantised_on == str(quantised.OpenedData(None).calibration(cells[1][0]))


def test_a_runtime_without_int8_is_timed_in_float32_alone(cells, caplog):
    _, both = cells
    ways = quantised.both([Way(CPU, "eager"), USUAL], both, quantised.OpenedData(None))
    assert [(way.runtime, way.precision) for way in ways] == [
        ("eager", "fp32"),
        ("onnxruntime", "fp32"),
        ("onnxruntime", "int8"),
    ]
    assert "eager has no int8" in caplog.text
    with pytest.raises(UserError, match="eager cannot do int8: name a --runtime that can"):
        quantised.both([Way(CPU, "eager")], both, quantised.OpenedData(None))


def test_a_sweep_that_deploys_in_int8_is_scored_after_its_training(monkeypatch, tmp_path):
    tiny.install(monkeypatch)
    tiny.skip_measuring(monkeypatch)
    tiny.skip_mlflow(monkeypatch)
    timed: list[str] = []
    monkeypatch.setattr(quantised, "time_missing", lambda store, cell, way, turn: timed.append(way.precision))
    store = Store(tmp_path / "runs")
    whole = tiny.planned("scratch", epochs=1)
    settings = Settings(device="cpu", threads=1, cohort=1, mlflow=tiny.NO_MLFLOW)
    assert session.run(whole, whole, store.root, settings) == 0
    assert deployments.read(store.run(whole.cells[0].cell.key)) == []
    asked = replace(whole, deployed=("int8",))
    assert session.run(asked, asked, store.root, settings) == 0
    [found] = deployments.read(store.run(whole.cells[0].cell.key))
    assert (found.precision, timed) == ("int8", ["int8"])
