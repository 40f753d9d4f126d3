"""What training has cost in multiply-adds: counted, and so the same on every machine, however busy it was.

A step is counted operation by operation (engine/train/compute.py) and taken as often as there were images.
"""

import functools

import pandas as pd

from cheapconv.engine.store import compute
from cheapconv.engine.store.runs import Store
from cheapconv.reports.rows.collect import Collected


def attach(cells: pd.DataFrame, sweep: Collected) -> pd.DataFrame:
    """`cells` with `train_macs` and `train_macs_with_teacher`; NaN where a training, or that of a teacher, is not done
    or was not counted."""
    store = Store(sweep.records[0].run.folder.parent)
    own = functools.cache(lambda key: compute.of_training(store, store.run(key)))

    def both(key: str) -> float:
        return sum(own(run.key) for run in compute.lineage(store, store.run(key)))

    return cells.assign(
        train_macs=cells["key"].map(own).astype(float), train_macs_with_teacher=cells["key"].map(both).astype(float)
    )
