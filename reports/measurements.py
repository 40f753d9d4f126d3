"""Latency and throughput from the store's measurements, which are kept by network structure and shared by methods.

A column holds one device's numbers: the device that measured most of the sweep's structures, the latest among equals.
"""

import json
from pathlib import Path
from typing import Any

import pandas as pd

COLUMNS = ("latency_ms", "latency_q25_ms", "latency_q75_ms", "throughput_images_per_s", "measured_on")


def attach(cells: pd.DataFrame, measurements: pd.DataFrame) -> pd.DataFrame:
    """`cells` with the columns `COLUMNS`, missing where the headline network's structure was not measured."""
    return cells.merge(measurements[["structure", *COLUMNS]], on="structure", how="left")


def read_measurements(store: Path, structures: set[str]) -> pd.DataFrame:
    """One row a measured structure among `structures`, all from one device, with machine calibration."""
    rows = [_row(json.loads(path.read_text())) for path in sorted((store / "measurements").glob("*.json"))]
    found = pd.DataFrame([row for row in rows if row["structure"] in structures], columns=list(_row({})))
    if found.empty:
        return found.astype({"structure": object})
    devices = found.groupby("device").agg(structures=("structure", "nunique"), date=("date", "max"))
    best = devices.sort_values(["structures", "date"]).index[-1]
    return found[found["device"] == best].sort_values("date").drop_duplicates("structure", keep="last")


def _row(measurement: dict[str, Any]) -> dict[str, Any]:
    latency, throughput = measurement.get("latency", {}), measurement.get("throughput", {})
    calibration = measurement.get("calibration") or {}
    device = f"{measurement.get('device_name')} ({measurement.get('device')})"
    return {
        "structure": measurement.get("structure"),
        "device": device,
        "date": measurement.get("date"),
        "latency_ms": latency.get("median_ms"),
        "latency_q25_ms": latency.get("q25_ms"),
        "latency_q75_ms": latency.get("q75_ms"),
        "throughput_images_per_s": throughput.get("images_per_s"),
        "measured_on": f"{device}; latency: {_setting(latency)}; throughput: {_setting(throughput)}",
        "gflops": calibration.get("gflops"),
        "gb_per_s": calibration.get("gb_per_s"),
    }


def _setting(timing: dict[str, Any]) -> str:
    """`batch 1, 1 thread, fp32`."""
    threads = timing.get("threads")
    plural = "" if threads == 1 else "s"
    return f"batch {timing.get('batch')}, {threads} thread{plural}, {timing.get('precision')}"
