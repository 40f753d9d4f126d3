"""What a cheap conv costs and what the best method wins back, for papers: of each network the standard one, itself
trained alone and by its best method, each with its 95 % interval; from most multiply-adds to fewest."""

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd
from matplotlib.figure import Figure

from cheapconv.reports.answers.content import Content
from cheapconv.reports.papers import style
from cheapconv.reports.papers.style import COLOURS, INK
from cheapconv.reports.rows.columns import method_label
from cheapconv.reports.statistics import differences, gap

ROW, HEAD = 0.24, 0.85  # inches
MOST = 30  # networks of a figure
APART = 0.16  # of a row's height, between the two networks that it compares


@dataclass(frozen=True)
class Attributed:
    """Labels of the rows of one network; `best` is None where it was trained alone only."""

    name: str
    standard: int | None
    alone: int
    best: int | None


def attribution(rows: pd.DataFrame) -> list[Attributed]:
    """Of each network of the comparable rows, as trained, that was trained alone and is no standard one of others."""
    trained = rows[rows["comparable"] & (rows["deployed"] == "")].sort_values("macs", ascending=False, kind="stable")
    names, known = style.networks(rows), style.by_label(trained)
    baselines = gap.alone(rows)
    references = {label: row for label, row in known.items() if row["is_reference"]}
    found = []
    for network in dict.fromkeys((row["architecture"], row["conv"]) for row in known.values()):
        own = {label: row for label, row in known.items() if (row["architecture"], row["conv"]) == network}
        beside = [label for label, row in references.items() if row["architecture"] == network[0]]
        standard = next((label for label in (*beside, *references) if label in baselines), None)
        alone = next((label for label in own if label in baselines), None)
        recipe = "" if alone is None else gap.of_recipe(own[alone]["variant"])
        others = [
            label for label, row in own.items() if not row["is_baseline"] and gap.of_recipe(row["variant"]) == recipe
        ]
        if alone is not None and standard not in own:
            best = max(others, key=lambda label: known[label]["top1_mean"], default=None)
            found.append(Attributed(str(names[alone]), standard, alone, best))
    return found


def figures(content: Content) -> Iterator[tuple[str, Figure]]:
    """One, or more where there are more networks than a page is high."""
    found = attribution(content.rows)
    for start in range(0, len(found), MOST):
        name = f"attribution-{start // MOST + 1}" if start else "attribution"
        yield name, draw(content, found[start : start + MOST])


def draw(content: Content, found: list[Attributed]) -> Figure:
    """A line of points for each network; at the right the name of its best method."""
    figure = style.new(style.SINGLE, HEAD + ROW * len(found))
    axes = figure.add_subplot()
    rows = style.by_label(content.rows)
    for place, each in enumerate(found):
        if each.standard is not None:
            mean = 100 * rows[each.standard]["top1_mean"]
            axes.plot([mean] * 2, [place - 0.36, place + 0.36], color=INK, linewidth=1.2, solid_capstyle="butt")
        for label, y, colour, marker in (
            (each.alone, place + APART, COLOURS[2], "o"),
            (each.best, place - APART, COLOURS[1], "D"),
        ):
            if label is not None:
                low, high = differences.interval(rows[label])
                axes.plot([100 * low, 100 * high], [y] * 2, color=colour, linewidth=0.9)
                axes.plot([100 * rows[label]["top1_mean"]], [y], color=colour, marker=marker, markersize=3.6)
    best = [style.shown(method_label(rows[each.best]), 18) if each.best is not None else "" for each in found]
    axes.set_yticks(range(len(found)), [style.shown(each.name, 20) for each in found])
    axes.set_ylim(len(found) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0, labelcolor=INK)
    right = axes.secondary_yaxis("right")
    right.set_yticks(range(len(found)), best)
    right.tick_params(axis="y", length=0, labelcolor=COLOURS[1])
    right.spines["right"].set_visible(False)
    axes.set_xlabel(style.shown(content.sweep.score.heading))
    style.grid(axes, "x")
    handles = [
        style.dot("alone", color=COLOURS[2], markersize=4),
        style.dot("by its best method", color=COLOURS[1], marker="D", markersize=4),
        style.dot("standard conv, alone", marker="|", markersize=7, markeredgewidth=1.2),
    ]
    style.legend(figure, handles, "outside upper center", columns=3)
    return figure
