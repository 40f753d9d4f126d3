"""What names a row as trained, and which cells are behind it."""

from typing import NamedTuple

import pandas as pd

from cheapconv.reports.rows.collect import Collected, Record
from cheapconv.reports.rows.stats import TRAINED


class Identity(NamedTuple):
    """The labels of a row."""

    architecture: str
    conv: str
    method: str
    variant: str

    def __str__(self) -> str:
        labels = f"{self.architecture} {self.conv} {self.method}"
        return f"{labels} [{self.variant}]" if self.variant else labels


def identity(row: pd.Series) -> Identity:
    """That of one of the rows of `stats.summarise`."""
    return Identity(*(str(row[name]) for name in TRAINED))


def records_by_row(sweep: Collected) -> dict[Identity, list[Record]]:
    """The cells of each row, whatever their state."""
    found: dict[Identity, list[Record]] = {}
    for record in sweep.records:
        cell = record.cell
        name = Identity(cell.architecture_label, cell.conv_label, cell.method_label, sweep.variants[record.key])
        found.setdefault(name, []).append(record)
    return found
