"""What MLflow shows of one cell: a run's name, tags, params, metrics and status, read from the run folder alone.

Times are derived from the files too (the start plus the seconds of the epochs), so that reading the same folder twice
gives the same points. Only what stays is shown: an epoch that a resumption would train again, with other seconds, is
not.
"""

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from statistics import fmean

from cheapconv.engine.store import compute, deployments
from cheapconv.engine.store.cell import Cell, CellRecord
from cheapconv.engine.store.deployments import Deployment
from cheapconv.engine.store.records import CurveRow, Environment, Measurement, Result, State
from cheapconv.engine.store.runs import Store
from cheapconv.engine.track.fields import TAG_LENGTH, by_network, clean, digest, flatten, milliseconds, tags, text
from cheapconv.engine.track.sweep import TrackedSweep, source

# Cells in the other states have nothing to show. A stopped one is KILLED until it is resumed.
STATUS = {"running": "RUNNING", "stopped": "KILLED", "failed": "FAILED", "done": "FINISHED"}
AXES = ("architecture", "conv", "method", "seed")
MACHINE = ("device", "device_name", "sharing", "git_sha", "git_dirty", "precision")
Point = tuple[str, float, int, int]  # metric, value, milliseconds since 1970, epoch


class CellRefusedError(Exception):
    """This cell cannot be sent (a damaged file, or a value that the server rejects); others may still be."""


@dataclass(frozen=True)
class Tracked:
    """One cell as MLflow shows it."""

    key: str
    sweep: TrackedSweep
    cell: CellRecord
    state: State
    environments: tuple[Environment, ...]  # of every start; the first says when it began, the last on what it ended
    curve: list[CurveRow]
    result: Result | None
    measurement: Measurement | None
    deployments: tuple[Deployment, ...] = ()
    macs: tuple[float, float] = (math.nan, math.nan)  # of its training, and with its teacher's
    others: tuple[Measurement, ...] = ()  # on the same device by other runtimes and in other precisions

    @property
    def name(self) -> str:
        """`WRN-10-2 G(4) kd seed 0`."""
        return self.cell.title

    @property
    def status(self) -> str:
        """MLflow's word for the state."""
        return STATUS[self.state.state]

    @property
    def start_ms(self) -> int:
        """When this attempt at the cell was first started."""
        return milliseconds(self.environments[0].start)

    @property
    def end_ms(self) -> int:
        """When it ended; while it runs, its last sign of life."""
        last = self.environments[-1]
        return max(milliseconds(last.end, self.state.heartbeat, last.start), self.start_ms)  # a clock may be set back

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
            values |= by_network("", row.scores) | by_network("validation_", row.validation)
            found.append([(clean(name), value, time_ms, row.epoch) for name, value in values.items()])
        return found

    @cached_property
    def means(self) -> list[list[Point]]:
        """Scores as means of the networks that count: which do is known at the end, or where there is only one."""
        names = [network.name for network in self.result.counted] if self.result else []
        scored = [(row, time_ms) for row, time_ms in self.rows if row.scores]
        if self.result is None and scored and len(scored[0][0].scores) == 1:
            names = list(scored[0][0].scores)
        found = []
        for row, time_ms in scored if names else ():
            means = {score: fmean(row.scores[name][score] for name in names) for score in row.scores[names[0]]}
            found.append([(clean(score), mean, time_ms, row.epoch) for score, mean in means.items()])
        return found

    @cached_property
    def final(self) -> dict[str, float]:
        """The finished cell's numbers; sizes are those of the first network that counts. What it is deployed as stands
        below its precision and runtime: `int8_onnxruntime/top1`."""
        result, measured = self.result, self.measurement
        if result is None:
            return {}
        values = {f"final_{score}": value for score, value in result.scores.items()}
        for ensemble in [network for network in result.networks if network.role == "ensemble"][:1]:
            values |= {f"final_ensemble_{score}": value for score, value in ensemble.scores.items()}
        values[f"best_epoch_{result.headline}_optimistic"] = result.best
        if self.cell.trains:  # what was not trained here took no seconds here, which is not what it has cost
            values["train_s"] = result.train_s
            if result.teacher_train_s or not self.cell.teacher:
                values["train_s_with_teacher"] = result.train_s + result.teacher_train_s
        names = "train_macs", "train_macs_with_teacher"
        values |= {name: macs for name, macs in zip(names, self.macs, strict=True) if not math.isnan(macs)}
        if measured:
            values["latency_ms"] = measured.latency.median_ms
            values["throughput_images_per_s"] = measured.throughput.images_per_s
        values |= {size: float(value) for size, value in asdict(result.counted[0].sizes).items() if value is not None}
        for deployment in self.deployments:
            numbers = deployment.means(result) | {"weights_bytes": float(deployment.weights_bytes(result))}
            values |= {f"{deployment.precision}_{deployment.runtime}/{name}": n for name, n in numbers.items()}
        for other in self.others:
            way = f"{other.latency.precision}_{other.runtime}"
            values |= {f"{way}/latency_ms": other.latency.median_ms}
            values |= {f"{way}/throughput_images_per_s": other.throughput.images_per_s}
        return {clean(name): value for name, value in values.items()}

    @cached_property
    def tags(self) -> dict[str, str]:
        """The axes of the benchmark and on what the cell was run."""
        last = self.environments[-1]
        values: dict[str, object] = {"kind": "cell", "cell_key": self.key, "sweep": self.sweep.name}
        values["recipe"] = self.cell.recipe["name"]
        axes = {field.name: getattr(self.cell, field.name) for field in fields(Cell)}
        values |= {name: value for name, value in axes.items() if not isinstance(value, Mapping)}
        values |= {name: getattr(last, name) for name in MACHINE}
        values["latency_device"] = self.measurement and self.measurement.device_name
        values["latency_runtime"] = self.measurement and self.measurement.runtime
        values |= {"mlflow.source.name": source(self.sweep.name), "mlflow.source.type": "LOCAL"}
        values["mlflow.source.git.commit"] = last.git_sha
        # Empty ones replace those of before a resumption.
        said = {"error": self.state.error, "warnings": self.result.doubts if self.result else ""}
        said["latency_doubt"] = self.measurement.latency_doubt if self.measurement else ""
        return tags(values) | {name: text(value or "", TAG_LENGTH) for name, value in said.items()}

    @cached_property
    def params(self) -> dict[str, str]:
        """What the cells of the sweep differ in, so that a comparison of runs shows that: the axes, every setting of
        the method, and those numbers of the recipe that are not the whole sweep's."""
        recipe = flatten("recipe", self.cell.recipe)
        own = {name: value for name, value in recipe.items() if name not in self.sweep.params and name != "recipe.name"}
        return {axis: self.tags[axis] for axis in AXES} | own | flatten("method", self.cell.method_settings)

    @property
    def note(self) -> str:
        """The cell in a sentence."""
        cell = self.cell
        taught = f", taught by the cell `{cell.teacher}`" if cell.teacher else ""
        return (
            f"{cell.architecture_label} with {cell.conv_label}, method {cell.method_label}, on {cell.suite} "
            f"for {cell.recipe['epochs']} epochs{taught}. Its files are in the run folder `{self.key}`."
        )

    @cached_property
    def digest(self) -> str:
        """A hash of all that is shown; the first to be asked for, so files that contradict one another fail here."""
        try:
            return digest(self.status, self.start_ms, self.epochs, self.means, self.final, self.tags, self.params)
        except (ArithmeticError, LookupError, TypeError, ValueError) as error:
            raise CellRefusedError(f"its files are damaged: {type(error).__name__}: {error}") from error

    def content(self, epochs: int, means: int) -> str:
        """A hash of the points of so many epochs, or of all, and of when the attempt began."""
        return digest(self.start_ms, self.epochs[:epochs], self.means[:means])


