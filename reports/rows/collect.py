"""Read what the run store holds about one sweep: its plan and each planned cell's run folder, as one DataFrame.

Only files are read, by engine/store, so a report can be made while cells train and on another machine.
"""

import dataclasses
import functools
import itertools
from collections.abc import Collection, Mapping
from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.progress import track

from cheapconv.catalog.errors import UserError
from cheapconv.engine.store import compute, deployments, machines, mistakes
from cheapconv.engine.store.about import About
from cheapconv.engine.store.cell import CellRecord
from cheapconv.engine.store.deployments import Deployment
from cheapconv.engine.store.machines import Retraining
from cheapconv.engine.store.plans import SkippedCell
from cheapconv.engine.store.records import Environment, Result, Word
from cheapconv.engine.store.runs import Run, Store
from cheapconv.reports.rows import labels, uneven, variants
from cheapconv.reports.rows.environment import commit, hardware
from cheapconv.reports.rows.score import Score

RESULT_FIELDS = ("train_s", "spent", "method_s", "train_images_per_s", "teacher_train_s")
OUTCOMES = (
    *("test_images", "top1", "top1_error", "top5", "pixel_accuracy", "top1_best", "structure"),
    *("ensemble_top1", "by_validation", "best_student_epoch", "students", "warnings"),
)
MANY = 2000  # cells, of which reading takes seconds and is shown
NOT_DEPLOYED = ("activation_bytes", "top1_best", "ensemble_top1", "by_validation", "best_student_epoch")
SIZES = ("params", "params_with_bn_stats", "macs", "flops", "weights_bytes", "activation_bytes")


@dataclasses.dataclass(frozen=True)
class Record:
    """What there is of one planned cell."""

    run: Run
    cell: CellRecord
    environments: tuple[Environment, ...]
    state: Word
    error: str
    result: Result | None
    deployments: tuple[Deployment, ...] = ()

    @property
    def key(self) -> str:
        """The cell's."""
        return self.run.key

    @property
    def trained_on(self) -> str:
        """Device, threads and driver; where the cell was resumed on another machine, each in order."""
        return ", then ".join(self.machines) or "a machine that was not recorded"

    @property
    def machines(self) -> tuple[str, ...]:
        """Those that trained it, each once."""
        return tuple(dict.fromkeys(hardware(environment) for environment in self.environments))

    @property
    def trained_by(self) -> str:
        """The commits of this suite that trained it."""
        return ", then ".join(dict.fromkeys(map(commit, self.environments)))

    @property
    def sharing(self) -> int:
        """How many processes had a part of its GPU."""
        return max((each.sharing for each in self.environments), default=1)

    @functools.cached_property
    def doubt(self) -> str:
        """Why its seconds mean little: others had a part of its GPU, they are of several machines, or its epochs did
        not take the same time."""
        if self.sharing > 1:
            return f"up to {self.sharing} processes trained on its GPU at once"
        if len(self.machines) > 1:
            return f"it was trained on {self.trained_on}"
        return uneven.epochs(self)

    @property
    def outcome(self) -> dict[str, object]:
        """The columns that a finished cell fills; empty ones before."""
        if self.result is None:
            return dict.fromkeys((*OUTCOMES, *RESULT_FIELDS, *SIZES)) | {"changed": False, "counters_differ": False}
        result, network = self.result, self.result.counted[0]
        best = [counted.best for counted in result.counted]
        ensembles = [n.scores[result.headline] for n in result.networks if n.role == "ensemble"]
        return {
            **{name: getattr(result, name) for name in RESULT_FIELDS},
            **{name: getattr(network.sizes, name) for name in SIZES},
            "test_images": result.test_samples,
            "top1": result.score,
            "top1_error": result.scores.get(f"{result.headline}_error"),  # where it was counted
            "top5": result.scores.get("top5"),
            "pixel_accuracy": result.scores.get("pixel_accuracy"),
            "top1_best": result.best,
            "structure": network.structure,
            "changed": bool(network.changed) or (network.conv or self.cell.conv) != self.cell.conv,
            "counters_differ": network.sizes.macs_by_torch is not None,
            "ensemble_top1": max(ensembles, default=None),
            "by_validation": result.by_validation.score if result.by_validation else None,
            "best_student_epoch": max(best) if len(best) > 1 else None,  # the best student at its best epoch
            "students": len(result.students),
            "warnings": result.doubts or None,  # why its scores mean nothing
        }

    def deployed(self, deployment: Deployment) -> dict[str, object]:
        """The same columns of a deployment: its own scores and size, and what of the cell is true of it too."""
        assert self.result is not None
        scores = deployment.means(self.result)
        return {
            **self.outcome,
            **dict.fromkeys(NOT_DEPLOYED),
            "test_images": deployment.test_samples,
            "top1": scores[self.result.headline],
            "top1_error": scores.get(f"{self.result.headline}_error"),
            "top5": scores.get("top5"),
            "pixel_accuracy": scores.get("pixel_accuracy"),
            "weights_bytes": deployment.weights_bytes(self.result),
            "deployed": f"{deployment.precision} ({deployment.runtime_label})",
            "deployed_as": deployment.name,
        }


