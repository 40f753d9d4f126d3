"""Theory against reality: what a conv saves in multiply-adds and in latency, both as ratios to the standard network.

A point is a network as trained; its architecture's reference is what it is compared with, or the only one of the sweep.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import pandas as pd
from scipy.stats import spearmanr

from cheapconv.reports.rows.quantities import Quantity

LEAST = 3  # networks of which a rank correlation is taken


class Point(NamedTuple):
    """A network: its row's label, its multiply-adds and its latency over those of its reference, and whether the middle
    halves of the two's timings lie apart."""

    label: int
    macs: float
    latency: float
    is_apart: bool


@dataclass(frozen=True)
class Reality:
    """Of a condition of latency: its networks, and Spearman's rho between both ratios, None of fewer than LEAST."""

    field: str
    title: str
    points: tuple[Point, ...]
    rho: float | None


def reality(rows: pd.DataFrame, quantities: Sequence[Quantity]) -> list[Reality]:
    """One of each condition of latency under which two networks were measured."""
    found: list[Reality] = []
    for quantity in (each for each in quantities if each.field.startswith("latency_ms")):
        points = ratios(rows, quantity)
        if len(points) > 1:
            macs, latency = [p.macs for p in points], [p.latency for p in points]
            rho = float(spearmanr(macs, latency).statistic) if len(points) >= LEAST else None
            found.append(Reality(quantity.field, quantity.title, tuple(points), rho))
    return found


def ratios(rows: pd.DataFrame, quantity: Quantity) -> list[Point]:
    """Of each network its first row."""
    end = quantity.field.removeprefix("latency_ms")
    known = rows[quantity.known(rows) & rows["macs"].notna()]
    networks = known.drop_duplicates(["architecture", "conv", "deployed"])
    standard = networks[networks["of_reference"]]
    found = []
    for label, row in networks.iterrows():
        own = standard[(standard["deployed"] == row["deployed"]) & (standard["architecture"] == row["architecture"])]
        beside = own if len(own) else standard[standard["deployed"] == row["deployed"]]
        if len(beside) == 1 or len(own):
            one = beside.iloc[0]
            saved, timed = (round(float(row[name] / one[name]), 4) for name in ("macs", quantity.field))
            found.append(Point(int(str(label)), saved, timed, are_apart(row, one, end)))
    return found


def are_apart(row: pd.Series, other: pd.Series, end: str) -> bool:
    """Whether a quarter of the timings of the slower one, at most, is below three quarters of the faster one's."""
    fast, slow = sorted((row, other), key=lambda each: float(each[f"latency_ms{end}"]))
    return bool(slow[f"latency_q25_ms{end}"] > fast[f"latency_q75_ms{end}"])
