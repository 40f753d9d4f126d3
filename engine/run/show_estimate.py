"""An estimate for people, and as a document."""

from collections.abc import Sequence

from cheapconv.catalog.errors import plural
from cheapconv.engine.run.estimate import CellCost, Estimate
from cheapconv.engine.run.probing import Estimated
from cheapconv.engine.run.show import Row, console, print_json, table
from cheapconv.engine.store.bills import HOUR, duration, saved
from cheapconv.engine.store.cell import Cell

WORKERS = (1, 8, 64)
JOULES_PER_KWH = 3.6e6
COLUMNS = ("network", "method", "cells", "steps", "batch_ms", "teacher_ms", "step_ms", "scoring_s", "a_cell")
ALWAYS = "starting cells, saving networks and timing them"


def show(found: Estimated, as_json: bool) -> None:
    """Print it."""
    if as_json:
        print_json(document(found))
        return
    rows = [row(cells, found.estimate.costs[cells[0].key]) for cells in alike(found.estimate)]
    table(f"estimate of {found.sweep}", rows, COLUMNS, spare=("batch_ms", "teacher_ms", "steps"))
    for line in lines(found):
        console.print(line, highlight=False, markup=False, soft_wrap=True)


def alike(estimate: Estimate) -> list[list[Cell]]:
    """Cells of one line, which differ by their seeds."""
    groups: dict[object, list[Cell]] = {}
    for cell in estimate.known:
        cost = estimate.costs[cell.key]
        named = cell.architecture_label, cell.conv_label, cell.method_label
        groups.setdefault((*named, cost.probe, cost.steps), []).append(cell)
    return [*groups.values()]


def row(cells: Sequence[Cell], cost: CellCost) -> Row:
    """A line of the table: milliseconds of a step and of its parts, seconds of a scoring, and all of a cell alone."""
    cell, probe = cells[0], cost.probe
    return {
        "network": f"{cell.architecture_label} {cell.conv_label}",
        "method": cell.method_label,
        "cells": len(cells),
        "steps": cost.steps,
        "batch_ms": f"{1000 * probe.batch_s:.1f}",
        "teacher_ms": f"{1000 * probe.teacher_s:.1f}",
        "step_ms": f"{1000 * probe.step_s:.1f}",
        "scoring_s": f"{probe.making_s + probe.scoring_s:.1f}",
        "a_cell": duration(cost.alone_s),
    }


def lines(found: Estimated) -> list[str]:
    """What all cells come to."""
    estimate, by = found.estimate, "core" if found.place.device.type == "cpu" else "GPU"
    played = {workers: estimate.played(workers) for workers in WORKERS}
    one = played[1]
    unit = found.place.threads if by == "core" else 1
    alone_h, hours = unit * estimate.alone_s / HOUR, unit * one.worked_s / HOUR
    share = saved(estimate.alone_s, one.worked_s)
    less = f", {100 * share:.0f} % less, since cells share batches and teachers" if share else ""
    said = [
        f"{len(estimate.known)} of {len(estimate.cells)} cells: {alone_h:.3g} {by}-hours, each cell alone; "
        f"{hours:.3g} side by side{less}. Of them training: {unit * one.train_s / HOUR:.3g}.",
        "Wall-clock: "
        + ", ".join(f"{duration(p.wall_s)} with {plural(w, 'worker')}" for w, p in played.items())
        + f", each {found.device_name} ({found.place.device}, {plural(found.place.threads, 'thread')}).",
    ]
    if found.done:
        said.append(f"{found.done} cells are done; the others, alone: {unit * found.left_s / HOUR:.3g} {by}-hours.")
    if (joules := estimate.joules()) is not None:
        said.append(f"Energy of all steps, each cell alone: {joules / JOULES_PER_KWH:.3g} kWh of the GPU, by NVML.")
    return [*said, f"Left out: {'; '.join((ALWAYS, *found.left_out))}."]


def document(found: Estimated) -> dict[str, object]:
    """The same as one JSON document; seconds."""
    estimate = found.estimate
    return {
        "sweep": found.sweep,
        "device": str(found.place.device),
        "device_name": found.device_name,
        "threads": found.place.threads,
        "cells": [_cell(cell, estimate.costs[cell.key]) for cell in estimate.known],
        "unknown_cells": len(estimate.cells) - len(estimate.known),
        "done_cells": found.done,
        "alone_s": estimate.alone_s,
        "left_alone_s": found.left_s,
        "train_alone_s": estimate.train_s,
        "joules_alone": estimate.joules(),
        "workers": [
            {"workers": workers, "wall_s": p.wall_s, "train_s": p.train_s, "worked_s": p.worked_s}
            for workers, p in ((workers, estimate.played(workers)) for workers in WORKERS)
        ],
        "left_out": [ALWAYS, *found.left_out],
    }


def _cell(cell: Cell, cost: CellCost) -> dict[str, object]:
    probe = cost.probe
    return {
        "key": cell.key,
        "steps": cost.steps,
        "step_s": probe.step_s,
        "batch_s": probe.batch_s,
        "teacher_s": probe.teacher_s,
        "scoring_s": probe.making_s + probe.scoring_s,
        "train_s": cost.train_s,
        "alone_s": cost.alone_s,
    }
