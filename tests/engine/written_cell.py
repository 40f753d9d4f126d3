"""Run folders written by hand, in the layout of the run store, and a database to mirror them to."""

import json
from typing import Any

import pytest

from cheapconv.engine.store.files import write_json, write_lines
from cheapconv.engine.store.runs import CELL, CURVE, RESULT, Store

START = "2026-01-01T00:00:00+00:00"
START_MS = 1_767_225_600_000
CELL_BODY: dict[str, Any] = {
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
    "conv": "group(groups=4)",
    "conv_label": "G(4)",
    "method": "kd",
    "method_label": "kd",
    "method_settings": {"temperature": 4.0, "form": "batchmean"},
    "seed": 0,
    "teacher": None,
}
ENVIRONMENT = {"git_sha": "abc", "git_dirty": False, "device": "cpu", "device_name": "A CPU", "precision": "fp32"}


def write_cell(store: Store, key: str, *, state: str = "done", epochs: int = 3, **changes: Any) -> None:
    """A cell after `epochs` of its epochs; `changes` replace fields of cell.json."""
    folder = store.run(key).folder
    write_json(folder / CELL, {**CELL_BODY, "key": key, **changes})
    end = "2026-01-01T01:00:00+00:00" if state == "done" else None
    write_json(folder / "environment.json", {**ENVIRONMENT, "start": START, "end": end})
    write_lines(folder / CURVE, [_row(epoch) for epoch in range(epochs)])
    if state == "done":
        write_json(folder / RESULT, _result(key, epochs))
    store.set_state(key, state, epochs, 3, "ValueError: nan" if state == "failed" else None)


def write_measurement(store: Store, device_name: str, latency_ms: float) -> None:
    """A timing of the student of `write_cell`."""
    path = store.root / "measurements" / f"s0-{device_name.lower()}-t1.json"
    body = {"latency": {"median_ms": latency_ms}, "throughput": {"images_per_s": 500.0}}
    write_json(path, {"structure": "s0", "device_name": device_name, **body})


def write_sweep(store: Store, sweep: str, keys: list[str]) -> None:
    """The plan of a sweep."""
    write_json(store.root / "sweeps" / f"{sweep}.json", {"sweep": sweep, "cells": [{"key": key} for key in keys]})


def shared_database(factory: pytest.TempPathFactory) -> str:
    """URI of the one database of the test session; it is made at the first connection."""
    return f"sqlite:///{factory.getbasetemp()}/mlflow.db"


def read_memory(store: Store, key: str) -> dict[str, Any]:
    """mlflow.json of a cell."""
    return json.loads((store.run(key).folder / "mlflow.json").read_text())


def _row(epoch: int) -> dict[str, Any]:
    top1 = {"student_0": 0.5 + epoch / 10, "student_1": 0.3 + epoch / 10, "ensemble": 0.9}
    values = {"lr": 0.1, "loss": 2.0 - epoch, "terms": {"ce": 1.5, "kd": 0.5}, "top1": top1, "top5": {}}
    return {"epoch": epoch, **values, "images_per_s": 800.0, "seconds": 3.0}


def _result(key: str, epochs: int) -> dict[str, Any]:
    last = 0.1 * (epochs - 1)
    networks = [
        _network("student_0", "student", True, 0.5 + last),
        _network("student_1", "student", True, 0.3 + last),
        _network("ensemble", "ensemble", False, 0.9),
    ]
    body = {"key": key, "epochs": epochs, "top1": 0.4 + last, "top5": None, "top1_best": 0.7, "best_epoch": 1}
    return body | {"networks": networks, "train_s": 9.0, "teacher_train_s": 6.0, "train_images_per_s": 800.0}


def _network(name: str, role: str, headline: bool, top1: float) -> dict[str, Any]:
    sizes = {"params": 100, "params_with_bn_stats": 120, "macs": 1000, "flops": 2000}
    sizes |= {"weights_bytes": 400, "activation_bytes": 800}
    structure = "s0" if role == "student" else None
    return {
        "name": name,
        "role": role,
        "headline": headline,
        "top1": top1,
        "top5": None,
        "structure": structure,
        **sizes,
    }
