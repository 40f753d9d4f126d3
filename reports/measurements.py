"""Latency and throughput from the store's measurements, which are kept by network structure and shared by methods.

A column holds what was measured under one setting, which its device, precision, batches and threads make: the setting
under which most of the sweep's structures were measured, the latest among equals.
"""

from pathlib import Path

import pandas as pd

from cheapconv.engine.store.records import Latency, Measurement, Throughput
from cheapconv.engine.store.runs import Store

COLUMNS = ("latency_ms", "latency_q25_ms", "latency_q75_ms", "throughput_images_per_s", "measured_on")
CONDITIONS = ("structure", "date", "gflops", "gb_per_s")


def attach(cells: pd.DataFrame, measurements: pd.DataFrame) -> pd.DataFrame:
    """`cells` with the columns `COLUMNS`, missing where the headline network's structure was not measured."""
    return cells.merge(measurements[["structure", *COLUMNS]], on="structure", how="left")


def read_measurements(store: Path, structures: set[str]) -> pd.DataFrame:
    """One row a measured structure among `structures`, all under one setting, with machine calibration."""
    rows = [_row(found) for found in Store(store).measurements() if found.structure in structures]
    found = pd.DataFrame(rows, columns=[*CONDITIONS, *COLUMNS])
    if found.empty:
        return found.astype({"structure": object})
    settings = found.groupby("measured_on").agg(structures=("structure", "nunique"), date=("date", "max"))
    best = settings.sort_values(["structures", "date"]).index[-1]
    return found[found["measured_on"] == best].sort_values("date").drop_duplicates("structure", keep="last")


def _row(measured: Measurement) -> dict[str, object]:
    latency, throughput = measured.latency, measured.throughput
    return {
        "structure": measured.structure,
        "date": measured.date,
        "latency_ms": latency.median_ms,
        "latency_q25_ms": latency.q25_ms,
        "latency_q75_ms": latency.q75_ms,
        "throughput_images_per_s": throughput.images_per_s,
        "measured_on": f"{measured.device_name} ({measured.device}); latency: {_setting(latency)}; "
        f"throughput: {_setting(throughput)}",
        "gflops": measured.calibration.get("gflops"),
        "gb_per_s": measured.calibration.get("gb_per_s"),
    }


def _setting(timing: Latency | Throughput) -> str:
    """`batch 1, 1 thread, fp32`."""
    return f"batch {timing.batch}, {timing.threads} thread{'' if timing.threads == 1 else 's'}, {timing.precision}"
