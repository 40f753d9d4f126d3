"""What the cells of a sweep answer image by image: for the statistics of its rows, and to see what teachers passed on.

Only as trained, and only where a cell's mistakes were kept: of deployments, and of cells of before, counts are all that
there is. The score that is compared is the mean of the networks that count, and so is what they have right.

Agreement is the share of test images that a network answers as its teacher does, rightly or wrongly (fidelity: Stanton
et al., "Does Knowledge Distillation Really Work?", NeurIPS 2021). A network that has no teacher is set beside the one
that the others of its seed and recipe have, or if nobody is taught by that recipe the others of its seed, where it is
one: whoever is taught has to agree more than that.
"""

import json
from collections import defaultdict
from collections.abc import Mapping

import numpy as np
import pandas as pd

from cheapconv.engine.store import mistakes
from cheapconv.engine.store.cell import CellRecord
from cheapconv.reports.rows.collect import Collected, Record
from cheapconv.reports.statistics.images import COLUMN, Seed

AGREEMENT = "agreement"
Mistakes = list[np.ndarray]  # of the networks that count, (N,) each


def attach(cells: pd.DataFrame, sweep: Collected) -> pd.DataFrame:
    """The cells with the columns COLUMN and AGREEMENT."""
    teachers, seeds, agreement = teachers_of(sweep), dict[str, Seed](), dict[str, float]()
    others = {*teachers.values()}
    taught_by = {record.key: counted(record) for record in sweep.done if record.key in others}
    for record in sweep.done:
        found, teacher = counted(record), taught_by.get(teachers.get(record.key, ""))
        if found:
            right = np.stack([one == 0 for one in found]).sum(axis=0, dtype=np.uint8)
            seeds[record.key] = Seed(f"{record.cell.suite}, {record.cell.data}", right, len(found))
        if found and teacher and len(teacher[0]) == len(found[0]):
            agreement[record.key] = float(np.mean([(one == teacher[0]).mean() for one in found]))
    keys = cells["key"].where(cells["deployed"] == "")
    return cells.assign(**{COLUMN: keys.map(seeds).astype(object), AGREEMENT: keys.map(agreement).astype(float)})


def teachers_of(sweep: Collected) -> Mapping[str, str]:
    """By the key of a finished cell that of its teacher, or of the only one that cells of its seed and recipe have, or
    of its seed; none of that teacher itself."""
    of_seed, alike = defaultdict[int, set[str]](set), defaultdict[tuple[int, str], set[str]](set)
    for cell in (record.cell for record in sweep.records):
        if cell.teacher:
            of_seed[cell.seed].add(cell.teacher)
            alike[seed_and_recipe(cell)].add(cell.teacher)
    found = {}
    for record in sweep.done:
        cell = record.cell
        others = alike.get(seed_and_recipe(cell)) or of_seed[cell.seed]
        keys = {cell.teacher} if cell.teacher else others
        if len(keys) == 1 and (key := next(iter(keys))) and key != record.key:
            found[record.key] = key
    return found


def seed_and_recipe(cell: CellRecord) -> tuple[int, str]:
    """What cells have in common that are trained by one recipe from one seed."""
    return cell.seed, json.dumps(cell.recipe, sort_keys=True)


def counted(record: Record) -> Mistakes:
    """Mistakes of its networks that count; empty where they are not known, or do not come to the score."""
    result = record.result
    found = mistakes.read(record.run, result) if result else None
    if result is None or found is None or not all(network.name in found for network in result.counted):
        return []
    own = [found[network.name] for network in result.counted]
    right = np.mean([(one == 0).mean() for one in own])
    return own if abs(right - result.score) < 0.5 / len(own[0]) else []
