"""Whose seconds mean little, because the machine did other work too: told by what should have taken the same time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from cheapconv.reports.rows.collect import Record

LEAST_EPOCHS = 3  # of which it is asked whether they took the same time
UNEVEN = 1.25  # a quiet machine stays below 1.2, and a busy one was seen at 1.4


def epochs(record: Record) -> str:
    """What is to be said where the epochs of a training, alike as they are, took UNEVEN times what a quarter of them
    took at most. Those of a network that was changed meanwhile are not alike."""
    if record.result is None or any(network.changed for network in record.result.networks):
        return ""
    seconds = np.array([row.seconds for row in record.run.curve()])
    if len(seconds) < LEAST_EPOCHS or seconds.mean() <= UNEVEN * np.quantile(seconds, 0.25):
        return ""
    return f"its epochs took from {seconds.min():.3g} to {seconds.max():.3g} s"


def seeds(records: Sequence[Record]) -> dict[str, str]:
    """By key the same of trainings that differ in nothing but their seed, on one machine that they had to themselves,
    where one of them took more than UNEVEN times what another took: then of each of them."""
    known = {record.key: record.cell for record in records}
    alike: dict[tuple[str, ...], list[tuple[str, float]]] = {}
    for record in records:
        if record.result is None or any(network.changed for network in record.result.networks):
            continue
        if record.sharing > 1 or len(record.machines) != 1:
            continue
        cell, teacher = record.cell, known.get(record.cell.teacher or "")
        recipe = sorted((name, repr(value)) for name, value in cell.recipe.items() if value is not None)
        names = cell.text, teacher.text if teacher else "", repr(recipe), record.trained_on
        alike.setdefault(names, []).append((record.key, record.result.train_s))
    found = dict[str, str]()
    for cells in alike.values():
        least, most = (of(seconds for _, seconds in cells) for of in (min, max))
        if most > UNEVEN * least:
            found |= {key: f"its seeds took from {least:.3g} to {most:.3g} s" for key, _ in cells}
    return found
