"""Run folders written by hand, with fixed times, and a database to send them to."""

import json
from dataclasses import asdict
from typing import Any

import pytest

from cheapconv.engine.store import deployments
from cheapconv.engine.store.cell import CellRecord
from cheapconv.engine.store.deployments import DeployedStudent, Deployment
from cheapconv.engine.store.files import write_json
from cheapconv.engine.store.plans import PlannedKey, SweepPlan
from cheapconv.engine.store.records import (
    CurveRow,
    Environment,
    Latency,
    Measurement,
    NetworkResult,
    Result,
    Sizes,
    Throughput,
    Word,
)
from cheapconv.engine.store.runs import ENVIRONMENT, RESULT, Store

START = "2026-01-01T00:00:00+00:00"
START_MS = 1_767_225_600_000
END = "2026-01-01T01:00:00+00:00"
CELL: dict[str, Any] = {
    "suite": "digits",
    "protocol": 1,
    "data": "d1",
    "recipe": {
        "name": "short",
        "epochs": 3,
        "lr": 0.1,
        "nesterov": True,
        "schedule": {"kind": "cosine", "milestones": []},
        "precision": "fp32",
    },
    "architecture": "wrn(depth=10, width=2)",
    "architecture_label": "WRN-10-2",
    "architecture_version": 1,
    "conv": "group(groups=4)",
    "conv_label": "G(4)",
    "conv_version": 1,
    "method": "kd",
    "method_label": "kd",
    "method_version": 1,
    "method_config": {},
    "method_settings": {"temperature": 4.0, "form": "batchmean"},
    "seed": 0,
    "teacher": None,
    "classes": 10,
}
MACHINE = Environment(git_sha="abc", git_dirty=False, device="cpu", device_name="A CPU", precision="fp32", start=START)
SIZES = Sizes(params=100, params_with_bn_stats=120, macs=1000, flops=2000, weights_bytes=400, activation_bytes=800)


def write_cell(
    store: Store, key: str, *, state: Word = "done", epochs: int = 3, networks: int = 2, **changes: Any
) -> None:
    """A cell after `epochs` of its epochs; `changes` replace fields of cell.json."""
    run = store.run(key)
    run.write_cell(CellRecord(**{**CELL, **changes}))
    end = END if state == "done" else None
    write_json(run.folder / ENVIRONMENT, [asdict(MACHINE) | {"end": end}])
    run.write_curve([row(epoch, networks) for epoch in range(epochs)])
    if state == "done":
        write_json(run.folder / RESULT, {"schema": 2, **asdict(result(key, epochs))})
    run.write_state(state, epochs, 3, "ValueError: nan" if state == "failed" else None)


def write_deployment(store: Store, key: str, *top1: float, runtime: str = "onnxruntime") -> None:
    """The students of `write_cell` in int8."""
    students = (
        DeployedStudent(name=f"student_{number}", structure="s0", scores={"top1": score}, weights_bytes=150 + number)
        for number, score in enumerate(top1)
    )
    deployment = Deployment(
        runtime=runtime,
        runtime_label="ONNX Runtime",
        runtime_version="1.0",
        precision="int8",
        quantised_on="8 images",
        test_samples=1000,
        students=tuple(students),
        device_name="A CPU",
        date=END,
    )
    deployments.write(store.run(key), deployment)


def write_measurement(store: Store, device_name: str, latency_ms: float) -> None:
    """A timing of the student of `write_cell`."""
    setting: dict[str, Any] = {"threads": 1, "precision": "fp32", "runs": 9}
    measurement = Measurement(
        structure="s0",
        architecture=CELL["architecture"],
        conv=CELL["conv"],
        classes=10,
        input=(3, 32, 32),
        device="cpu",
        device_name=device_name,
        date=END,
        latency=Latency(batch=1, median_ms=latency_ms, q25_ms=latency_ms, q75_ms=latency_ms, **setting),
        throughput=Throughput(batch=256, images_per_s=500.0, q25=500.0, q75=500.0, **setting),
    )
    store.measurements.write(f"s0-{device_name.lower()}-t1", measurement)


def write_sweep(store: Store, sweep: str, keys: list[str]) -> None:
    """The plan of a sweep."""
    cells = tuple(PlannedKey(key=key) for key in keys)
    store.write_plan(SweepPlan(sweep=sweep, suite="digits", recipe="short", created=START, cells=cells))


def shared_database(factory: pytest.TempPathFactory) -> str:
    """URI of the one database of the test session; it is made at the first connection."""
    return f"sqlite:///{factory.getbasetemp()}/mlflow.db"


def read_memory(store: Store, key: str) -> dict[str, Any]:
    """mlflow.json of a cell."""
    return json.loads((store.run(key).folder / "mlflow.json").read_text())


def row(epoch: int, networks: int = 2) -> CurveRow:
    """An epoch of so many students, and of their ensemble where there are two."""
    top1 = {"student_0": 0.5 + epoch / 10, "student_1": 0.3 + epoch / 10, "ensemble": 0.9}
    names = list(top1)[: 3 if networks == 2 else 1]
    return CurveRow(
        epoch=epoch,
        lr=0.1,
        loss=2.0 - epoch,
        terms={"ce": 1.5, "kd": 0.5},
        scores={name: {"top1": top1[name]} for name in names},
        validation={"student_0": {"top1": 0.25}},
        images_per_s=800.0,
        seconds=3.0,
    )


def result(key: str, epochs: int) -> Result:
    """What came out of two students and their ensemble."""
    last = 0.1 * (epochs - 1)
    networks = (
        network("student_0", "student", 0.5 + last),
        network("student_1", "student", 0.3 + last),
        network("ensemble", "ensemble", 0.9),
    )
    return Result(
        key=key,
        epochs=epochs,
        test_samples=1000,
        headline="top1",
        scores={"top1": 0.4 + last},
        best=0.7,
        best_epoch=1,
        networks=networks,
        train_s=9.0,
        steps_s=9.0,
        method_s=0.0,
        teacher_train_s=6.0,
        train_images_per_s=800.0,
    )


def network(name: str, role: Any, top1: float) -> NetworkResult:
    """A network; students count."""
    return NetworkResult(
        name=name,
        role=role,
        headline=role == "student",
        scores={"top1": top1},
        best=0.7,
        best_epoch=1,
        structure="s0" if role == "student" else None,
        sizes=SIZES,
    )
