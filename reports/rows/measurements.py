"""Latency and throughput from the store's measurements, which are kept by network structure and shared by methods.

A column holds what was measured under one condition: device, runtime, precision, batches and threads, and the speed
that the machine had, for it may have been another one under the same name, or busy. Its calibration, taken beside each
timing, tells: no two of a column that count differ by more than the factor ALIKE. One in doubt is marked and compared
with nothing, so it makes no column of its own: a measuring beside other work, whose calibrations scatter, stays whole.
Every condition has columns of its own, that of the most cells first; of equals those of a runtime of its own before
PyTorch's, then the earliest, so what is measured later elsewhere stands beside it; last come those of networks in
another precision than they were trained in. A timing is of the rows that are deployed so: one of int8 stands in no row
as trained, and the other way round. What was measured at a speed of less than SHARE of a setting's cells is in no
column, but for that of the most; the header says of how many, and how to have them.

A timing that its own measuring doubts carries a mark. `doubt` is that of a latency, `throughput_doubt` that of a
throughput: of a machine that was slow both, and of an uneven image too, for then no batch was looked at
(engine/measure/passes.py).
"""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import cdist

from cheapconv.catalog.errors import command_line, plural, sweep_words
from cheapconv.engine.store import deployments
from cheapconv.engine.store.records import EAGER, Latency, Measurement, Throughput
from cheapconv.engine.store.runs import Store
from cheapconv.reports.rows.notes import letters
from cheapconv.reports.rows.operators import shares

ALIKE = 1.6  # those of a virtual machine that is left alone differ by a third, those beside another program by half
CALIBRATION = ("gflops", "gb_per_s")
NUMBERS = (
    *("latency_ms", "latency_q25_ms", "latency_q75_ms"),
    *("throughput_images_per_s", "throughput_q25_images_per_s", "throughput_q75_images_per_s"),
    *CALIBRATION,
)
TEXTS = ("measured_on", "doubt", "throughput_doubt", "operators")
ON = ("structure", "deployed_as")  # what a timing and the rows that it is of have in common
SHARE = 0.1


@dataclass(frozen=True)
class Measured:
    """One table a condition, in each one row a measured structure; how many structures are in none of them; and by
    runtime how many were timed in a precision in which no cell was scored."""

    tables: tuple[pd.DataFrame, ...] = ()
    left_out: int = 0
    unscored: Mapping[str, int] = field(default_factory=dict)


def read_measurements(store: Path, cells: pd.DataFrame) -> Measured:
    """The measurements of the networks of `cells`, by ON, each with the number of `cells` that share it."""
    counts, structures = cells.value_counts([*ON]), {*cells["structure"].dropna()}
    timings = [timing for timing in Store(store).measurements.all() if timing.structure in structures]
    fits = [(timing.structure, deployments.timed(timing)) in counts.index for timing in timings]
    others = [(timing.runtime, timing.structure) for timing, fit in zip(timings, fits, strict=True) if not fit]
    unscored = Counter(runtime for runtime, _ in {*others})
    if not any(fits):
        return Measured(unscored=unscored)
    rows = [_row(timing) for timing, fit in zip(timings, fits, strict=True) if fit]
    found = pd.DataFrame(rows).sort_values("date", kind="stable")
    found = found.drop_duplicates(["measured_on", "structure"], keep="last")
    found["cells"] = counts[pd.MultiIndex.from_frame(found[[*ON]])].to_numpy()
    tables: list[pd.DataFrame] = []
    for _, setting in found.groupby("measured_on"):
        own = [setting[group] for group in _alike(setting)]
        least, most = SHARE * setting["cells"].sum(), max(own, key=lambda table: table["cells"].sum())
        tables += [table for table in own if table is most or table["cells"].sum() >= least]
    tables.sort(key=_place)
    shown = pd.concat(tables).set_index([*ON]).index
    left_out = found[~found.set_index([*ON]).index.isin(shown)]
    return Measured(tuple(tables), left_out["structure"].nunique(), unscored)


def attach(cells: pd.DataFrame, measured: Measured) -> pd.DataFrame:
    """`cells` with NUMBERS and TEXTS of the first condition, and of the others with `_2`, `_3`, ... behind the names.

    They are missing where the headline network's structure was not measured as it is deployed.
    """
    for place, table in enumerate(measured.tables or [pd.DataFrame(columns=[*ON, *NUMBERS, *TEXTS], dtype=object)]):
        named = {name: f"{name}{suffix(place)}" for name in (*NUMBERS, *TEXTS)}
        cells = cells.merge(table[[*ON, *named]].rename(columns=named), on=[*ON], how="left")
    return cells


def suffix(place: int) -> str:
    """Of the names of a condition's columns."""
    return f"_{place + 1}" if place else ""


def suffixes(rows: pd.DataFrame) -> list[str]:
    """Those that `attach` has given, in its order."""
    return [name.removeprefix("measured_on") for name in map(str, rows) if name.startswith("measured_on")]


