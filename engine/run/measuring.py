"""Timing what cells deploy: a piece of work of its own after a cell is done, which cannot fail it."""

import copy
import logging
from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import nn

from cheapconv import catalog
from cheapconv.catalog.errors import UserError, reason
from cheapconv.engine.measure import timings
from cheapconv.engine.measure.sizes import structure_key
from cheapconv.engine.measure.timings import Structure
from cheapconv.engine.measure.turn import Turn
from cheapconv.engine.store import networks
from cheapconv.engine.store.cell import Cell
from cheapconv.engine.store.records import Measurement
from cheapconv.engine.store.runs import Store
from cheapconv.models.build import unread_network

log = logging.getLogger(__name__)


def measure_missing(store: Store, cell: Cell, device: torch.device, turn: Turn) -> None:
    """Time the students of a finished cell that were not timed under this setting; what goes wrong is a warning."""
    for structure in structures(store, cell):
        try:
            if timings.kept(store, structure, device) is None:
                timings.take(store, structure, network_of(store, cell, structure), device, turn)
        except Exception as error:  # whatever it is, the training is safe and the timing can be repeated
            log.warning(
                "%s %s could not be timed (%s); `cheapconv measure` tries again",
                structure.architecture,
                structure.conv,
                reason(error).rstrip("."),
            )


def measure_again(store: Store, cells: list[Cell], device: torch.device) -> Iterator[tuple[str, Measurement]]:
    """Time every network of the cells once more; its name in the papers' notation, and the timing."""
    timed: set[str] = set()
    turn = Turn()
    for cell in cells:
        for structure in structures(store, cell) or [_untrained(cell)]:
            if structure.key not in timed:
                timed.add(structure.key)
                parts = {"architecture": structure.architecture, "conv": structure.conv}
                label = " ".join(catalog.label(kind, catalog.parse(kind, text)) for kind, text in parts.items())
                try:
                    network = network_of(store, cell, structure)
                except UserError as error:  # a damaged file of one cell; the others are timed
                    log.warning("%s could not be timed (%s)", label, error)
                    continue
                yield label, timings.take(store, structure, network, device, turn)


def structures(store: Store, cell: Cell) -> list[Structure]:
    """What a finished cell deploys; nothing of an unfinished one."""
    result, untrained = store.run(cell.key).result(), _untrained(cell)
    students = result.students if result else ()
    return [
        replace(
            untrained,
            key=student.structure or untrained.key,
            architecture=student.architecture or cell.architecture,
            conv=student.conv or cell.conv,
        )
        for student in students
    ]


def network_of(store: Store, cell: Cell, structure: Structure) -> nn.Module:
    """A network of that structure: a fresh one of its texts, or where training has changed it, the trained one."""
    result = store.run(cell.key).result()
    changed = [s.name for s in result.students if s.changed and s.structure == structure.key] if result else []
    if changed:
        return copy.deepcopy(networks.load(store, cell.key, changed[0]).network)
    return unread_network(structure.architecture, structure.conv, structure.classes)


def _untrained(cell: Cell) -> Structure:
    """The structure that a cell starts from."""
    shape = catalog.parse("suite", cell.suite).image
    key = structure_key(cell.architecture, cell.conv, cell.classes, shape)
    return Structure(key, cell.architecture, cell.conv, cell.classes, shape)
