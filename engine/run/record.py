"""Turning a finished training into its durable result: networks, sizes, scores, costs, and what speaks against it."""

import statistics
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import fields
from typing import NamedTuple

from cheapconv import catalog
from cheapconv.catalog.errors import UserError
from cheapconv.engine.measure.sizes import sizes, structure_key
from cheapconv.engine.run.picture import picture
from cheapconv.engine.store import mistakes, networks, pictures
from cheapconv.engine.store.cell import Cell, CellRecord
from cheapconv.engine.store.files import later
from cheapconv.engine.store.records import ByValidation, CurveRow, NetworkResult, Result
from cheapconv.engine.store.runs import Store
from cheapconv.engine.train.builder import BadTeacherError
from cheapconv.engine.train.training import Training
from cheapconv.engine.train.verdict import judge, require_finite
from cheapconv.methods.base import Trained


def described(cell: Cell) -> CellRecord:
    """The cell, with what a report needs to know of its parts without importing them."""
    method = catalog.entry("method", cell.method).cls
    return CellRecord(
        **{field.name: getattr(cell, field.name) for field in fields(Cell)},
        suite_label=catalog.parse("suite", cell.suite).label,
        is_baseline=method.is_baseline,
        trains=method.trains,
        is_standard=catalog.parse("conv", cell.conv).is_standard,
        plugins=catalog.plugins_of(cell.suite, cell.architecture, cell.conv, cell.method, repr(cell.method_settings)),
    )


def bury(store: Store, cell: Cell, why: str) -> None:
    """Write that a cell has failed, in whose name no process of its own is left to do so."""
    with store.explaining_full_disk():
        store.require()
        run = store.run(cell.key)
        try:
            run.write_cell(described(cell))  # its folder may be what was lost
            run.fail(why, why, cell.epochs)
        except PermissionError as error:
            raise UserError(f"{run.folder} may not be written: give this user the right to, and run again.") from error


def code_of_plugins(cell: Cell) -> dict[str, str]:
    """By plugin that has brought a part of the cell, the code that this process has imported, where it is known."""
    if not catalog.plugins():
        return {}
    return {f"plugin {name}": code for name in described(cell).plugins if (code := catalog.code_of(name))}


def of_other_code(store: Store, cells: Iterable[Cell]) -> Counter[str]:
    """By plugin, how many of the cells were trained by code of it that is another one now."""
    found = Counter[str]()
    for cell in cells:
        if own := code_of_plugins(cell):
            trained_by = [environment.versions for environment in store.run(cell.key).environments()]
            found.update(name for name, code in own.items() if any(v.get(name, code) != code for v in trained_by))
    return found


def about(cells: Sequence[Cell]) -> dict[str, dict[str, str]]:
    """By kind and label, what stands behind the names of cells, and its source: a report's reader may not know them."""
    found: dict[str, dict[str, str]] = {"architecture": {}, "conv": {}, "method": {}}
    for cell in cells:
        for kind, known in found.items():
            entry = catalog.entry(kind, getattr(cell, kind).partition("(")[0])
            known[getattr(cell, f"{kind}_label")] = f"{entry.summary} {entry.paper}".strip()
    return found


def finish(store: Store, cell: Cell, training: Training, after_s: float | None = None) -> Result:
    """Save the networks, then the result: from here on the cell is done.

    It ended `after_s` seconds from its last start, whatever a clock that was set meanwhile says. Diverged where they
    are no networks.
    """
    require_finite(training)
    run = store.run(cell.key)
    networks.save(run.folder, training.method, training.data.class_names, training.recipe.normalisation)
    if png := picture(training):
        pictures.write(run, png)
    mistakes.write(run, {name: found.numpy() for name, found in training.mistakes.items()})
    result = _result(store, cell, training)
    start = next((item.start for item in reversed(run.environments())), None)
    run.finish(result, None if start is None or after_s is None else later(start, after_s))
    return result


class Best(NamedTuple):
    """The highest of some values and its epoch, the first of equals."""

    value: float
    epoch: int


def _result(store: Store, cell: Cell, training: Training) -> Result:
    position, data, headline = training.position, training.data, training.task.headline
    curve = position.curve
    rows = [_network(trained, cell, curve, data.image, headline) for trained in training.method.networks()]
    counted = [row for row in rows if row.headline]
    names = [row.name for row in counted]
    best = _best({row.epoch: statistics.mean(row.scores[name][headline] for name in names) for row in scored(curve)})
    taught = store.run(cell.teacher).result() if cell.teacher else None
    if cell.teacher and taught is None:  # without it, the cell would seem to have cost nothing but its own training
        raise BadTeacherError(f"the result of the teacher {cell.teacher} was lost meanwhile: run its sweep again")
    return Result(
        key=cell.key,
        epochs=len(curve),
        test_samples=data.size("test"),
        headline=headline,
        scores={score: statistics.mean(row.scores[score] for row in counted) for score in counted[0].scores},
        best=best.value,
        best_epoch=best.epoch,
        by_validation=chosen_by_validation(curve, names, headline),
        networks=tuple(rows),
        train_s=position.train_s,
        steps_s=position.steps_s,
        method_s=position.method_s,
        spent_s=position.spent_s,
        train_images_per_s=statistics.median(row.images_per_s for row in curve),
        teacher_train_s=taught.train_s + taught.teacher_train_s if taught else 0.0,
        warnings=judge(training, taught),
        broken_images=dict(data.skipped),
    )


def chosen_by_validation(curve: list[CurveRow], names: list[str], headline: str) -> ByValidation | None:
    """The student and epoch best on the held-out samples, the later one of equals, and its score on the test set."""
    if not curve[-1].validation:
        return None
    found = ((row.validation[name][headline], row.epoch, name) for row in scored(curve) for name in names)
    value, epoch, name = max(found)
    return ByValidation(network=name, epoch=epoch, validation=value, score=curve[epoch].scores[name][headline])


def _network(
    trained: Trained, cell: Cell, curve: list[CurveRow], shape: tuple[int, int, int], headline: str
) -> NetworkResult:
    """One network's scores, at the last epoch and at the best one, which is labelled as such, and its sizes."""
    architecture, conv = trained.architecture or cell.architecture, trained.conv or cell.conv
    best = _best({row.epoch: row.scores[trained.name][headline] for row in scored(curve)})
    student = trained.role == "student"
    return NetworkResult(
        name=trained.name,
        role=trained.role,
        headline=trained.headline,
        scores=curve[-1].scores[trained.name],
        best=best.value,
        best_epoch=best.epoch,
        architecture=architecture,
        conv=conv,
        changed=trained.structure,
        structure=structure_key(architecture, conv, cell.classes, shape, trained.structure) if student else None,
        sizes=sizes(trained.network, shape),
    )


def scored(curve: list[CurveRow]) -> list[CurveRow]:
    """The epochs at whose end the networks were evaluated."""
    return [row for row in curve if row.scores]


def _best(values: dict[int, float]) -> Best:
    epoch = max(values, key=values.__getitem__)
    return Best(values[epoch], epoch)
