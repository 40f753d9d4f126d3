"""Numbers of the committed sweeps that surprise: for docs/reproduction.md, which says what was found of them."""

from collections.abc import Sequence

import pandas as pd

from cheapconv.reports.answers.content import Content
from cheapconv.reports.answers.findings import MOST_TIED
from cheapconv.reports.answers.words import name
from cheapconv.reports.statistics import oddities
from cheapconv.reports.statistics.oddities import Odd

POINT = 0.01


def surprises(found: Sequence[Content]) -> str:
    """Of each sweep the rows a point or more below training alone, those whose seeds lie a point or more apart, and
    those whose score means nothing."""
    return "\n".join(line for content in found for line in (f"- {content.sweep.name}", *_told(content)))


def _told(content: Content) -> list[str]:
    """A line for each of the three."""
    beside, apart = oddities.beside_alone(content.rows), oddities.unsteady(content.rows)
    below = [(odd, f"{name(odd.row)} {-100 * odd.amount:.2f}") for odd in beside if odd.amount >= POINT]
    ranges = [(odd, *_range(content.cells, odd.row)) for odd in apart]
    wide = [
        (odd, f"{name(odd.row)} {100 * low:.2f} to {100 * high:.2f} %")
        for odd, low, high in ranges
        if high - low >= POINT
    ]
    empty = content.rows[content.rows["warnings"] != ""]
    return [
        _part("a point or more below training alone", len(beside), below),
        _part("seeds a point or more apart", len(apart), wide),
        f"  - without meaning: {', '.join(name(row) for _, row in empty.iterrows()) or 'none'}",
    ]


def _part(what: str, asked: int, odd: Sequence[tuple[Odd, str]]) -> str:
    """How many of the rows that were asked, the first of them, and those that are more than chance."""
    if not asked:
        return f"  - {what}: not asked, for there are no such complete rows"
    if not odd:
        return f"  - {what}: none of {asked}"
    beyond = [name(each.row) for each, _ in odd if each.resolved]
    more = f" and {len(odd) - MOST_TIED} more" if len(odd) > MOST_TIED else ""
    listed = ", ".join(text for _, text in odd[:MOST_TIED])
    return f"  - {what}: {len(odd)} of {asked} ({listed}{more}); by more than chance: {', '.join(beyond) or 'none'}"


def _range(cells: pd.DataFrame, row: pd.Series) -> tuple[float, float]:
    """The least and the largest score of a row's seeds."""
    own = (cells["deployed"] == "") & (cells["state"] == "done")
    for column in ("architecture", "conv", "method", "variant"):
        own &= cells[column] == row[column]
    scores = cells.loc[own, "top1"].astype(float)
    return float(scores.min()), float(scores.max())