@dataclasses.dataclass(frozen=True)
class Collected:
    """A sweep's plan and the records of its cells, in the order of the plan."""

    name: str
    suite: str
    recipe: str
    records: list[Record]
    unrecorded: int  # planned cells that do not say yet what they are
    skipped: tuple[SkippedCell, ...]
    dearer: dict[tuple[str, str], str]  # by architecture and conv: by how much they are dearer than a standard network
    faults: tuple[str, ...] = ()  # what is wrong with the files of its cells, in words
    about: About = dataclasses.field(default_factory=dict)
    joined: tuple[str, ...] = ()  # the sweeps that it was made of, where there were several
    retrainings: tuple[Retraining, ...] = ()  # other trainings of its cells, on other machines

    @functools.cached_property
    def variants(self) -> dict[str, str]:
        """By the key of each known cell what completes its labels."""
        return variants.variants({record.key: record.cell for record in self.records})

    @property
    def recipe_of_most(self) -> dict[str, str]:
        """Each number of the recipe, as most cells have it."""
        return variants.common(record.cell.recipe for record in self.records)

    @property
    def score(self) -> Score:
        """What counts, in all of its cells."""
        return Score(next(record.result.headline for record in self.records if record.result))

    @property
    def done(self) -> list[Record]:
        """Cells with a result."""
        return [record for record in self.records if record.state == "done"]


def read_sweep(store: Path, sweep: str) -> Collected:
    """The plan of `sweep` and what the store holds about its cells; a UserError where there is nothing to report."""
    runs = Store(store)
    plan = runs.known_plan(sweep)
    records, faults = [], []
    screen = Console(stderr=True)
    quiet = len(plan.cells) < MANY or not screen.is_terminal
    for run in (runs.run(planned.key) for planned in track(plan.cells, "cells read", console=screen, disable=quiet)):
        cell, state = run.cell(), run.state()
        faults += [f"{run.key}: {fault}" for fault in run.faults()]
        if cell is not None:
            result = run.result() if state.state == "done" else None
            faults += [f"{run.key}: {fault}"] if result and (fault := mistakes.fault(run, result)) else []
            deployed = tuple(deployments.read(run)) if result else ()
            records.append(Record(run, cell, run.environments(), state.state, state.error or "", result, deployed))
    results = [record.result for record in records if record.result]
    timed = {network.structure for result in results for network in result.counted if network.structure}
    faults += runs.measurements.faults(name for key in sorted(timed) for name in runs.measurements.names(key))
    faults += compute.faults(runs, [record.run for record in records])
    unrecorded = len(plan.cells) - len(records)
    dearer = {(network.architecture, network.conv): network.text for network in plan.dearer}
    collected = Collected(
        name=sweep,
        suite=plan.suite,
        recipe=plan.recipe,
        records=named_alike(records),
        unrecorded=unrecorded,
        skipped=plan.skipped,
        dearer=dearer,
        faults=tuple(faults),
        about=plan.about,
        retrainings=tuple(machines.retrainings(runs, {record.key for record in records if record.state == "done"})),
    )
    if not collected.done:
        why = f" ({'; '.join(faults[:3])})" if faults else ""
        raise UserError(
            f"no cell of sweep '{sweep}' in {store} is done yet{why}: run it, then ask for the report again."
        )
    return collected


