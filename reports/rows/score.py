"""What a report calls the score that counts.

Inside of `reports` its columns are named as those of most sweeps, `top1`, whatever it is; it gets its own name where
somebody reads it: in titles and texts, in the CSV, and in the public frame.
"""

from dataclasses import dataclass

import pandas as pd

NAMES = {"top1": "top-1", "miou": "mean IoU"}  # by what a task calls it
INSIDE = "top1"


@dataclass(frozen=True)
class Score:
    """The headline score of a sweep, by the name that its task gives it."""

    key: str = INSIDE

    @property
    def text(self) -> str:
        """In a sentence: `top-1`."""
        return NAMES.get(self.key, self.key)

    @property
    def title(self) -> str:
        """At the beginning of one: `Top-1`."""
        return self.text[:1].upper() + self.text[1:]

    @property
    def heading(self) -> str:
        """Of its column: `Top-1 %`."""
        return f"{self.title} %"

    def column(self, name: str) -> str:
        """The name outside of a column that is called `name` inside: `miou_mean` for `top1_mean`."""
        parts = name.split("_")
        return "_".join(self.key if part == INSIDE else part for part in parts)

    def named(self, table: pd.DataFrame) -> pd.DataFrame:
        """The table with its columns named for readers."""
        return table.rename(columns=self.column)
