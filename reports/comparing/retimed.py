"""Latencies of rows before and after, measured under one condition and not in doubt.

A change counts where the quartiles are apart, and where it is more than the machine's own: its calibration beside each
timing tells how much faster or slower it was.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import pandas as pd

from cheapconv.reports.comparing.matched import Matched
from cheapconv.reports.rows.measurements import ALIKE, suffixes


@dataclass(frozen=True)
class Retimed:
    """A row's latency in ms, with its lower and upper quartile, before and after; `speeds` are how many times as fast
    the machine was before."""

    row: str  # its id
    measured_on: str
    before: tuple[float, float, float]
    after: tuple[float, float, float]
    speeds: tuple[float, ...]

    @property
    def ratio(self) -> float:
        """Below 1 is faster."""
        return self.after[0] / self.before[0]

    @property
    def verdict(self) -> str:
        """`faster`, `slower`, `same` for the same timing, and `noise`."""
        if self.before == self.after:
            return "same"
        if self.after[2] < self.before[1] and self.ratio < min(1.0, *self.speeds):
            return "faster"
        if self.after[1] > self.before[2] and self.ratio > max(1.0, *self.speeds):
            return "slower"
        return "noise"


class Timing(NamedTuple):
    """Of a row under a condition: latency and quartiles in ms, and the machine's calibration, NaN where it has none."""

    measured_on: str
    ms: tuple[float, float, float]
    speed: tuple[float, float]


def retimed(rows: Sequence[Matched]) -> Iterator[Retimed]:
    """The first two timings of each row and condition that can be compared."""
    for row in rows:
        later = timings(row.after)
        found: dict[str, Retimed] = {}
        for old in timings(row.before):
            for new in later:
                speeds = ratios(old.speed, new.speed)
                if old.measured_on == new.measured_on and speeds is not None:
                    found.setdefault(old.measured_on, Retimed(row.id, old.measured_on, old.ms, new.ms, speeds))
        yield from found.values()


def timings(row: pd.Series) -> list[Timing]:
    """Those of a row that are not in doubt."""
    known = [
        end for end in suffixes(row.to_frame().T) if not pd.isna(row[f"latency_ms{end}"]) and not row[f"doubt{end}"]
    ]
    return [
        Timing(
            str(row[f"measured_on{end}"]),
            (row[f"latency_ms{end}"], row[f"latency_q25_ms{end}"], row[f"latency_q75_ms{end}"]),
            (row[f"gflops{end}"], row[f"gb_per_s{end}"]),
        )
        for end in known
    ]


def ratios(before: Sequence[float], after: Sequence[float]) -> tuple[float, ...] | None:
    """How many times as fast a machine was before, by each part of its calibration; None where one cannot compare."""
    if any(math.isnan(a) != math.isnan(b) for a, b in zip(before, after, strict=True)):
        return None
    found = tuple(a / b for a, b in zip(before, after, strict=True) if not math.isnan(a))
    return found if all(1 / ALIKE <= ratio <= ALIKE for ratio in found) else None
