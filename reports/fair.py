"""The fair scratch: for how many epochs a network may be trained alone at the cost of a distilled one.

A distilled student has also cost the training of its teacher and the teacher's answers (or its peers). What that is in
epochs of plain training is measured, not modelled: the seconds of the distilled cell and of its teachers, over the
seconds that an epoch of the baseline took on the same network. An entry with these `epochs` gives the schedule more
epochs of the same shape. Use it as

    cheapconv fair SWEEP

after the sweep, and add the entries that it prints. Seconds of different machines, or of a busy one, are not fair.
"""

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cheapconv.catalog.errors import UserError
from cheapconv.engine.store.files import read_json
from cheapconv.engine.store.runs import CELL, Store


def fair_epochs(distilled: Mapping[str, Any], baseline: Mapping[str, Any], *, with_teacher: bool = True) -> int:
    """Epochs of the baseline that take as long as the distilled result, its teachers' training included or not."""
    seconds = distilled["train_s"] + (distilled["teacher_train_s"] if with_teacher else 0.0)
    return max(1, round(seconds / (baseline["train_s"] / baseline["epochs"])))


def fair_entries(store: Store, sweep: str) -> list[dict[str, Any]]:
    """For every (architecture, conv, method) of a sweep with a finished baseline of the network: the fair epochs.

    The baseline is the first one without settings on the same architecture and conv; medians over the seeds. UserError
    for a sweep that has not been run.
    """
    plan = read_json(store.root / "sweeps" / f"{sweep}.json")
    if plan is None:
        raise UserError(f"sweep '{sweep}' has not been run in {store.root}: run it first.")
    done = [found for cell in plan["cells"] if (found := _finished(store, cell["key"]))]
    rows: dict[tuple[str, ...], list[tuple[int, int]]] = {}
    for cell, result in done:
        baseline = _baseline(done, cell)
        if baseline is not None and not cell["is_baseline"]:
            name = (cell["architecture"], cell["conv"], cell["method_label"], _method(done, cell))
            both = fair_epochs(result, baseline), fair_epochs(result, baseline, with_teacher=False)
            rows.setdefault(name, []).append(both)
    return [
        {
            **dict(zip(("architecture", "conv", "like", "method"), name, strict=True)),
            "epochs": round(statistics.median(with_teacher for with_teacher, _ in found)),
            "epochs_without_teacher": round(statistics.median(without for _, without in found)),
        }
        for name, found in rows.items()
    ]


def _finished(store: Store, key: str) -> tuple[dict[str, Any], dict[str, Any]] | None:
    cell, result = read_json(store.folder(key) / CELL), store.result(key)
    return (cell, result) if cell and result else None


def _baseline_cells(done: Sequence[Any], cell: Mapping[str, Any]) -> list[tuple[Any, Any]]:
    same = ("architecture", "conv", "suite")
    plain = [(c, r) for c, r in done if c["is_baseline"] and not c["method_config"]]
    fits = [(c, r) for c, r in plain if all(c[k] == cell[k] for k in same)]
    return sorted(fits, key=lambda found: (len(found[1]["networks"]), found[0]["seed"] != cell["seed"]))


def _baseline(done: Sequence[Any], cell: Mapping[str, Any]) -> dict[str, Any] | None:
    """The result of the plain baseline of a cell's network, of its own seed if there is one."""
    found = _baseline_cells(done, cell)
    return found[0][1] if found else None


def _method(done: Sequence[Any], cell: Mapping[str, Any]) -> str:
    found = _baseline_cells(done, cell)
    return found[0][0]["method"] if found else ""


def lines(folder: Path, sweep: str) -> list[str]:
    """The entries as lines of a registry."""
    found = []
    for entry in fair_entries(Store(folder), sweep):
        texts = f"architecture: {entry['architecture']!r}, conv: {entry['conv']!r}, method: {entry['method']}"
        beside = f"as {entry['like']}; {entry['epochs_without_teacher']} without its teacher's training"
        found.append(f"- {{{texts}, epochs: {entry['epochs']}}}  # {beside}")
    return found
