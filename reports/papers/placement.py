"""Labels of points that cover neither each other nor a point: each at the best of some places around its point.

The first label that is placed has the choice; one for which there is no free place is left out, since a label over
another one tells nothing. Places are compared after the layout of the figure is known.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Annotation
from matplotlib.transforms import Bbox

from cheapconv.reports.papers.style import FAINT, INK

ANGLES = (45, 135, 315, 225, 0, 180, 90, 270, 20, 160, 340, 200, 70, 110)  # degrees, the usual places first
DISTANCES = (5, 9, 15, 22, 30, 40)  # points
LEADER = 8  # from this distance on a thin line leads to the point
MARKER, GAP = 3.5, 0.8  # points: half of a marker, and what is left free around a label
CROSSING = 12  # points of distance that a label goes to cross one line less
TEXT_SIZE = 6.5


@dataclass(frozen=True)
class Label:
    """A text for the point x, y of the data."""

    x: float
    y: float
    text: str


def place(
    figure: Figure,
    axes: Axes,
    labels: Sequence[Label],
    points: Sequence[tuple[float, float]],
    lines: Sequence[Sequence[tuple[float, float]]] = (),
) -> list[Annotation]:
    """Draw as many labels as have room, the first ones first; `lines` are crossed only where nothing else is free."""
    figure.draw_without_rendering()  # the layout, and with it where everything is
    scale = figure.dpi / 72
    half = MARKER * scale
    centres = [axes.transData.transform(point) for point in points]
    taken = [Bbox.from_extents(x - half, y - half, x + half, y + half) for x, y in centres]
    crossed = [segment for line in lines for segment in _segments(axes.transData.transform([*line]).tolist())]
    placed: list[Annotation] = []
    for label in labels:
        draft = annotate(axes, label)
        size = draft.get_window_extent()
        draft.remove()
        at = axes.transData.transform((label.x, label.y)).tolist()
        found = best(at, (size.width / scale, size.height / scale), scale, axes.bbox, taken, crossed)
        if found is not None:
            (dx, dy, distance), box = found
            placed.append(annotate(axes, label, (dx, dy), distance >= LEADER))
            taken.append(box)
    return placed


def annotate(axes: Axes, label: Label, offset: tuple[float, float] = (0, 0), leader: bool = False) -> Annotation:
    """The text at an offset in points, without an influence on the layout."""
    line = {"arrowstyle": "-", "color": FAINT, "linewidth": 0.4, "shrinkA": 0.5, "shrinkB": 2.5}
    note = axes.annotate(
        label.text,
        (label.x, label.y),
        offset,
        textcoords="offset points",
        fontsize=TEXT_SIZE,
        color=INK,
        zorder=6,
        bbox={"facecolor": "white", "alpha": 0.7, "edgecolor": "none", "pad": GAP / 2},
        arrowprops=line if leader else None,
    )
    note.set_in_layout(False)
    return note


def best(
    at: Sequence[float],
    size: tuple[float, float],
    scale: float,
    within: Bbox,
    taken: Sequence[Bbox],
    crossed: Sequence[Bbox],
) -> tuple[tuple[float, float, float], Bbox] | None:
    """Offset (points) of a text's lower left corner, its distance from the point, and its box (pixels)."""
    found, least = None, math.inf
    for distance in DISTANCES:
        for order, angle in enumerate(ANGLES):
            across, up = math.cos(math.radians(angle)), math.sin(math.radians(angle))
            dx = across * distance + (across - 1) / 2 * size[0]
            dy = up * distance + (up - 1) / 2 * size[1]
            left, low = at[0] + (dx - GAP) * scale, at[1] + (dy - GAP) * scale
            box = Bbox.from_bounds(left, low, (size[0] + 2 * GAP) * scale, (size[1] + 2 * GAP) * scale)
            inside = box.x0 >= within.x0 and box.x1 <= within.x1 and box.y0 >= within.y0 and box.y1 <= within.y1
            if not inside or box.count_overlaps(taken):
                continue
            cost = CROSSING * box.count_overlaps(crossed) + distance + order / len(ANGLES)
            if cost < least:
                found, least = ((dx, dy, distance), box), cost
    return found


def _segments(points: Sequence[Sequence[float]]) -> list[Bbox]:
    """Boxes of the upright and level pieces of a line."""
    return [
        Bbox.from_extents(min(a[0], b[0]), min(a[1], b[1]), max(a[0], b[0]), max(a[1], b[1]))
        for a, b in pairwise(points)
    ]