def named_alike(records: Collection[Record], others: Collection[Record] = ()) -> list[Record]:
    """The records, every architecture, conv and method under the one name that it has in them and in the others."""
    names = labels.shortest(record.cell for record in (*records, *others))
    return [dataclasses.replace(record, cell=labels.named(record.cell, names)) for record in records]


def frame(sweep: Collected) -> pd.DataFrame:
    """One row a cell: its labels, state, result and the size of its headline network; after it one row a deployment of
    it. The columns `deployed` and, by the name of its file, `deployed_as` tell which: both are empty as trained.
    """
    records, rows = {record.key: record for record in sweep.records}, []
    doubts = uneven.seeds(sweep.records) | {key: record.doubt for key, record in records.items() if record.doubt}
    for record in sweep.records:
        cell, outcome, taught_by = record.cell, record.outcome, records.get(record.cell.teacher or "")
        teacher = taught_by.cell if taught_by else None
        dearer = sweep.dearer.get((cell.architecture, cell.conv), "")
        taught_here = all(ancestor.cell.trains for ancestor in lineage(record, records)[1:])
        outcomes = [{"deployed": "", "deployed_as": ""} | outcome, *map(record.deployed, record.deployments)]
        rows += [
            {
                "key": record.key,
                "state": record.state,
                "error": record.error,
                "architecture": cell.architecture_label,
                "conv": cell.conv_label,
                "method": cell.method_label,
                "suite_label": cell.suite_label,
                "score": sweep.score.key,
                "seed": cell.seed,
                "epochs": cell.epochs,
                "is_baseline": cell.is_baseline,
                "is_standard": cell.is_standard,
                "is_plain": not cell.method_config,
                "method_name": cell.method,
                "method_config": dict(cell.method_config),
                "teacher": teacher.architecture_label if teacher else "",
                "taught_by": teacher.text if teacher else "",
                "teacher_key": cell.teacher or "",
                "teacher_is_standard": bool(teacher and teacher.is_standard),
                "trained_on": record.trained_on,
                "trained_by": record.trained_by,
                "trained_recipe": cell.recipe.get("name", sweep.recipe),
                "trained_precision": ", then ".join(dict.fromkeys(each.precision for each in record.environments)),
                "teacher_trained_on": taught_by.trained_on if taught_by else "",
                "trained_here": cell.trains,
                "teacher_trained_here": taught_here,
                "training_doubt": doubts.get(record.key) or doubts.get(record.cell.teacher or "", ""),
                "dearer": "" if outcome["changed"] else dearer,  # of what is deployed
                **each,
                # What was not trained here took no seconds here, which is not what it has cost.
                "train_s": each["train_s"] if cell.trains else None,
                "teacher_train_s": each["teacher_train_s"] if taught_here else None,
            }
            for each in outcomes
        ]
    return pd.DataFrame(rows)


def lineage(record: Record, records: Mapping[str, Record]) -> list[Record]:
    """A cell, its teacher, that one's teacher, and so on, as far as the sweep has them."""
    return [*compute.ancestry(record, lambda each: records.get(each.cell.teacher or ""))]


def seconds(record: Record) -> dict[int, float]:
    """By epoch: what its training took alone, from its begin to the end of that epoch."""
    rows = record.run.curve()
    spent = itertools.accumulate(row.seconds + row.method_s for row in rows)
    return dict(zip([row.epoch for row in rows], spent, strict=True))


def curve(record: Record) -> dict[int, float]:
    """Mean score of the headline networks by epoch; empty where there is none."""
    if record.result is None:
        return {}
    rows, names, score = record.run.curve(), [n.name for n in record.result.counted], record.result.headline
    if not record.result.covers(rows):
        return {}
    return {row.epoch: sum(row.scores[name][score] for name in names) / len(names) for row in rows if row.scores}
