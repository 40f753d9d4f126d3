"""What MLflow shows of one cell: a run's name, tags, params, metrics and status, read from the run folder alone.

Times are derived from the files too (the start plus the seconds of the epochs), so that reading the same folder twice
gives the same points and a server that already holds them keeps one of each.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from cheapconv.engine.store.files import read_json
from cheapconv.engine.store.runs import CELL, CURVE, STATE, Store

STATUS = {"running": "RUNNING", "done": "FINISHED", "failed": "FAILED"}
CELL_TAGS = (
    "suite",
    "protocol",
    "data",
    "architecture",
    "architecture_label",
    "conv",
    "conv_label",
    "method",
    "method_label",
    "seed",
    "teacher",
)
ENVIRONMENT_TAGS = ("device", "device_name", "git_sha", "git_dirty")
SIZES = ("params", "params_with_bn_stats", "macs", "flops", "weights_bytes", "activation_bytes")
KEY_LENGTH, PARAM_LENGTH, TAG_LENGTH = 250, 6000, 5000  # MLflow's limits, characters


class Point(NamedTuple):
    """One value of one metric; `time_ms` is milliseconds since 1970."""

    name: str
    value: float
    step: int
    time_ms: int


@dataclass(frozen=True)
class Tracked:
    """One cell as MLflow shows it.

    `epochs` and `headline` hold one list of points a finished epoch. The headline accuracy is apart because which
    networks it averages is known only from the result, except where there is just one network.
    """

    key: str
    name: str
    status: str
    tags: dict[str, str]
    params: dict[str, str]
    epochs: list[list[Point]]
    headline: list[list[Point]]
    final: dict[str, float]
    start_ms: int
    end_ms: int | None


def read(store: Store, key: str, sweep: str) -> Tracked | None:
    """The cell as it stands in its run folder; None where it was never started.

    Raises:
        OSError, ValueError, LookupError, TypeError: a file is missing or damaged.
    """
    if not is_started(store, key):
        return None
    folder = store.folder(key)
    cell, state = json.loads((folder / CELL).read_text()), json.loads((folder / STATE).read_text())
    environment = read_json(folder / "environment.json") or {}
    result = store.result(key) or {}
    measurement = _measurement(store, result, environment)
    start_ms = _milliseconds(environment.get("start")) or int((folder / CELL).stat().st_mtime * 1000)
    rows = _curve(store, key)
    times = _epoch_times(rows, start_ms)
    return Tracked(
        key=key,
        name=f"{cell['conv_label']} {cell['method_label']} seed {cell['seed']}",
        status=_status(store, key, state),
        tags=_tags(cell, environment, state, measurement, sweep),
        params=_params(cell),
        epochs=[_epoch_points(row, time_ms) for row, time_ms in zip(rows, times, strict=True)],
        headline=_headline(rows, times, result),
        final=_final(result, measurement),
        start_ms=start_ms,
        end_ms=_milliseconds(environment.get("end") or state.get("heartbeat")),
    )


def is_started(store: Store, key: str) -> bool:
    """Whether there is anything to show of the cell."""
    return (read_json(store.folder(key) / STATE) or {}).get("state") in STATUS


def _status(store: Store, key: str, state: Mapping[str, Any]) -> str:
    """MLflow's word for the state; a cell whose process is gone is KILLED until it is resumed."""
    if state["state"] == "running" and store.state(key)["state"] != "running":
        return "KILLED"
    return STATUS[state["state"]]


def _curve(store: Store, key: str) -> list[dict[str, Any]]:
    """The finished epochs."""
    path = store.folder(key) / CURVE
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def _epoch_times(rows: list[dict[str, Any]], start_ms: int) -> list[int]:
    """When each epoch ended, as if they had followed one another without a pause."""
    seconds, times = 0.0, []
    for row in rows:
        seconds += row["seconds"]
        times.append(start_ms + int(seconds * 1000))
    return times


def _epoch_points(row: Mapping[str, Any], time_ms: int) -> list[Point]:
    """One row of the curve as metrics."""
    values = {"loss": row["loss"], "lr": row["lr"], "images_per_s": row["images_per_s"], "epoch_s": row["seconds"]}
    for group, prefix in (("terms", "loss"), ("top1", "top1"), ("top5", "top5")):
        values |= {f"{prefix}/{name}": value for name, value in (row.get(group) or {}).items()}
    return [
        Point(_clean(name), float(value), row["epoch"], time_ms) for name, value in values.items() if value is not None
    ]


