"""What MLflow shows of one cell: a run's name, tags, params, metrics and status, read from the run folder alone.

Times are derived from the files too (the start plus the seconds of the epochs), so that reading the same folder twice
gives the same points and a server that already holds them keeps one of each.
"""

import hashlib
import itertools
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from functools import cached_property
from statistics import fmean

from cheapconv.engine.store.cell import Cell, CellRecord
from cheapconv.engine.store.records import CurveRow, Environment, Measurement, Result, State
from cheapconv.engine.store.runs import Store

# Cells in the other states have nothing to show. A stopped one is KILLED until it is resumed.
STATUS = {"running": "RUNNING", "stopped": "KILLED", "failed": "FAILED", "done": "FINISHED"}
MACHINE = ("device", "device_name", "git_sha", "git_dirty", "precision")
Point = tuple[str, float, int, int]  # metric, value, milliseconds since 1970, epoch
KEY_LENGTH, PARAM_LENGTH, TAG_LENGTH = 250, 6000, 5000  # MLflow's limits, characters


class CellRefusedError(Exception):
    """This cell cannot be sent (a damaged file, or a value that the server rejects); others may still be."""


@dataclass(frozen=True)
class Tracked:
    """One cell as MLflow shows it."""

    key: str
    sweep: str
    cell: CellRecord
    state: State
    environments: tuple[Environment, ...]  # of every start; the first says when it began, the last on what it ended
    curve: list[CurveRow]
    result: Result | None
    measurement: Measurement | None

    @property
    def name(self) -> str:
        """`G(4) kd seed 0`."""
        return f"{self.cell.conv_label} {self.cell.method_label} seed {self.cell.seed}"

    @property
    def status(self) -> str:
        """MLflow's word for the state."""
        return STATUS[self.state.state]

    @property
    def start_ms(self) -> int:
        """When the cell was first started."""
        return milliseconds(*[item.start for item in self.environments[:1]], self.state.heartbeat)

    @property
    def end_ms(self) -> int:
        """When it ended; while it runs, its last sign of life."""
        ended = milliseconds(*[item.end for item in self.environments[-1:]], self.state.heartbeat)
        return max(ended, self.start_ms)  # the clock may have been set back

    @property
    def rows(self) -> Iterator[tuple[CurveRow, int]]:
        """Each epoch and when it ended, as if they had followed one another without a pause."""
        seconds = itertools.accumulate(row.seconds + row.method_s for row in self.curve)
        return ((row, self.start_ms + int(passed * 1000)) for row, passed in zip(self.curve, seconds, strict=True))

    @cached_property
    def epochs(self) -> list[list[Point]]:
        """What each finished epoch shows."""
        found = []
        for row, time_ms in self.rows:
            values = {"loss": row.loss, "lr": row.lr, "images_per_s": row.images_per_s, "epoch_s": row.seconds}
            values |= {f"loss/{term}": value for term, value in row.terms.items()}
            values |= _by_network("", row.scores) | _by_network("validation_", row.validation)
            found.append([(_clean(name), value, time_ms, row.epoch) for name, value in values.items()])
        return found

    @cached_property
    def means(self) -> list[list[Point]]:
        """Scores as means of the networks that count: which do is known at the end, or where there is only one."""
        names = [network.name for network in self.result.counted] if self.result else []
        if self.result is None and self.curve and len(self.curve[0].scores) == 1:
            names = list(self.curve[0].scores)
        found = []
        for row, time_ms in self.rows if names else ():
            means = {score: fmean(row.scores[name][score] for name in names) for score in row.scores[names[0]]}
            found.append([(score, mean, time_ms, row.epoch) for score, mean in means.items()])
        return found

    @cached_property
    def final(self) -> dict[str, float]:
        """The finished cell's numbers; sizes are those of the first network that counts."""
        result, measured = self.result, self.measurement
        if result is None:
            return {}
        values = {f"final_{score}": value for score, value in result.scores.items()}
        for ensemble in [network for network in result.networks if network.role == "ensemble"][:1]:
            values |= {f"final_ensemble_{score}": value for score, value in ensemble.scores.items()}
        values[f"best_epoch_{result.headline}_optimistic"] = result.best
        values |= {"train_s": result.train_s, "train_s_with_teacher": result.train_s + result.teacher_train_s}
        if measured:
            values["latency_ms"] = measured.latency.median_ms
            values["throughput_images_per_s"] = measured.throughput.images_per_s
        return values | {size: float(value) for size, value in asdict(result.counted[0].sizes).items()}

    @cached_property
    def tags(self) -> dict[str, str]:
        """The axes of the benchmark and on what the cell was run."""
        values: dict[str, object] = {"precision": self.cell.recipe.get("precision")}
        values |= {"cell_key": self.key, "sweep": self.sweep, "recipe": self.cell.recipe["name"]}
        axes = {field.name: getattr(self.cell, field.name) for field in fields(Cell)}
        values |= {name: value for name, value in axes.items() if not isinstance(value, Mapping)}
        for environment in self.environments[-1:]:
            values |= {name: getattr(environment, name) for name in MACHINE}
        values["latency_device"] = self.measurement and self.measurement.device_name
        known = {name: _text(value, TAG_LENGTH) for name, value in values.items() if value not in (None, "")}
        warnings = self.result.doubts if self.result else ""
        # Empty ones replace those of an earlier attempt.
        return known | {"error": _text(self.state.error or "", TAG_LENGTH), "warnings": _text(warnings, TAG_LENGTH)}

    @cached_property
    def params(self) -> dict[str, str]:
        """The numbers of the recipe and every setting of the method."""
        flat = _flatten("recipe", self.cell.recipe) | _flatten("method", self.cell.method_settings)
        flat.pop("recipe.name", None)
        return {_clean(name): _text(value, PARAM_LENGTH) for name, value in flat.items()}

    @cached_property
    def digest(self) -> str:
        """A hash of all that is shown; the first to be asked for, so files that contradict one another fail here."""
        try:
            shown = (self.status, self.epochs, self.means, self.final, self.tags, self.params)
        except (LookupError, TypeError, ValueError, ArithmeticError) as error:
            raise CellRefusedError(f"its files are damaged: {type(error).__name__}: {error}") from error
        return hashlib.sha256(json.dumps(shown).encode()).hexdigest()[:16]


