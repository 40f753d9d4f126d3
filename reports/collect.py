"""Read what the run store holds about one sweep: the plan file and each planned cell's folder, as one DataFrame.

Only files are read, never the engine's objects, so a report can be made while cells train and on another machine.
"""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pandas as pd

from cheapconv.catalog.errors import UserError, nearest

CELL_FIELDS = ("suite_label", "seed", "is_baseline", "is_standard", "method_config")
RESULT_FIELDS = ("test_images", "top1", "top5", "top1_best", "train_s", "train_images_per_s", "teacher_train_s")
SIZE_FIELDS = ("params", "params_with_bn_stats", "macs", "flops", "weights_bytes", "activation_bytes", "structure")


@dataclasses.dataclass(frozen=True)
class Record:
    """The files of one planned cell; one that is not there yet is an empty dict."""

    key: str
    folder: Path
    cell: dict[str, Any]
    environment: dict[str, Any]
    state: str
    error: str
    result: dict[str, Any]

    @property
    def headline(self) -> list[dict[str, Any]]:
        """The networks whose mean is the cell's accuracy: the ones that the method's paper would deploy."""
        return [network for network in self.result.get("networks", []) if network["headline"]]


@dataclasses.dataclass(frozen=True)
class Sweep:
    """A sweep's plan and the records of its cells, in the order of the plan."""

    name: str
    suite: str
    recipe: str
    records: list[Record]

    @property
    def known(self) -> list[Record]:
        """Cells that say what they are; of the others the plan knows the key alone."""
        return [record for record in self.records if record.cell]

    @property
    def done(self) -> list[Record]:
        """Cells with a result."""
        return [record for record in self.records if record.state == "done"]


def read_sweep(store: Path, sweep: str) -> Sweep:
    """The plan of `sweep` and what the store holds about its cells; a UserError where there is nothing to report."""
    path = store / "sweeps" / f"{sweep}.json"
    if not path.is_file():
        planned = [file.stem for file in (store / "sweeps").glob("*.json")]
        raise UserError(f"{store} holds no plan of a sweep '{sweep}': run it first{nearest(sweep, planned)}.")
    plan = _read(path)
    records = [_record(store, planned["key"]) for planned in plan["cells"]]
    found = Sweep(sweep, plan["suite"], plan["recipe"], records)
    if not found.done:
        raise UserError(f"no cell of sweep '{sweep}' in {store} is done yet: run it, then ask for the report again.")
    return found


def frame(sweep: Sweep) -> pd.DataFrame:
    """One row a known cell: its labels, state, result and the size of its headline network."""
    cells = {record.key: record.cell for record in sweep.known}
    return pd.DataFrame([_row(record, cells) for record in sweep.known])


def curve(record: Record) -> pd.Series:
    """Mean top-1 of the headline networks by epoch, from `curve.jsonl`; empty where there is none."""
    path = record.folder / "curve.jsonl"
    names = [network["name"] for network in record.headline]
    lines = [json.loads(line) for line in path.read_text().splitlines() if line] if path.is_file() else []
    # A resumed cell may have written an epoch twice; the later line is the one its weights come from.
    by_epoch = {line["epoch"]: line["top1"] for line in lines if set(names) <= set(line["top1"])}
    means = {epoch: sum(top1[name] for name in names) / len(names) for epoch, top1 in sorted(by_epoch.items())}
    return pd.Series(means, dtype=float)


def _record(store: Path, key: str) -> Record:
    folder = store / key
    cell, environment, state, result = (
        _read(folder / f"{name}.json") for name in ("cell", "environment", "state", "result")
    )
    word = state.get("state", "planned")
    if word == "done" and not result:
        word = "planned"
    return Record(key, folder, cell, environment, word, state.get("error") or "", result)


def _row(record: Record, cells: dict[str, dict[str, Any]]) -> dict[str, Any]:
    cell, result = record.cell, record.result if record.state == "done" else {}
    network = record.headline[0] if result else {}
    teacher = cells.get(cell.get("teacher") or "", {})
    ensembles = [n["top1"] for n in result.get("networks", []) if n["role"] == "ensemble"]
    return {
        "key": record.key,
        "state": record.state,
        "error": record.error,
        **{name: cell[f"{name}_label"] for name in ("architecture", "conv", "method")},
        "method_name": cell["method"],
        **{name: cell.get(name) for name in CELL_FIELDS},
        "is_plain": not cell["method_config"],
        "teacher": teacher.get("architecture_label", ""),
        "teacher_is_standard": bool(teacher.get("is_standard", False)),
        **{name: result.get(name) for name in RESULT_FIELDS},
        **{name: network.get(name) for name in SIZE_FIELDS},
        "changed": bool(network.get("changed")) or network.get("conv", cell.get("conv")) != cell.get("conv"),
        "ensemble_top1": max(ensembles, default=None),
        "by_validation": (result.get("by_validation") or {}).get("top1"),
        "best_student_epoch": _best_of_several(record) if result else None,
    }


def _best_of_several(record: Record) -> float | None:
    """The best student at its best epoch, where there are several students."""
    best = [network["top1_best"] for network in record.headline]
    return max(best) if len(best) > 1 else None


def _read(path: Path) -> dict[str, Any]:
    """A JSON file, or an empty dict where there is none."""
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except json.JSONDecodeError as error:
        raise UserError(f"{path} is damaged ({error}): remove its folder and run the sweep again.") from error