def of_row(cells: pd.DataFrame) -> dict[str, object]:
    """A row's timings and doubts: means over its cells, whose networks may differ, where all of them were timed."""
    found: dict[str, object] = {}
    cells = cells[cells["structure"].notna()]
    for end in suffixes(cells):
        found |= {f"{name}{end}": cells[f"{name}{end}"].astype(float).mean(skipna=False) for name in NUMBERS}
        found[f"measured_on{end}"] = next(iter(cells[f"measured_on{end}"].dropna()), math.nan)
        for name in ("doubt", "throughput_doubt"):
            found[f"{name}{end}"] = "; ".join(sorted({*cells[f"{name}{end}"].dropna()} - {""}))
        operators = {*cells[f"operators{end}"].dropna()}
        found[f"operators{end}"] = operators.pop() if len(operators) == 1 else ""  # of one network
    return found


def conditions(measured: Measured, sweep: str) -> dict[str, str]:
    """Device, setting and speed of each pair of columns in words, and what is in no column."""
    said = {} if measured.tables else {"Latency, throughput": "not measured"}
    for place, table in enumerate(measured.tables):
        days = sorted({str(date)[:10] for date in table["date"]})
        parts = [table["measured_on"].iloc[0], f"measured {' to '.join(dict.fromkeys((days[0], days[-1])))}"]
        if table[[*CALIBRATION]].notna().all(axis=None):
            parts.append(f"machine calibration {_speed(table)}")
        said[f"Latency, throughput{letter(place, len(measured.tables))}"] = "; ".join(parts)
    if measured.left_out:
        said["Latency, throughput left out"] = (
            f"those of {plural(measured.left_out, 'network')}, which were taken while the "
            "machine was faster or slower: "
            "cheapconv measure times all of them together"
        )
    if measured.unscored:
        said["Latency, throughput of int8 alone"] = "; ".join(
            f"int8 timings of {plural(count, 'network')} by {runtime} are kept: "
            f"`{command_line('measure', *sweep_words(sweep), '--runtime', runtime, '--int8')}` scores them"
            for runtime, count in sorted(measured.unscored.items())
        )
    return said


def letter(place: int, among: int) -> str:
    """What tells a condition's columns from those of another one: ` on A`; nothing where there is one."""
    return f" on {letters(place).upper()}" if among > 1 else ""


def _place(table: pd.DataFrame) -> tuple[bool, float, bool, str]:
    """Of a condition's columns, in their order."""
    is_deployed, is_eager = bool(table["deployed_as"].iloc[0]), bool(table["runtime"].iloc[0] == EAGER)
    return is_deployed, -float(table["cells"].sum()), is_eager, str(table["date"].min())


def _row(timing: Measurement) -> dict[str, object]:
    latency, throughput = timing.latency, timing.throughput
    return {
        "structure": timing.structure,
        "deployed_as": deployments.timed(timing),
        "date": timing.date,
        "runtime": timing.runtime,
        "latency_ms": latency.median_ms,
        "latency_q25_ms": latency.q25_ms,
        "latency_q75_ms": latency.q75_ms,
        "throughput_images_per_s": throughput.images_per_s,
        "throughput_q25_images_per_s": throughput.q25,
        "throughput_q75_images_per_s": throughput.q75,
        "measured_on": f"{timing.device_name} ({timing.device}), {timing.runtime}; latency: {_setting(latency)}; "
        f"throughput: {_setting(throughput)}",
        "doubt": timing.latency_doubt,
        "throughput_doubt": timing.doubt,
        "operators": shares(timing.operators),
        **{name: timing.calibration.get(name, math.nan) for name in CALIBRATION},
    }


def _setting(timing: Latency | Throughput) -> str:
    """`batch 1, 1 thread, fp32`."""
    return f"batch {timing.batch}, {plural(timing.threads, 'thread')}, {timing.precision}"


def _alike(table: pd.DataFrame) -> list[np.ndarray]:
    """Groups of comparable timings, as masks: that of the most cells first, the first of equals. No two of a group are
    further apart than ALIKE, but for those in doubt, which are in the group that is nearest to them, or all in one;
    those without a calibration are a group of their own."""
    logs = np.log(table[[*CALIBRATION]].to_numpy(float))
    known = ~np.isnan(logs).any(axis=1)
    count = known & (table["doubt"] == "").to_numpy()
    group = known.astype(int)
    if count.sum() > 1:
        tree = linkage(logs[count], method="complete", metric="chebyshev")
        group[count] = fcluster(tree, math.log(ALIKE), criterion="distance")
    if count.any():
        group[known & ~count] = group[count][cdist(logs[known & ~count], logs[count], "chebyshev").argmin(axis=1)]
    masks = [group == number for number in dict.fromkeys(group)]
    return sorted(masks, key=lambda mask: -table["cells"][mask].sum())


def _speed(table: pd.DataFrame) -> str:
    """`52.3 to 52.6 GFLOP/s, 11 GB/s`."""
    texts = []
    for name, unit in zip(CALIBRATION, ("GFLOP/s", "GB/s"), strict=True):
        low, high = f"{table[name].min():.4g}", f"{table[name].max():.4g}"
        texts.append(f"{' to '.join(dict.fromkeys((low, high)))} {unit}")
    return ", ".join(texts)
