"""Numbers of the committed sweeps that surprise: for docs/reproduction.md, which says what was found of them."""

from collections.abc import Sequence

import pandas as pd

from cheapconv.reports.answers.content import Content
from cheapconv.reports.answers.words import name
from cheapconv.reports.statistics import oddities
from cheapconv.reports.statistics.oddities import Odd

POINT = 0.01
NAMED = 3


def surprises(found: Sequence[Content]) -> str:
    """Of each sweep the rows a point or more below training alone, those whose seeds lie a point or more apart, and
    those whose score means nothing."""
    return "\n".join(line for content in found for line in (f"- {content.sweep.name}", *_told(content)))


def _told(content: Content) -> list[str]:
    """A line for each of the three."""
    below, apart = oddities.below_alone(content.rows), oddities.unsteady(content.rows)
    ranges = {id(odd.row): _range(content.cells, odd.row) for odd in apart}
    wide = sorted(
        (odd for odd in apart if _width(ranges[id(odd.row)]) >= POINT), key=lambda odd: -_width(ranges[id(odd.row)])
    )
    far = [odd for odd in below if odd.amount >= POINT or odd.resolved]
    empty = content.rows[content.rows["warnings"] != ""]
    return [
        _part("a point or more below training alone", far, [f"{name(o.row)} {-100 * o.amount:.2f}" for o in far]),
        _part(
            f"seeds a point or more apart, of {len(apart)} rows of several",
            wide,
            ["{} {:.2f} to {:.2f} %".format(name(o.row), *(100 * end for end in ranges[id(o.row)])) for o in wide],
        ),
        f"  - without meaning: {', '.join(name(row) for _, row in empty.iterrows()) or 'none'}",
    ]


def _part(what: str, odd: Sequence[Odd], told: Sequence[str]) -> str:
    """How many there are, the first of them, and how many are more than chance."""
    if not odd:
        return f"  - {what}: none"
    beyond = [name(each.row) for each in odd if each.resolved]
    more = f" and {len(told) - NAMED} more" if len(told) > NAMED else ""
    return (
        f"  - {what}: {len(odd)} ({', '.join(told[:NAMED])}{more}); by more than chance: {', '.join(beyond) or 'none'}"
    )


def _range(cells: pd.DataFrame, row: pd.Series) -> tuple[float, float]:
    """The least and the largest score of a row's seeds."""
    own = (cells["deployed"] == "") & (cells["state"] == "done")
    for column in ("architecture", "conv", "method", "variant"):
        own &= cells[column] == row[column]
    scores = cells.loc[own, "top1"].astype(float)
    return float(scores.min()), float(scores.max())


def _width(ends: tuple[float, float]) -> float:
    """Of a range."""
    return ends[1] - ends[0]
