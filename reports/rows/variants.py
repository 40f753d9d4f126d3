"""What tells cells apart that share architecture, conv and method: recipe numbers an entry overrode, other teachers.

Without it two learning rates would be averaged as if they were two seeds.
"""

import operator
from collections import Counter
from collections.abc import Mapping

import pandas as pd

from cheapconv.reports.rows.collect import Collected

LABELS = operator.attrgetter("architecture_label", "conv_label", "method_label")


def common_recipe(sweep: Collected) -> dict[str, str]:
    """Each number of the recipe, nested ones as `schedule.name`, with the value that most cells have.

    A null is as good as absent, as in the cell's key: older cells lack what recipes have learnt since.
    """
    recipes = [_flat(record.cell.recipe) for record in sweep.records]
    names = dict.fromkeys(name for recipe in recipes for name in recipe)
    return {name: Counter(recipe.get(name, "none") for recipe in recipes).most_common(1)[0][0] for name in names}


def variants(sweep: Collected) -> pd.Series:
    """By the key of each known cell what completes its labels: `lr=0.05`, `teacher=WRN-16-2 S`, mostly nothing."""
    common = common_recipe(sweep)
    cells = {record.key: record.cell for record in sweep.records}
    rows, teachers = [], []
    found: dict[tuple[str, ...], set[str]] = {}  # teachers by row
    for record in sweep.records:
        recipe, teacher = _flat(record.cell.recipe), cells.get(record.cell.teacher or "")
        own = {name: recipe.get(name, "none") for name in common}
        rows.append((*LABELS(record.cell), ", ".join(f"{k}={v}" for k, v in own.items() if v != common[k])))
        teachers.append(f"teacher={' '.join(LABELS(teacher))}" if teacher else "no teacher")
        found.setdefault(rows[-1], set()).add(teachers[-1])
    named = [teacher if len(found[row]) > 1 else "" for row, teacher in zip(rows, teachers, strict=True)]
    texts = [", ".join(filter(None, (row[-1], teacher))) for row, teacher in zip(rows, named, strict=True)]
    return pd.Series(texts, index=[record.key for record in sweep.records], dtype=str)


def _flat(recipe: Mapping[str, object], prefix: str = "") -> dict[str, str]:
    """Nested settings as one level of dotted names, values as text."""
    flat: dict[str, str] = {}
    for name, value in recipe.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{name}.")
        elif value is not None:
            flat[prefix + name] = value if isinstance(value, str) else _text(value)
    return flat


def _text(value: object) -> str:
    """Numbers as people write them, truth as yes and no."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return f"({', '.join(_text(item) for item in value)})"
    return f"{value:g}" if isinstance(value, float) else str(value)