def read(store: Store, key: str, sweep: str) -> Tracked | None:
    """The cell as it stands in its run folder; None where it was never started."""
    run = store.run(key)
    state, cell, environments, result = run.state(), run.cell(), run.environments(), run.result()
    if state.state in ("damaged", "unreadable"):
        raise CellRefusedError(state.error)
    if state.state not in STATUS:
        return None
    if cell is None:
        raise CellRefusedError("cell.json is missing or damaged")
    curve = run.curve()
    if result and len(curve) < result.epochs:  # the curve of an unfinished cell is written anew at its next epoch
        raise CellRefusedError("curve.jsonl is missing or damaged")
    # The timing on the device that trained the cell if there is one, else on another; the first, so that what is
    # measured elsewhere later does not replace it.
    device_name = environments[-1].device_name if environments else ""
    structure = next((network.structure for network in result.counted if network.structure), None) if result else None
    timings = store.measurements(structure) if structure else []
    timing = min(timings, key=lambda timing: (timing.device_name != device_name, timing.date), default=None)
    return Tracked(key, sweep, cell, state, environments, curve, result, timing)


def milliseconds(*times: str | None) -> int:
    """The first of the ISO 8601 times that is known, as milliseconds since 1970."""
    known = [datetime.fromisoformat(time) for time in times if time]
    return int(known[0].timestamp() * 1000) if known else 0


def _by_network(prefix: str, scores: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """`{"student_0": {"top1": 0.9}}` as `{"top1/student_0": 0.9}`."""
    flat: dict[str, float] = {}
    for network, values in scores.items():
        flat |= {f"{prefix}{score}/{network}": value for score, value in values.items()}
    return flat


def _flatten(prefix: str, values: Mapping[str, object]) -> dict[str, object]:
    """`{"schedule": {"kind": "cosine"}}` as `{"recipe.schedule.kind": "cosine"}`."""
    flat: dict[str, object] = {}
    for name, value in values.items():
        flat |= _flatten(f"{prefix}.{name}", value) if isinstance(value, Mapping) else {f"{prefix}.{name}": value}
    return flat


def _clean(name: str) -> str:
    """A name with only the characters that MLflow takes on every platform."""
    return re.sub(r"[^\w.\- /]", "_", name)[:KEY_LENGTH]


def _text(value: object, length: int) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= length else text[: length - 3] + "..."
