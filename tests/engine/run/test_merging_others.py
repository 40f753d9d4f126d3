"""What stores have beside cells: plans, timings, deployments, and what trackers were sent."""

from dataclasses import replace
from pathlib import Path

import pytest

from cheapconv.engine.run.merging import united
from cheapconv.engine.store import compute, deployments, probes
from cheapconv.engine.store.compute import StepCount
from cheapconv.engine.store.files import write_json
from cheapconv.engine.store.plans import PlannedKey, SweepPlan
from cheapconv.engine.store.probes import Probe
from cheapconv.engine.store.runs import Store
from tests.engine.meeting import merge, trained
from tests.engine.written_cell import write_deployment, write_measurement


@pytest.fixture
def a(tmp_path: Path) -> Store:
    return Store(tmp_path / "a")


@pytest.fixture
def b(tmp_path: Path) -> Store:
    return Store(tmp_path / "b")


def test_plans_of_a_divided_sweep_are_united():
    ours, theirs = (
        SweepPlan(sweep="s", suite="digits", recipe="short", created=day, cells=tuple(PlannedKey(key=k) for k in keys))
        for day, keys in (("2026-01-01", "ab"), ("2026-01-02", "bc"))
    )
    assert [cell.key for cell in united(ours, theirs).cells] == ["a", "b", "c"]
    assert united(united(ours, theirs), theirs) == united(ours, theirs)
    told = [replace(plan, about={"conv": {name: name, "S": name}}) for plan, name in ((ours, "a"), (theirs, "b"))]
    assert united(*told).about == {"conv": {"b": "b", "S": "a", "a": "a"}}


def test_of_unlike_plans_the_newer_is_kept_and_that_is_said(a, b):
    for store, recipe, day in ((a, "short", "2026-01-01"), (b, "long", "2026-01-02")):
        store.write_plan(SweepPlan(sweep="s", suite="digits", recipe=recipe, created=day, cells=()))
    [(reason, names)] = merge(a, b).left_out.items()
    assert (a.plan("s").recipe, names) == ("long", ["sweep s"])
    assert reason == f"has another suite or recipe in {b.root}: of the two plans the newer one is kept"


def test_a_timing_without_a_doubt_is_kept(a, b):
    a.prepare(), b.prepare()
    write_measurement(a, "A CPU", 3.0), write_measurement(b, "A CPU", 2.0), write_measurement(b, "B CPU", 1.0)
    path = a.root / "measurements" / "s0-a cpu-t1.json"
    path.write_text(
        path.read_text().replace('"doubt": ""', '"doubt": "slow"').split('"sha256"')[0].rstrip(" \n,") + "}"
    )
    assert a.measurements.all()[0].doubt == "slow"
    merge(a, b)
    assert [timing.latency.median_ms for timing in a.measurements.all()] == [2.0, 1.0]


def test_deployments_of_the_same_networks_are_the_cells_own(a, b):
    trained(a, "k"), trained(b, "k", "B CPU")
    write_deployment(b, "k", 0.5, 0.4)
    merge(a, b)
    assert [deployment.means(a.run("k").result()) for deployment in deployments.read(a.run("k"))] == [{"top1": 0.45}]


def test_what_a_server_was_sent_is_remembered_and_what_a_file_holds_is_not(a, b):
    trained(a, "k"), trained(b, "k", "B CPU"), trained(b, "l")
    memory = {"http://h:1": {"s": {"run_id": "r"}}, "sqlite:////x/mlflow.db": {"s": {"run_id": "f"}}}
    for folder in (b.run("k").folder, b.run("l").folder, b.root):
        write_json(folder / "mlflow.json", memory | {"report": {}})
    merge(a, b)
    assert not (a.run("k").folder / "mlflow.json").exists()  # another attempt, of which this server was sent nothing
    for folder in (a.run("l").folder, a.root):
        assert '"run_id": "r"' in (folder / "mlflow.json").read_text()
        assert "sqlite" not in (folder / "mlflow.json").read_text()


def test_of_two_probes_the_newer_is_kept(a, b):
    old, new = (
        Probe(device_name="A CPU", threads=1, date=day, steps=9, batch_s=1.0, teacher_s=0.0, own_s=1.0, taken=8)
        for day in ("2026-01-01", "2026-01-02")
    )
    (
        probes.of(a).write("x", old),
        probes.of(b).write("x", new),
        probes.of(a).write("y", new),
        probes.of(b).write("y", old),
    )
    assert merge(a, b).completed == 1
    assert (probes.of(a).read("x"), probes.of(a).read("y")) == (new, new)


def test_what_was_counted_of_trainings_comes_along(a, b):
    mine, theirs = StepCount(macs=1, images=2), StepCount(macs=3, images=2)
    compute.of(a).write("x", mine), compute.of(b).write("x", theirs), compute.of(b).write("y", theirs)
    assert merge(a, b).completed == 1
    assert (compute.of(a).read("x"), compute.of(a).read("y")) == (mine, theirs)
