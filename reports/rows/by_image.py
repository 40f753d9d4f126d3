"""What the cells of a sweep have right image by image, for the statistics of its rows (reports/statistics/images.py).

Only as trained, and only where a cell's mistakes were kept: of deployments, and of cells of before, counts are all that
there is. The score that is compared is the mean of the networks that count, and so is what they have right.
"""

import functools

import numpy as np
import pandas as pd

from cheapconv.engine.store import mistakes
from cheapconv.reports.rows.collect import Collected, Record
from cheapconv.reports.statistics.images import COLUMN, Seed


def attach(cells: pd.DataFrame, sweep: Collected) -> pd.DataFrame:
    """The cells with the column COLUMN. A file is read when a row is made of it: of long sweeps they are many."""
    records = {record.key: record for record in sweep.done}
    done = [key if not deployed else None for key, deployed in zip(cells["key"], cells["deployed"], strict=True)]
    found = pd.Series([seed(records[key]) if key in records else None for key in done], index=cells.index, dtype=object)
    return cells.assign(**{COLUMN: found})


def seed(record: Record) -> Seed:
    """Of one finished cell."""
    return Seed(f"{record.cell.suite}, {record.cell.data}", functools.partial(right, record))


def right(record: Record) -> np.ndarray | None:
    """(N,) shares of the networks that count; None where they are not known, or do not come to the score."""
    result = record.result
    found = mistakes.read(record.run, result) if result else None
    if result is None or found is None or not all(network.name in found for network in result.counted):
        return None
    shares = np.mean([found[network.name] == 0 for network in result.counted], axis=0)
    return shares if abs(shares.mean() - result.score) < 0.5 / len(shares) else None
