"""What tells cells apart that share architecture, conv and method: recipe numbers an entry overrode, other teachers.

Without it two learning rates would be averaged as if they were two seeds.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import pandas as pd

from cheapconv.engine.store.cell import CellRecord
from cheapconv.reports.collect import Collected


def common_recipe(sweep: Collected) -> dict[str, str]:
    """Each number of the recipe, nested ones as `schedule.name`, with the value that most cells have.

    A null is as good as absent, as in the cell's key: older cells lack what recipes have learnt since.
    """
    recipes = [_flat(record.cell.recipe) for record in sweep.records]
    names = dict.fromkeys(name for recipe in recipes for name in recipe)
    return {name: Counter(recipe.get(name, "none") for recipe in recipes).most_common(1)[0][0] for name in names}


def variants(sweep: Collected) -> pd.Series:
    """For each known cell the text that completes its labels: `lr=0.05`, `teacher=WRN-16-2 S`, mostly nothing."""
    common = common_recipe(sweep)
    cells = {record.key: record.cell for record in sweep.records}
    recipes = [_differences(_flat(record.cell.recipe), common) for record in sweep.records]
    teachers = [_teacher(record.cell, cells) for record in sweep.records]
    rows = [(*_labels(record.cell), recipe) for record, recipe in zip(sweep.records, recipes, strict=True)]
    found = {row: {t for r, t in zip(rows, teachers, strict=True) if r == row} for row in rows}
    named = [t if len(found[row]) > 1 else "" for row, t in zip(rows, teachers, strict=True)]
    return pd.Series([", ".join(filter(None, pair)) for pair in zip(recipes, named, strict=True)], dtype=str)


def _labels(cell: CellRecord) -> tuple[str, str, str]:
    return cell.architecture_label, cell.conv_label, cell.method_label


def _teacher(cell: CellRecord, cells: Mapping[str, CellRecord]) -> str:
    teacher = cells.get(cell.teacher or "")
    return f"teacher={' '.join(_labels(teacher))}" if teacher else "no teacher"


def _differences(recipe: Mapping[str, str], common: Mapping[str, str]) -> str:
    own = {name: recipe.get(name, "none") for name in common}
    return ", ".join(f"{name}={value}" for name, value in own.items() if value != common[name])


def _flat(recipe: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Nested settings as one level of dotted names, values as text."""
    flat: dict[str, str] = {}
    for name, value in recipe.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{name}.")
        elif value is not None:
            flat[prefix + name] = value if isinstance(value, str) else _text(value)
    return flat


def _text(value: Any) -> str:
    """Numbers as people write them, truth as yes and no."""
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "none"}[value]
    if isinstance(value, list):
        return f"({', '.join(_text(item) for item in value)})"
    return f"{value:g}" if isinstance(value, float) else str(value)
