"""What a row costs or yields besides its score: the axes of pictures and the budgets that a reader may have."""

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from cheapconv.reports.rows.measurements import letter, suffixes


@dataclass(frozen=True)
class Quantity:
    """A column of the rows that a picture may have along x; `scale` numbers of the column are one of its unit."""

    field: str
    title: str
    unit: str
    scale: float = 1.0
    more_is_better: bool = False
    doubt: str = ""  # the column that says why a number of it is in doubt

    def known(self, rows: pd.DataFrame) -> pd.Series:
        """Rows, as a mask, whose number is there and not in doubt."""
        found = rows[self.field].notna()
        return found & (rows[self.doubt].fillna("") == "") if self.doubt else found

    def possible(self, rows: pd.DataFrame) -> pd.Series:
        """Rows, as a mask, that can have such a number: a timing is of those that are deployed so, and of no others."""
        return rows["deployed_as"].isin(rows.loc[rows[self.field].notna(), "deployed_as"])

    def doubted(self, rows: pd.DataFrame) -> list[int]:
        """Labels of rows whose number is in doubt."""
        return [int(label) for label in rows.index[rows[self.field].notna() & ~self.known(rows)]]


COUNTED = (
    Quantity("params", "Parameters", "k", 1e3),
    Quantity("macs", "Multiply-adds", "M", 1e6),
    Quantity("weights_bytes", "Weights", "KiB", 1024),
    Quantity("activation_bytes", "Peak of the maps", "KiB", 1024),
)
EPOCHS = Quantity("epochs", "Epochs", "epochs")
TRAINING = Quantity("train_s_with_teacher", "Training with its teacher", "s", doubt="training_doubt")
TRAINING_MACS = Quantity("train_macs_with_teacher", "Multiply-adds of training with its teacher", "T", 1e12)


def quantities(rows: pd.DataFrame) -> list[Quantity]:
    """Those of which at least one row has a number, if only a doubtful one: sizes, timings by each condition, epochs
    where rows differ in them, and what training cost, in seconds and in multiply-adds."""
    ends, found = suffixes(rows), [*COUNTED]
    timed: list[Callable[[str, str], Quantity]] = [
        lambda end, on: Quantity(f"latency_ms{end}", f"Latency{on}", "ms", doubt=f"doubt{end}"),
        lambda end, on: Quantity(
            f"throughput_images_per_s{end}",
            f"Throughput{on}",
            "images/s",
            more_is_better=True,
            doubt=f"throughput_doubt{end}",
        ),
    ]
    for place, end in enumerate(ends):
        found += [of(end, letter(place, len(ends))) for of in timed]
    found += [EPOCHS] if rows["epochs"].nunique() > 1 else []
    return [each for each in (*found, TRAINING, TRAINING_MACS) if rows[each.field].notna().any()]


def axes(rows: pd.DataFrame) -> list[Quantity]:
    """Those of which at least one row has a number that is not in doubt: what a picture or a budget can be of."""
    return [each for each in quantities(rows) if each.known(rows).any()]
