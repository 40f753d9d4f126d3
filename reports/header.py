"""The conditions of a sweep, stated first in a report: data, recipe, protocol, hardware, precision, commit, dates."""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import get_args

import pandas as pd

from cheapconv.engine.store.records import Environment, Word
from cheapconv.reports.collect import Collected
from cheapconv.reports.variants import common_recipe


def conditions(sweep: Collected, measurements: pd.DataFrame) -> dict[str, str]:
    """Name and text of each condition; where cells differ, every value with the number of cells that have it."""
    cells = [record.cell for record in sweep.records]
    environments = [record.environments for record in sweep.done if record.environments]
    starts = [environment for cell in environments for environment in cell]
    recipe = common_recipe(sweep)
    return {
        "Data": _tally(f"{cell.suite_label or cell.suite} (fingerprint {cell.data})" for cell in cells),
        "Recipe": f"{recipe.pop('name', sweep.recipe)}: {', '.join(f'{k} {v}' for k, v in recipe.items())}",
        "Protocol": _tally(f"version {cell.protocol}" for cell in cells),
        "Epochs": _tally(str(cell.recipe["epochs"]) for cell in cells),
        "Hardware": _tally(_all(_hardware, cell) for cell in environments),
        "Precision": _tally(_all(_precision, cell) for cell in environments),
        "Commit": _tally(_all(_commit, cell) for cell in environments),
        "Software": _tally(_all(_software, cell) for cell in environments),
        "Trained": _dates(starts),
        "Cells": progress(sweep),
        "Latency, throughput": _measured(measurements),
    }


def progress(sweep: Collected) -> str:
    """`10 of 12 done, 1 failed, 1 planned`."""
    states = Counter(record.state for record in sweep.records) + Counter(planned=sweep.unrecorded)
    rest = [f"{states[word]} {word}" for word in reversed(get_args(Word)) if states[word] and word != "done"]
    return ", ".join([f"{states['done']} of {states.total()} done", *rest])


def _tally(values: Iterable[str]) -> str:
    """One value as it is; several with their counts, the most frequent first."""
    counts = Counter(values).most_common()
    if len(counts) == 1:
        return counts[0][0]
    return "; ".join(f"{value} [{count} cell{'' if count == 1 else 's'}]" for value, count in counts) or "not recorded"


def _all(part: Callable[[Environment], str], cell: tuple[Environment, ...]) -> str:
    """A part of a cell's environment; where it was resumed on another, each in order."""
    return ", then ".join(dict.fromkeys(part(environment) for environment in cell))


def _hardware(environment: Environment) -> str:
    driver = f", driver {environment.driver}" if environment.driver else ""
    compiled = ", torch.compile" if environment.compile else ""
    threads = f"{environment.threads} CPU thread{'' if environment.threads == 1 else 's'}"
    return f"{environment.device_name} ({environment.device}, {threads}{driver}{compiled})"


def _precision(environment: Environment) -> str:
    return environment.precision


def _commit(environment: Environment) -> str:
    dirty = " with uncommitted changes" if environment.git_dirty else ""
    return f"{(environment.git_sha or 'unknown')[:12]}{dirty}"


def _software(environment: Environment) -> str:
    return ", ".join(f"{name} {version}" for name, version in environment.versions.items())


def _dates(environments: list[Environment]) -> str:
    """First start to last end, to the minute, UTC."""
    starts = [environment.start for environment in environments if environment.start]
    ends = [environment.end for environment in environments if environment.end]
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
