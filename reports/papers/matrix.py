"""Methods by convs as a heat map, for papers: each cell a row's score, shaded by it, a figure an architecture."""

from collections.abc import Iterator, Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from cheapconv.reports.answers.content import Content
from cheapconv.reports.papers import style
from cheapconv.reports.papers.style import FAINT, HEAT, INK, PANEL
from cheapconv.reports.rows.columns import method_label, percent

MOST_ROWS, MOST_COLUMNS = 40, 12  # of a figure; what is beyond has a figure of its own
ROW, HEAD = 0.19, 0.75  # inches
LABELS, LETTER = 1.0, 0.068  # inches, of the names at the left and of one letter
NARROW = 4  # columns that fit into a single column of text
SHADES = LinearSegmentedColormap.from_list("shades", ["white", HEAT])
LIGHTEST, DARKEST = 0.05, 0.95


def figures(content: Content) -> Iterator[tuple[str, Figure]]:
    """One an architecture, or more where it has more methods or convs than a page is wide or high."""
    number = 0
    for architecture, rows in content.rows.groupby("architecture", sort=False):
        rows = rows.assign(label=[method_label(row) for _, row in rows.iterrows()])
        convs, labels = [*dict.fromkeys(rows["conv"])], [*dict.fromkeys(rows.sort_values("place")["label"])]
        for across in _parts(convs, MOST_COLUMNS):
            for down in _parts(labels, MOST_ROWS):
                number += 1
                title = f"{style.shown(architecture)}: {content.sweep.score.heading}"
                yield "matrix" if number == 1 else f"matrix-{number}", matrix(rows, across, down, title)


def matrix(rows: pd.DataFrame, convs: Sequence[str], labels: Sequence[str], title: str) -> Figure:
    """A cell for each conv, across, and method, down; what is not comparable is in italics and not shaded."""
    width = style.SINGLE if len(convs) <= NARROW else style.DOUBLE
    figure = style.new(width, HEAD + ROW * len(labels))
    axes = figure.add_subplot()
    axes.set(xlim=(0, len(convs)), ylim=(len(labels), 0))
    scores = rows.loc[rows["comparable"], "top1_mean"]
    for _, row in rows[rows["conv"].isin(convs) & rows["label"].isin(labels)].iterrows():
        _cell(axes, row, convs.index(row["conv"]), labels.index(row["label"]), (scores.min(), scores.max()))
    axes.set_facecolor(PANEL)
    axes.set_xticks([place + 0.5 for place in range(len(convs))], [style.shown(each, 20) for each in convs])
    axes.set_yticks([place + 0.5 for place in range(len(labels))], [style.shown(each) for each in labels])
    room = (width - LABELS) / len(convs) / LETTER
    turned = max(len(style.shown(each, 20)) for each in convs) > room
    axes.tick_params(length=0, labelcolor=INK, bottom=False, labelbottom=False, labeltop=True)
    if turned:
        axes.tick_params(axis="x", labelrotation=35)
        for label in axes.get_xticklabels():
            label.set(horizontalalignment="left", rotation_mode="anchor")
    axes.spines[:].set_visible(False)
    axes.set_title(title, fontsize=8, loc="left")
    return figure


def _cell(axes: Axes, row: pd.Series, x: int, y: int, scores: tuple[float, float]) -> None:
    low, high = scores
    fair = bool(row["comparable"])
    share = (row["top1_mean"] - low) / (high - low) if fair and high > low else 0.0
    shade = SHADES(LIGHTEST + (DARKEST - LIGHTEST) * share) if fair else "white"
    axes.add_patch(Rectangle((x, y), 1, 1, facecolor=shade, edgecolor="white", linewidth=1.0))
    axes.text(
        x + 0.5,
        y + 0.52,
        percent(row["top1_mean"]),
        ha="center",
        va="center",
        fontsize=7,
        color=INK if fair else FAINT,
        fontstyle="normal" if fair else "italic",
        fontweight="bold" if row["is_best"] else "normal",
    )


def _parts(names: list[str], most: int) -> list[list[str]]:
    return [names[start : start + most] for start in range(0, len(names), most)]