def _headline(rows: list[dict[str, Any]], times: list[int], result: Mapping[str, Any]) -> list[list[Point]]:
    """Mean top-1 of the headline networks at every epoch, once it is known which they are."""
    names = [network["name"] for network in result.get("networks", []) if network["headline"]]
    if not names and rows and len(rows[0]["top1"]) == 1:
        names = list(rows[0]["top1"])
    if not names:
        return []
    means = [sum(row["top1"][name] for name in names) / len(names) for row in rows]
    return [[Point("top1", mean, row["epoch"], time_ms)] for row, mean, time_ms in zip(rows, means, times, strict=True)]


def _tags(
    cell: Mapping[str, Any],
    environment: Mapping[str, Any],
    state: Mapping[str, Any],
    measurement: Mapping[str, Any],
    sweep: str,
) -> dict[str, str]:
    """The axes of the benchmark and on what the cell was run."""
    values = {name: cell.get(name) for name in CELL_TAGS}
    values |= {name: environment.get(name) for name in ENVIRONMENT_TAGS}
    values |= {"cell_key": cell["key"], "sweep": sweep, "recipe": cell["recipe"]["name"]}
    values["precision"] = environment.get("precision") or cell["recipe"].get("precision")
    values["latency_device"] = measurement.get("device_name")
    # An empty error replaces the one of an earlier, failed attempt.
    values["error"] = state.get("error") or ""
    return {name: _shorten(_text(value), TAG_LENGTH) for name, value in values.items() if value is not None}


def _params(cell: Mapping[str, Any]) -> dict[str, str]:
    """The numbers of the recipe and every setting of the method."""
    flat = _flatten("recipe", cell["recipe"]) | _flatten("method", cell["method_settings"])
    flat.pop("recipe.name", None)
    return {_clean(name): _shorten(_text(value), PARAM_LENGTH) for name, value in flat.items()}


def _flatten(prefix: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """`{"schedule": {"kind": "cosine"}}` as `{"recipe.schedule.kind": "cosine"}`."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        flat |= _flatten(f"{prefix}.{name}", value) if isinstance(value, Mapping) else {f"{prefix}.{name}": value}
    return flat


def _final(result: Mapping[str, Any], measurement: Mapping[str, Any]) -> dict[str, float]:
    """The finished cell's numbers; sizes are those of the first headline network."""
    if not result:
        return {}
    students = [network for network in result["networks"] if network["headline"]]
    ensembles = [network for network in result["networks"] if network["role"] == "ensemble"]
    values = {
        "final_top1": result["top1"],
        "final_top5": result["top5"],
        "final_ensemble_top1": ensembles[0]["top1"] if ensembles else None,
        "best_epoch_top1_optimistic": result["top1_best"],
        "train_s": result["train_s"],
        "train_s_with_teacher": result["train_s"] + result["teacher_train_s"],
        "latency_ms": measurement.get("latency", {}).get("median_ms"),
        "throughput_images_per_s": measurement.get("throughput", {}).get("images_per_s"),
    }
    values |= {size: students[0][size] for size in SIZES}
    return {name: float(value) for name, value in values.items() if value is not None}


def _measurement(store: Store, result: Mapping[str, Any], environment: Mapping[str, Any]) -> dict[str, Any]:
    """The timing of the first headline network: on the device that trained it if there is one, else on another."""
    structures = [network["structure"] for network in result.get("networks", []) if network["headline"]]
    if not structures:
        return {}
    paths = sorted((store.root / "measurements").glob(f"{structures[0]}-*.json"))
    found = [body for path in paths if (body := read_json(path))]
    found.sort(key=lambda body: body["device_name"] != environment.get("device_name"))
    return found[0] if found else {}


def _milliseconds(time: str | None) -> int | None:
    """An ISO 8601 time as milliseconds since 1970; UTC where it names no zone."""
    if not time:
        return None
    moment = datetime.fromisoformat(time)
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def _clean(name: str) -> str:
    """A name with only the characters that MLflow takes on every platform."""
    return re.sub(r"[^\w.\- /]", "_", name)[:KEY_LENGTH]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _shorten(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 3] + "..."
