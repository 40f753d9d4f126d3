"""The conditions of a sweep, stated first in a report: data, recipe, protocol, hardware, precision, commit, dates."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

import pandas as pd

from cheapconv.reports.collect import Collected, Record
from cheapconv.reports.variants import common_recipe


def conditions(sweep: Collected, measurements: pd.DataFrame) -> dict[str, str]:
    """Name and text of each condition; where cells differ, every value with the number of cells that have it."""
    cells = [record.cell for record in sweep.known]
    environments = [record.environment for record in sweep.done if record.environment]
    recipe = common_recipe(sweep)
    return {
        "Data": _tally(f"{cell.get('suite_label', cell['suite'])} (fingerprint {cell['data']})" for cell in cells),
        "Recipe": f"{recipe.pop('name', sweep.recipe)}: {', '.join(f'{k} {v}' for k, v in recipe.items())}",
        "Protocol": _tally(f"version {cell['protocol']}" for cell in cells),
        "Epochs": _tally(str(cell["recipe"]["epochs"]) for cell in cells),
        "Hardware": _tally(_hardware(environment) for environment in environments),
        "Precision": _tally(str(environment["precision"]) for environment in environments),
        "Commit": _tally(_commit(environment) for environment in environments),
        "Software": _tally(_software(environment) for environment in environments),
        "Trained": _dates(environments),
        "Cells": progress(sweep.records),
        "Latency, throughput": _measured(measurements),
    }


def progress(records: list[Record]) -> str:
    """`10 of 12 done, 1 failed, 1 planned`."""
    states = Counter(record.state for record in records)
    rest = [f"{states[state]} {state}" for state in ("failed", "running", "planned") if states[state]]
    return ", ".join([f"{states['done']} of {len(records)} done", *rest])


def _tally(values: Iterable[str]) -> str:
    """One value as it is; several with their counts, the most frequent first."""
    counts = Counter(values).most_common()
    if len(counts) == 1:
        return counts[0][0]
    return "; ".join(f"{value} [{count} cell{'' if count == 1 else 's'}]" for value, count in counts) or "not recorded"


def _hardware(environment: dict[str, Any]) -> str:
    threads = environment["threads"]
    driver = f", driver {environment['driver']}" if environment.get("driver") else ""
    compiled = ", torch.compile" if environment.get("compile") else ""
    plural = "" if threads == 1 else "s"
    return f"{environment['device_name']} ({environment['device']}, {threads} CPU thread{plural}{driver}{compiled})"


def _commit(environment: dict[str, Any]) -> str:
    dirty = " with uncommitted changes" if environment.get("git_dirty") else ""
    return f"{(environment.get('git_sha') or 'unknown')[:12]}{dirty}"


def _software(environment: dict[str, Any]) -> str:
    return ", ".join(f"{name} {version}" for name, version in environment["versions"].items())


def _dates(environments: list[dict[str, Any]]) -> str:
    """First start to last end, to the minute, UTC."""
    starts = [environment["start"] for environment in environments]
    ends = [environment["end"] for environment in environments if environment.get("end")]
    if not starts:
        return "not recorded"
    return f"{_minute(min(starts))} to {_minute(max([*ends, *starts]))} UTC"


def _minute(iso: str) -> str:
    return iso[:16].replace("T", " ")


def _measured(measurements: pd.DataFrame) -> str:
    """Device and settings of the timings, with the machine's calibration where one was made."""
    if measurements.empty:
        return "not measured"
    latest = measurements.iloc[-1]
    parts = [latest["measured_on"], f"measured {str(latest['date'])[:10]}"]
    if pd.notna(latest["gflops"]) and pd.notna(latest["gb_per_s"]):
        parts.append(f"machine calibration {latest['gflops']:.4g} GFLOP/s, {latest['gb_per_s']:.4g} GB/s")
    return "; ".join(parts)
