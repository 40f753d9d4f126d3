"""Learning curves for papers: a panel a network, in it the mean over seeds of each of its rows."""

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import count

import pandas as pd
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from cheapconv.reports.answers.content import Content
from cheapconv.reports.papers import style
from cheapconv.reports.papers.style import COLOURS, DASHES, LineLook
from cheapconv.reports.rows import collect
from cheapconv.reports.rows.columns import method_label
from cheapconv.reports.rows.stats import ROW, row_id

ACROSS, DOWN = 3, 4  # panels of a figure
PANEL, HEAD = 1.65, 0.35  # inches
WIDTHS = (1.0, 1.8, 0.5)  # points; of the first DASHES, of the next, and so on


def curves(content: Content) -> dict[int, dict[int, float]]:
    """By the label of a row, as trained, its mean score over seeds by epoch, from 1: of epochs that all seeds have."""
    records = {record.key: record for record in content.sweep.records}
    labels = {row["id"]: label for label, row in style.by_label(content.rows).items()}
    of_cells: dict[int, list[dict[int, float]]] = {}
    for cell in content.cells[content.cells["deployed"] == ""].to_dict("records"):
        if found := collect.curve(records[cell["key"]]):
            of_cells.setdefault(labels[row_id({name: cell[name] for name in ROW})], []).append(found)
    return {
        label: {
            epoch + 1: sum(one[epoch] for one in found) / len(found)
            for epoch in found[0]
            if all(epoch in one for one in found)
        }
        for label, found in sorted(of_cells.items())
    }


def styles(rows: pd.DataFrame) -> dict[str, LineLook]:
    """Of each method's line: the colour its own, or where they are many that of its kind, in which dashes and widths
    tell them apart."""
    looks, found = style.look(rows), dict[str, LineLook]()
    numbers = {name: count() for name in looks.names}
    for _, row in rows.sort_values("place").iterrows():
        if method_label(row) not in found:
            number = next(numbers[looks.of(row)])
            dash, width = DASHES[number % len(DASHES)], WIDTHS[number // len(DASHES) % len(WIDTHS)]
            found[method_label(row)] = LineLook(color=looks.colour(row), linestyle=dash, linewidth=width)
    return found


def figures(content: Content) -> Iterator[tuple[str, Figure]]:
    """One, or more where there are more networks than panels on a page; none where no cell has a curve."""
    found = curves(content)
    rows = content.rows.loc[[*found]]
    if not len(rows):
        return
    names = style.networks(rows)
    networks = [*dict.fromkeys(names)]
    for number, start in enumerate(range(0, len(networks), ACROSS * DOWN), 1):
        own = {name: rows.index[names == name] for name in networks[start : start + ACROSS * DOWN]}
        yield "curves" if number == 1 else f"curves-{number}", draw(content, found, own, styles(rows))


def draw(
    content: Content,
    found: Mapping[int, Mapping[int, float]],
    panels: Mapping[str, Sequence[int]],
    styled: Mapping[str, LineLook],
) -> Figure:
    """All panels on the same axes."""
    down = math.ceil(len(panels) / ACROSS)
    across = math.ceil(len(panels) / down)
    figure = style.new(style.DOUBLE, HEAD + PANEL * max(down, 1 + len(styled) // 14))
    rows = style.by_label(content.rows)
    grid = figure.subplots(down, across, sharex=True, sharey=True, squeeze=False)
    for axes, (name, labels) in zip(grid.flat, panels.items(), strict=False):
        for label in labels:
            epochs, scores = zip(*found[label].items(), strict=True)
            axes.plot(epochs, [100 * score for score in scores], **styled[method_label(rows[label])])
        axes.set_title(style.shown(name))
        axes.xaxis.get_major_locator().set_params(integer=True)
        style.grid(axes)
    for axes in [*grid.flat][len(panels) :]:
        axes.set_visible(False)
        above = grid.flat[[*grid.flat].index(axes) - across]
        above.tick_params(labelbottom=True)
    figure.supxlabel("Epoch", fontsize=8)
    figure.supylabel(style.shown(content.sweep.score.heading), fontsize=8)
    style.legend(figure, signs(content.rows, styled), "outside right upper")
    return figure


def signs(rows: pd.DataFrame, styled: Mapping[str, LineLook]) -> list[Artist]:
    """The legend: methods, below the name of their kind where it is this that has the colour."""
    looks, found = style.look(rows), list[Artist]()
    for name, colour in zip(looks.names, COLOURS, strict=False):
        if looks.meaning != "method":
            found.append(style.heading(name))
        own = {method: line for method, line in styled.items() if line["color"] == colour}
        found += [Line2D([], [], label=style.shown(method), **line) for method, line in own.items()]
    return found