def read(store: Store, key: str, sweep: TrackedSweep) -> Tracked | None:
    """The cell as it stands in its run folder; None where it was never started."""
    run = store.run(key)
    state, cell, environments, result = run.state(), run.cell(), run.environments(), run.result()
    if state.state in ("damaged", "unreadable"):
        raise CellRefusedError(state.error)
    if state.state not in STATUS:
        return None
    if cell is None:
        raise CellRefusedError("cell.json is missing or damaged")
    if not environments:
        raise CellRefusedError("environment.json is missing or damaged")
    curve = run.curve()
    if result and len(curve) < result.epochs:  # the curve of an unfinished cell is written anew at its next epoch
        raise CellRefusedError("curve.jsonl is missing or damaged")
    if state.state in ("running", "stopped"):  # an epoch stays once its checkpoint is written, which the state says
        curve = curve[: state.epoch]
    # The timing as trained, on the device that trained the cell if there is one, else on another; the first, so that
    # what is measured elsewhere later does not replace it.
    device_name = environments[-1].device_name
    structure = next((network.structure for network in result.counted if network.structure), None) if result else None
    measured = store.measurements.all(structure) if structure else []
    timings = [timing for timing in measured if not deployments.timed(timing)]
    timing = min(timings, key=lambda timing: (timing.device_name != device_name, timing.date), default=None)
    others = tuple(_others(measured, timing)) if timing else ()
    deployed = tuple(deployments.read(run))
    macs = compute.of_training(store, run), compute.with_teachers(store, run)
    return Tracked(key, sweep, cell, state, environments, curve, result, timing, deployed, macs, others)


def _others(measured: Sequence[Measurement], usual: Measurement) -> Iterable[Measurement]:
    """The first of each other way on the device of the usual one."""
    found = {(usual.runtime, usual.latency.precision): usual}
    for timing in sorted(measured, key=lambda timing: timing.date):
        if timing.device_name == usual.device_name:
            found.setdefault((timing.runtime, timing.latency.precision), timing)
    return [*found.values()][1:]
