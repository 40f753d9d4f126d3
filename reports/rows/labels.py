"""One name for every architecture, conv and method, whichever release a cell was named by: the shortest that a cell has
for it, since releases learn shorter ones. Names are no part of a cell's key."""

import dataclasses
import json
from collections.abc import Iterable, Mapping
from typing import Any

from cheapconv.engine.store.cell import CellRecord

Names = Mapping[tuple[str, str], str]  # by the field of a label and what it stands for


def shortest(cells: Iterable[CellRecord]) -> Names:
    """The names of all that stands behind the labels of these cells."""
    names: dict[tuple[str, str], str] = {}
    for cell in cells:
        for field, meant in _meant(cell).items():
            label = getattr(cell, field)
            names[field, meant] = min(names.get((field, meant), label), label, key=len)
    return names


def named(cell: CellRecord, names: Names) -> CellRecord:
    """The cell under these names."""
    labels: dict[str, Any] = {field: names[field, meant] for field, meant in _meant(cell).items()}
    return dataclasses.replace(cell, **labels)


def _meant(cell: CellRecord) -> dict[str, str]:
    """By the field of each label, what it stands for."""
    method = json.dumps([cell.method, cell.method_config], sort_keys=True, default=str)
    return {"architecture_label": cell.architecture, "conv_label": cell.conv, "method_label": method}
