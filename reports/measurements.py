"""Latency and throughput from the store's measurements, which are kept by network structure and shared by methods.

A column holds what was measured under one setting, which its device, precision, batches and threads make: the setting
under which most of the sweep's structures were measured, the latest among equals.
"""

from pathlib import Path

import pandas as pd

from cheapconv.engine.store.records import Latency, Throughput
from cheapconv.engine.store.runs import Store

COLUMNS = ("latency_ms", "latency_q25_ms", "latency_q75_ms", "throughput_images_per_s", "measured_on")
CONDITIONS = ("structure", "date", "gflops", "gb_per_s")


def attach(cells: pd.DataFrame, measurements: pd.DataFrame) -> pd.DataFrame:
    """`cells` with the columns `COLUMNS`, missing where the headline network's structure was not measured."""
    return cells.merge(measurements[["structure", *COLUMNS]], on="structure", how="left")


def read_measurements(store: Path, structures: set[str]) -> pd.DataFrame:
    """One row a measured structure among `structures`, all under one setting, with machine calibration."""
    rows = [
        {
            "structure": timing.structure,
            "date": timing.date,
            "latency_ms": timing.latency.median_ms,
            "latency_q25_ms": timing.latency.q25_ms,
            "latency_q75_ms": timing.latency.q75_ms,
            "throughput_images_per_s": timing.throughput.images_per_s,
            "measured_on": f"{timing.device_name} ({timing.device}); latency: {_setting(timing.latency)}; "
            f"throughput: {_setting(timing.throughput)}",
            "gflops": timing.calibration.get("gflops"),
            "gb_per_s": timing.calibration.get("gb_per_s"),
        }
        for timing in Store(store).measurements()
        if timing.structure in structures
    ]
    found = pd.DataFrame(rows, columns=[*CONDITIONS, *COLUMNS])
    if found.empty:
        return found.astype({"structure": object})
    settings = found.groupby("measured_on").agg(structures=("structure", "nunique"), date=("date", "max"))
    best = settings.sort_values(["structures", "date"]).index[-1]
    return found[found["measured_on"] == best].sort_values("date").drop_duplicates("structure", keep="last")


def conditions(measurements: pd.DataFrame) -> str:
    """Device and settings of the timings in words, with the machine's calibration where one was made."""
    if measurements.empty:
        return "not measured"
    latest = measurements.iloc[-1]
    parts = [latest["measured_on"], f"measured {str(latest['date'])[:10]}"]
    if pd.notna(latest["gflops"]) and pd.notna(latest["gb_per_s"]):
        parts.append(f"machine calibration {latest['gflops']:.4g} GFLOP/s, {latest['gb_per_s']:.4g} GB/s")
    return "; ".join(parts)


def _setting(timing: Latency | Throughput) -> str:
    """`batch 1, 1 thread, fp32`."""
    return f"batch {timing.batch}, {timing.threads} thread{'' if timing.threads == 1 else 's'}, {timing.precision}"
