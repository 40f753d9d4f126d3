"""Which rows of a claim about a cost have one that may be compared, and what is said of the others."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import pandas as pd

from cheapconv.reports.rows.measurements import suffixes

SECONDS, MACS = "train_s_with_teacher", "train_macs_with_teacher"


def timed_training(rows: pd.DataFrame) -> pd.DataFrame:
    """Those whose seconds are of one machine, their teachers' too, which they had to themselves."""
    alone = (rows["busy"].fillna("") == "") & (rows["seconds_on"].map(len) == 1)
    return rows[alone & rows[SECONDS].notna()]


def counted_training(rows: pd.DataFrame) -> pd.DataFrame:
    """Those whose multiply-adds of training are known, their teachers' too."""
    return rows[rows[MACS].notna()]


def timed_latency(rows: pd.DataFrame) -> tuple[str, pd.DataFrame]:
    """The first condition under which most of the rows have a latency that is not in doubt, as its columns end, and
    those rows."""
    undoubted = {end: rows[rows[f"doubt{end}"].fillna("") == ""] for end in suffixes(rows)}
    timed = {end: each[each[f"latency_ms{end}"].notna()] for end, each in undoubted.items()}
    end = max(timed, key=lambda end: len(timed[end]), default="")
    return end, timed.get(end, rows[:0])


@dataclass(frozen=True)
class Cost:
    """Which rows have it, all of them as if each had the same, and why some have not."""

    known: Callable[[pd.DataFrame], pd.DataFrame]
    alike: Callable[[pd.DataFrame], pd.DataFrame]
    lacking: str
    within: str = ""  # the column that two rows have to have in common

    def left_out(self, rows: pd.DataFrame, pairs: Sequence[tuple[Hashable, Hashable]]) -> str:
        """`7 of 9 rows left out, whose ...`: of `rows` those that are in no pair (of labels) which can be compared;
        empty where all are in one."""
        asked = {row for pair in pairs for row in pair}
        known = {*self.known(rows[rows.index.isin(asked)]).index}
        fair = [pair for pair in pairs if known >= {*pair}]
        if self.within:
            of = dict(zip(rows.index, rows[self.within], strict=True))
            fair = [(one, other) for one, other in fair if of[one] == of[other]]
        left = len(asked - {row for pair in fair for row in pair})
        return f"{left} of {len(asked)} rows left out, {self.lacking}" if left else ""


TRAINING = Cost(
    timed_training,
    lambda rows: rows.assign(**{SECONDS: 1.0}, busy="", seconds_on=pd.Series([("",)] * len(rows), rows.index)),
    "whose seconds of training are in doubt, of a shared GPU or of different machines",
    "seconds_on",
)
COMPUTE = Cost(
    counted_training, lambda rows: rows.assign(**{MACS: 1.0}), "whose multiply-adds of training are not known"
)
LATENCY = Cost(
    lambda rows: timed_latency(rows)[1],
    lambda rows: rows.assign(latency_ms=1.0, doubt="", measured_on=""),
    "whose latency is not known or in doubt",
)
