"""What tells cells apart that share architecture, conv and method: recipe numbers an entry overrode, other teachers.

Without it two learning rates would be averaged as if they were two seeds.
"""

import operator
from collections import Counter
from collections.abc import Iterable, Mapping

from cheapconv.engine.store.cell import CellRecord

LABELS = operator.attrgetter("architecture_label", "conv_label", "method_label")


def common(recipes: Iterable[Mapping[str, object]]) -> dict[str, str]:
    """Each number of the recipes, nested ones as `schedule.name`, with the value that most of them have.

    A null is as good as absent, as in the cell's key: older cells lack what recipes have learnt since.
    """
    return _usual([_flat(recipe) for recipe in recipes])


def variants(cells: Mapping[str, CellRecord]) -> dict[str, str]:
    """By the key of each cell what completes its labels: `lr=0.05`, `teacher=WRN-16-2 S`, mostly nothing."""
    recipes = [_flat(cell.recipe) for cell in cells.values()]
    usual = _usual(recipes)
    rows, teachers = [], []
    found: dict[tuple[str, ...], set[str]] = {}  # teachers by row
    for recipe, cell in zip(recipes, cells.values(), strict=True):
        teacher = cells.get(cell.teacher or "")
        own = {name: recipe.get(name, "none") for name in usual}
        rows.append((*LABELS(cell), ", ".join(f"{k}={v}" for k, v in own.items() if v != usual[k])))
        teachers.append(f"teacher={' '.join(LABELS(teacher))}" if teacher else "no teacher")
        found.setdefault(rows[-1], set()).add(teachers[-1])
    named = [teacher if len(found[row]) > 1 else "" for row, teacher in zip(rows, teachers, strict=True)]
    texts = [", ".join(filter(None, (row[-1], teacher))) for row, teacher in zip(rows, named, strict=True)]
    return dict(zip(cells, texts, strict=True))


def _usual(recipes: list[dict[str, str]]) -> dict[str, str]:
    """By number what most of the recipes have."""
    names = dict.fromkeys(name for recipe in recipes for name in recipe)
    return {name: Counter(recipe.get(name, "none") for recipe in recipes).most_common(1)[0][0] for name in names}


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
