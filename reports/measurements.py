"""Latency and throughput from the store's measurements, which are kept by network structure and shared by methods.

A column holds what was measured under one setting: device, precision, batches and threads. Every setting has columns of
its own, that of the most cells first, the earliest of equals, so what is measured later elsewhere stands beside it.

Within a column the machine may have been another one under the same name, or busy: its calibration, taken beside each
timing, tells. Timings whose calibrations differ by no more than the factor ALIKE are comparable; the largest such group
stands as it is, the others with a mark that says how fast the machine was.
"""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from cheapconv.engine.store.records import Latency, Measurement, Throughput
from cheapconv.engine.store.runs import Store
from cheapconv.reports.notes import MIXED, letters

ALIKE = 1.25  # those of a quiet machine differ by a twentieth, those beside another program by half
CALIBRATION = ("gflops", "gb_per_s")
NUMBERS = ("latency_ms", "latency_q25_ms", "latency_q75_ms", "throughput_images_per_s", *CALIBRATION)
TEXTS = ("measured_on", "speed")


def read_measurements(store: Path, structures: pd.Series) -> list[pd.DataFrame]:
    """One table a setting, in each one row a measured structure; `speed` is empty for comparable ones.

    `structures` is that of each cell, missing where a cell has none yet.
    """
    cells = structures.value_counts()
    timings = [timing for timing in Store(store).measurements() if timing.structure in cells.index]
    if not timings:
        return []
    found = pd.DataFrame([_row(timing) for timing in timings]).sort_values("date", kind="stable")
    found = found.drop_duplicates(["measured_on", "structure"], keep="last")
    settings = [table for _, table in found.groupby("measured_on")]
    settings.sort(key=lambda table: (-cells[table["structure"]].sum(), table["date"].min()))
    return [table.assign(speed=_speeds(table, cells[table["structure"]].to_numpy())) for table in settings]


def attach(cells: pd.DataFrame, measured: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """`cells` with NUMBERS and TEXTS of the first setting, and of the others with `_2`, `_3`, ... behind the names.

    They are missing where the headline network's structure was not measured.
    """
    for place, table in enumerate(measured or [pd.DataFrame(columns=["structure", *NUMBERS, *TEXTS], dtype=object)]):
        named = {name: f"{name}{suffix(place)}" for name in (*NUMBERS, *TEXTS)}
        cells = cells.merge(table[["structure", *named]].rename(columns=named), on="structure", how="left")
    return cells


def suffix(place: int) -> str:
    """Of the names of a setting's columns."""
    return f"_{place + 1}" if place else ""


def suffixes(rows: pd.DataFrame) -> list[str]:
    """Those that `attach` has given, in its order."""
    return [name.removeprefix("measured_on") for name in map(str, rows) if name.startswith("measured_on")]


def of_row(cells: pd.DataFrame) -> dict[str, object]:
    """A row's timings: means over its cells, whose networks may differ, and the machine's speed where it is marked."""
    found: dict[str, object] = {}
    for end in suffixes(cells):
        found |= {f"{name}{end}": cells[f"{name}{end}"].astype(float).mean() for name in NUMBERS}
        found[f"measured_on{end}"] = next(iter(cells[f"measured_on{end}"].dropna()), math.nan)
        speeds = {*cells[f"speed{end}"].dropna()} or {""}
        found[f"speed{end}"] = MIXED if len(speeds) > 1 else speeds.pop()
    return found


def conditions(measured: Sequence[pd.DataFrame]) -> dict[str, str]:
    """Device and settings of each pair of columns in words, with the machine's calibration where one was made."""
    if not measured:
        return {"Latency, throughput": "not measured"}
    said = {}
    for place, table in enumerate(measured):
        plain = table[table["speed"] == ""]
        days = sorted({str(date)[:10] for date in plain["date"]})
        parts = [table["measured_on"].iloc[0], f"measured {' to '.join(dict.fromkeys((days[0], days[-1])))}"]
        if plain[[*CALIBRATION]].notna().all(axis=None):
            parts.append(f"machine calibration {_speed(plain)}")
        said[f"Latency, throughput{letter(place, len(measured))}"] = "; ".join(parts)
    return said


def letter(place: int, settings: int) -> str:
    """What tells a setting's columns from those of another one: ` on A`; nothing where there is one setting."""
    return f" on {letters(place).upper()}" if settings > 1 else ""


def _row(timing: Measurement) -> dict[str, object]:
    latency, throughput = timing.latency, timing.throughput
    return {
        "structure": timing.structure,
        "date": timing.date,
        "latency_ms": latency.median_ms,
        "latency_q25_ms": latency.q25_ms,
        "latency_q75_ms": latency.q75_ms,
        "throughput_images_per_s": throughput.images_per_s,
        "measured_on": f"{timing.device_name} ({timing.device}); latency: {_setting(latency)}; "
        f"throughput: {_setting(throughput)}",
        **{name: timing.calibration.get(name, math.nan) for name in CALIBRATION},
    }


def _setting(timing: Latency | Throughput) -> str:
    """`batch 1, 1 thread, fp32`."""
    return f"batch {timing.batch}, {timing.threads} thread{'' if timing.threads == 1 else 's'}, {timing.precision}"


def _speeds(table: pd.DataFrame, cells: np.ndarray) -> np.ndarray:
    """How fast the machine of each timing was; empty for the comparable ones of the most cells, the first of equals."""
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(table[[*CALIBRATION]].to_numpy(float))
        apart = np.abs(logs[:, None] - logs[None])  # (timing, timing, number)
    unknown = np.isnan(logs)
    # Around one of them, so that no two of a group are further apart than ALIKE.
    alike = ((apart <= math.log(ALIKE) / 2) | (unknown[:, None] & unknown[None])).all(axis=2)
    np.fill_diagonal(alike, True)
    names, left = np.full(len(table), "", dtype=object), np.ones(len(table), dtype=bool)
    while left.any():
        group = left & alike[np.argmax(alike @ (cells * left) * left)]
        if not left.all():
            names[group] = _speed(table[group])
        left &= ~group
    return names


def _speed(table: pd.DataFrame) -> str:
    """`52.3 to 52.6 GFLOP/s, 11 GB/s`."""
    texts = []
    for name, unit in zip(CALIBRATION, ("GFLOP/s", "GB/s"), strict=True):
        if table[name].isna().any():
            return "unknown"
        low, high = f"{table[name].min():.4g}", f"{table[name].max():.4g}"
        texts.append(f"{' to '.join(dict.fromkeys((low, high)))} {unit}")
    return ", ".join(texts)
