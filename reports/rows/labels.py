"""One name for every architecture, conv and method, whichever release a cell was named by: the shortest that a cell has
for it, since releases learn shorter ones. Names are no part of a cell's key."""

import dataclasses
import json
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from cheapconv.engine.store.cell import CellRecord

if TYPE_CHECKING:
    from cheapconv.reports.rows.collect import Record

Names = Mapping[tuple[str, str], str]  # by the field of a label and what it stands for

MEANT: dict[str, Callable[[CellRecord], str]] = {
    "architecture_label": lambda cell: cell.architecture,
    "conv_label": lambda cell: cell.conv,
    "method_label": lambda cell: f"{cell.method} {json.dumps(cell.method_config, sort_keys=True, default=str)}",
}


def shortest(records: Iterable["Record"]) -> Names:
    """The names of all that stands behind the labels of these records' cells."""
    names: dict[tuple[str, str], str] = {}
    for cell in (record.cell for record in records):
        for field, meant in MEANT.items():
            label = getattr(cell, field)
            names[field, meant(cell)] = min(names.get((field, meant(cell)), label), label, key=len)
    return names


def named(record: "Record", names: Names) -> "Record":
    """The record under these names."""
    labels: dict[str, Any] = {field: names[field, meant(record.cell)] for field, meant in MEANT.items()}
    if all(getattr(record.cell, field) == label for field, label in labels.items()):
        return record
    return dataclasses.replace(record, cell=dataclasses.replace(record.cell, **labels))
