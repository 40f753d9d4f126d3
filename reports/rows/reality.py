"""Theory against reality: what a conv saves in multiply-adds and in latency, both as ratios to the standard network.

A point is a network as trained; its architecture's reference is what it is compared with, or the only one of the sweep.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
from scipy.stats import spearmanr

from cheapconv.reports.rows.quantities import Quantity

LEAST = 3  # networks of which a rank correlation is taken


@dataclass(frozen=True)
class Reality:
    """Of a condition of latency: label, ratio of multiply-adds and ratio of latency of each network; Spearman's rho
    between these, None of fewer than LEAST."""

    field: str
    title: str
    points: tuple[tuple[int, float, float], ...]
    rho: float | None


def reality(rows: pd.DataFrame, quantities: Sequence[Quantity]) -> list[Reality]:
    """One of each condition of latency under which two networks were measured."""
    found: list[Reality] = []
    for quantity in (each for each in quantities if each.field.startswith("latency_ms")):
        points = ratios(rows, quantity)
        if len(points) > 1:
            saved, timed = [x for _, x, _ in points], [y for _, _, y in points]
            rho = float(spearmanr(saved, timed).statistic) if len(points) >= LEAST else None
            found.append(Reality(quantity.field, quantity.title, tuple(points), rho))
    return found


def ratios(rows: pd.DataFrame, quantity: Quantity) -> list[tuple[int, float, float]]:
    """Place of a network's first row, its multiply-adds and its latency over those of its reference."""
    known = rows[quantity.known(rows) & rows["macs"].notna()]
    networks = known.drop_duplicates(["architecture", "conv", "deployed"])
    standard = networks[networks["of_reference"]]
    places = {label: place for place, label in enumerate(rows.index)}
    found = []
    for label, row in networks.iterrows():
        own = standard[(standard["deployed"] == row["deployed"]) & (standard["architecture"] == row["architecture"])]
        beside = own if len(own) else standard[standard["deployed"] == row["deployed"]]
        if len(beside) == 1 or len(own):
            one = beside.iloc[0]
            saved, timed = (round(float(row[name] / one[name]), 4) for name in ("macs", quantity.field))
            found.append((places[label], saved, timed))
    return found
