"""Theory against reality, for papers: what a conv saves in multiply-adds and in latency, both as ratios to the standard
network. On the dotted line every multiply-add that is saved is time saved."""

from collections.abc import Iterator

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from cheapconv.reports.answers.content import Content
from cheapconv.reports.papers import placement, style
from cheapconv.reports.papers.style import COLOURS, FAINT, INK, LineLook
from cheapconv.reports.rows.quantities import axes
from cheapconv.reports.rows.reality import Reality, reality

HEIGHT = 3.3  # inches
DOTTED = LineLook(color=FAINT, linewidth=0.8, linestyle=(0, (1, 1.5)))


def figures(content: Content) -> Iterator[tuple[str, Figure]]:
    """One for each condition under which two networks or more were timed."""
    for found in reality(content.rows, axes(content.rows)):
        yield f"reality-{found.field}", draw(content.rows, found)


def draw(rows: pd.DataFrame, found: Reality) -> Figure:
    """A point a network, with its name where there is room; in another colour where it is not faster for fewer."""
    points = found.points
    xs, ys = [point.macs for point in points], [point.latency for point in points]
    figure = style.new(style.SINGLE, HEIGHT)
    axes = figure.add_subplot()
    style.log_axis(axes, "x", xs)
    style.log_axis(axes, "y", ys)
    style.grid(axes)
    axes.axline((0.1, 0.1), (1, 1), zorder=1, **DOTTED)
    axes.axhline(1, color=FAINT, linewidth=0.6, zorder=1)
    by_label = style.by_label(rows)
    colours = {p.label: colour(by_label[p.label], p.macs, p.latency) for p in points}
    axes.scatter(xs, ys, s=16, c=[*colours.values()], edgecolors="white", linewidths=0.4, zorder=3)
    axes.set_xlabel("Multiply-adds, the standard conv's being 1")
    axes.set_ylabel(f"{found.title}, the standard conv's being 1")
    named = zip(("faster", "not faster", "the standard conv"), (COLOURS[1], COLOURS[2], INK), strict=True)
    signs = [style.dot(name, color=own, markersize=4) for name, own in named if own in colours.values()]
    style.legend(figure, [*signs, Line2D([], [], label="equal saving", **DOTTED)], "outside upper center", columns=2)
    if found.rho is not None:
        axes.set_title(f"Spearman's rho over {len(points)} networks: {found.rho:.2f}", fontsize=7, loc="left")
    names = style.networks(rows)
    texts = [placement.Label(p.macs, p.latency, style.shown(names[p.label], 22)) for p in points]
    even = [(axes.get_xlim()[0], 1.0), (axes.get_xlim()[1], 1.0)]
    placement.place(figure, axes, texts, [*zip(xs, ys, strict=True)], [even])
    return figure


def colour(row: pd.Series, macs: float, latency: float) -> str:
    """Of a network by its ratios."""
    if row["of_reference"]:
        return INK
    return COLOURS[2] if latency >= 1 and macs < 1 else COLOURS[1]
