"""Turning a finished training into its durable result: networks, sizes, accuracies, costs."""

import statistics
from pathlib import Path
from typing import Any

from cheapconv import catalog
from cheapconv.engine.measure.timings import sizes, structure_key
from cheapconv.engine.store import networks
from cheapconv.engine.store.cell import Cell
from cheapconv.engine.store.files import TEMPORARY, now, read_json, write_json
from cheapconv.engine.store.records import CurveRow
from cheapconv.engine.store.runs import CHECKPOINT, RESULT, Store
from cheapconv.engine.train.checkpoint import Position
from cheapconv.methods.base import Method, Trained
from cheapconv.suites.base import Data


def describe(cell: Cell) -> dict[str, Any]:
    """The body of cell.json: the cell, and what a report needs to know of its parts without importing them."""
    method = catalog.entry("method", cell.method).cls
    config = catalog.build("method", cell.method, cell.method_config)
    published = method.published(config)
    return {
        **cell.to_json(),
        "suite_label": catalog.entry("suite", cell.suite).cls.label,
        "is_baseline": method.is_baseline,
        "is_standard": catalog.parse("conv", cell.conv).is_standard,
        "published_as": published[0] if published else None,
        "published_source": published[1] if published else None,
    }


def begin(folder: Path, environment: dict[str, Any]) -> None:
    """Write what is known before training; a resumed cell keeps the time it first started."""
    earlier = read_json(folder / "environment.json")
    write_json(folder / "environment.json", environment | ({"start": earlier["start"]} if earlier else {}))
    (folder / "error.txt").unlink(missing_ok=True)


def finish(store: Store, cell: Cell, method: Method, position: Position, data: Data) -> dict[str, Any]:
    """Save the networks, then the result (from here on the cell is done), then remove what is no longer needed."""
    folder = store.folder(cell.key)
    networks.save(folder, method, data.class_names)
    environment = read_json(folder / "environment.json") or {}
    write_json(folder / "environment.json", environment | {"end": now()})
    result = _result(store, cell, method, position, data)
    write_json(folder / RESULT, result)
    close(store, cell.key, position.epoch)
    return result


def close(store: Store, key: str, epochs: int) -> None:
    """Mark a cell with a result as done, and remove what only an unfinished one needs."""
    store.set_state(key, "done", epochs, epochs)
    tidy(store.folder(key))


def tidy(folder: Path) -> int:
    """Remove what a killed process left in a run folder: half-written files, and the checkpoint of a finished cell."""
    leftovers = [*folder.rglob(f"{TEMPORARY}*")]
    if (folder / RESULT).is_file() and (folder / CHECKPOINT).is_file():
        leftovers.append(folder / CHECKPOINT)
    for path in leftovers:
        path.unlink()
    return len(leftovers)


def _result(store: Store, cell: Cell, method: Method, position: Position, data: Data) -> dict[str, Any]:
    shape = data.image
    rows = [_network(t, cell, position, shape) for t in method.networks()]
    headline = [row for row in rows if row["headline"]]
    names = [row["name"] for row in headline]
    means = [statistics.mean(row.scores[name]["top1"] for name in names) for row in position.curve]
    best = max(range(len(means)), key=means.__getitem__)
    return {
        "key": cell.key,
        "epochs": len(position.curve),
        "test_images": data.size("test"),
        "top1": means[-1],
        "top5": statistics.mean(r["top5"] for r in headline) if headline[0]["top5"] is not None else None,
        "top1_best": means[best],
        "best_epoch": best,
        "by_validation": chosen_by_validation(position.curve, names),
        "networks": rows,
        "train_s": position.train_s,
        "steps_s": position.steps_s,
        "method_s": position.method_s,
        "train_images_per_s": statistics.median(row.images_per_s for row in position.curve),
        "teacher_train_s": _teacher_seconds(store, cell.teacher),
    }


def chosen_by_validation(curve: list[CurveRow], names: list[str]) -> dict[str, Any] | None:
    """The student and epoch most accurate on the held-out images, the later one of equals, and its test accuracy."""
    if not curve[-1].validation:
        return None
    choices = [(row.validation[name]["top1"], row.epoch, name) for row in curve for name in names]
    accuracy, epoch, name = max(choices)
    top1 = curve[epoch].scores[name]["top1"]
    return {"network": name, "epoch": epoch, "validation": accuracy, "top1": top1}


def _network(trained: Trained, cell: Cell, position: Position, shape: tuple[int, int, int]) -> dict[str, Any]:
    """One network's accuracies (last and best epoch, best labelled as such) and sizes."""
    top1 = [row.scores[trained.name]["top1"] for row in position.curve]
    best = max(range(len(top1)), key=top1.__getitem__)
    architecture, conv = trained.architecture or cell.architecture, trained.conv or cell.conv
    student = trained.role == "student"
    return {
        "name": trained.name,
        "role": trained.role,
        "headline": trained.headline,
        "top1": top1[-1],
        "top5": position.curve[-1].scores[trained.name].get("top5"),
        "top1_best": top1[best],
        "best_epoch": best,
        "architecture": architecture,
        "conv": conv,
        "changed": trained.structure,
        "structure": structure_key(architecture, conv, cell.classes, shape, trained.structure) if student else None,
        **sizes(trained.network, shape),
    }


def _teacher_seconds(store: Store, teacher: str | None) -> float:
    """Training seconds of the teacher and of its own teachers."""
    result = store.result(teacher) if teacher else None
    return result["train_s"] + result["teacher_train_s"] if result else 0.0
