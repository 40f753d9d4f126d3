"""What training has cost in multiply-adds: counted, and so the same on every machine, however busy it was.

A step is counted operation by operation (engine/train/compute.py) and taken as often as there were images.
"""

import math
from collections.abc import Iterator, Mapping

import pandas as pd

from cheapconv.engine.store import compute
from cheapconv.engine.store.runs import Store
from cheapconv.reports.rows.collect import Collected, Record

COLUMNS = ("train_macs", "train_macs_with_teacher")


def attach(cells: pd.DataFrame, sweep: Collected) -> pd.DataFrame:
    """`cells` with COLUMNS; NaN where a training, or that of a teacher, is not done or was not counted."""
    records = {record.key: record for record in sweep.records}
    own = {key: _own(record) for key, record in records.items()}
    both = {key: _with_teachers(record, records, own) for key, record in records.items()}
    return cells.assign(train_macs=cells["key"].map(own), train_macs_with_teacher=cells["key"].map(both))


def _own(record: Record) -> float:
    """Of a cell alone."""
    if record.result is None:
        return math.nan
    cell, store = record.cell, Store(record.run.folder.parent)
    step = compute.read(store, cell, store.run(cell.teacher).cell() if cell.teacher else None)
    return math.nan if step is None else step.over(record.run.curve())


def _with_teachers(record: Record, records: Mapping[str, Record], own: Mapping[str, float]) -> float:
    """Of a cell, its teacher, that one's teacher, and so on."""
    chain = [record, *_teachers(record, records)]
    return math.nan if chain[-1].cell.teacher else sum(own[each.key] for each in chain)


def _teachers(record: Record, records: Mapping[str, Record]) -> Iterator[Record]:
    while (found := records.get(record.cell.teacher or "")) is not None:
        yield found
        record = found
