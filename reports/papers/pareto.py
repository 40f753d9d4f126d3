"""Score against a cost, for papers: every comparable row at its true cost with its 95 % interval, and the front of the
means as steps, what a cost buys at best."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from cheapconv.reports.answers.content import Content
from cheapconv.reports.papers import placement, style
from cheapconv.reports.papers.style import COLOURS, FAINT, INK, MARKERS, LineLook, Look
from cheapconv.reports.rows import equal_cost
from cheapconv.reports.rows.columns import method_label
from cheapconv.reports.rows.quantities import Quantity, axes
from cheapconv.reports.statistics import differences

HEIGHT = 3.4  # inches
LONGEST = 34  # characters of a label
FRONT = "Pareto front of the means"
DASHED = LineLook(color=FAINT, linewidth=0.9, linestyle=(0, (4, 2)))
TRAINED, DEPLOYED = 22.0, 11.0  # areas of markers, points squared


def figures(content: Content) -> Iterator[tuple[str, Figure]]:
    """One for each quantity that a comparable row has, named after its column."""
    comparable = content.rows[content.rows["comparable"]]
    for quantity in axes(comparable) if len(comparable) else []:
        yield f"pareto-{quantity.field}", pareto(content, comparable, quantity)


def pareto(content: Content, comparable: pd.DataFrame, quantity: Quantity) -> Figure:
    """The figure of one quantity."""
    known = comparable[comparable[quantity.field].notna()]
    rows, looks = style.by_label(known), style.look(content.rows)
    points = {label: (row[quantity.field] / quantity.scale, 100 * row["top1_mean"]) for label, row in rows.items()}
    figure = style.new(style.DOUBLE, HEIGHT)
    axes = figure.add_subplot()
    style.log_axis(axes, "x", [x for x, _ in points.values()])
    style.grid(axes)
    bars, doubted = [], quantity.doubted(known)
    for label, row in rows.items():
        bars.append([(points[label][0], 100 * bound) for bound in differences.interval(row)])
        _point(axes, points[label], bars[-1], row, looks, label in doubted)
    front = list(equal_cost.frontier(comparable, quantity))
    steps = [points[label] for label in front]
    corners = [corner for a, b in pairwise(steps) for corner in (a, (b[0], a[1]))] + steps[-1:]
    axes.plot(*zip(*corners, strict=True), zorder=1, label=FRONT, **DASHED)
    axes.set_xlabel(f"{quantity.title} ({quantity.unit}), log scale")
    axes.set_ylabel(style.shown(content.sweep.score.heading))
    style.legend(figure, signs(known, quantity, looks), "outside right upper")
    names = style.networks(content.rows)
    labels = [
        placement.Label(*points[label], style.shown(f"{names[label]}, {method_label(rows[label])}", LONGEST))
        for label in reversed(front)
    ]
    placement.place(figure, axes, labels, [*points.values()], [*bars, corners])
    return figure


def _point(
    axes: Axes, at: tuple[float, float], bar: Sequence[tuple[float, float]], row: pd.Series, looks: Look, is_open: bool
) -> None:
    """An interval behind, a marker before it; that of a doubtful number is open, a reference's has an edge of ink."""
    colour, standard = looks.colour(row), bool(row["of_reference"])
    axes.plot(*zip(*bar, strict=True), color=colour, alpha=0.45, linewidth=0.7, zorder=2)
    axes.scatter(
        *at,
        s=DEPLOYED if row["deployed"] else TRAINED,
        marker=looks.marker(row),
        facecolors="white" if is_open else colour,
        edgecolors=INK if standard else colour if is_open else "white",
        linewidths=1.0 if standard or is_open else 0.4,
        zorder=4 if standard else 3,
    )


def signs(rows: pd.DataFrame, quantity: Quantity, looks: Look) -> list[Artist]:
    """The legend: what colours, markers, edges and the line mean."""
    found: list[Artist] = [style.heading(f"colour: {looks.meaning}")]
    present, convs = {looks.of(row) for _, row in rows.iterrows()}, {*rows["conv"]}
    found += [style.dot(name, color=COLOURS[i]) for i, name in enumerate(looks.names) if name in present]
    if len(looks.convs) > 1:
        found.append(style.heading("marker: conv"))
        named = [(name, marker) for name, marker in zip(looks.convs, MARKERS, strict=False) if name in convs]
        found += [style.dot(name, color=FAINT, marker=marker) for name, marker in named]
    if rows["of_reference"].any():
        found.append(style.dot("standard network", markerfacecolor=FAINT, markeredgewidth=1.2))
    if quantity.doubted(rows):
        found.append(style.dot("doubtful timing", color=FAINT, markerfacecolor="white"))
    if rows["deployed"].any():
        found.append(style.dot("small: deployed", color=FAINT, markersize=3))
    found.append(Line2D([], [], label=FRONT, **DASHED))
    found.append(Line2D([], [], color=FAINT, linewidth=0.7, label="95 % interval"))
    return found
