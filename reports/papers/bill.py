"""The bill of training, for papers, a panel a network: what each row costs alone, its own steps, begin and finish, and
its teacher; and a mark where its own training shared batches and teachers with others, at what that cost."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from cheapconv.engine.store.bills import saved
from cheapconv.reports.answers.content import Content
from cheapconv.reports.papers import style
from cheapconv.reports.papers.style import COLOURS, INK
from cheapconv.reports.rows.columns import method_label

ACROSS, DOWN = 3, 4  # panels of a figure, as far as a page is high
ROW, HEAD, FOOT, HIGHEST = 0.15, 0.3, 0.7, 9.0  # inches
PARTS = (("steps", COLOURS[1]), ("begin and finish", COLOURS[5]), ("training of its teacher", COLOURS[0]))

SHARED: dict[str, Any] = {"color": INK, "marker": "|", "linestyle": "", "markersize": 9, "markeredgewidth": 1.5}


def parts(row: pd.Series) -> tuple[float, float, float]:
    """Seconds of each of PARTS, mean over seeds."""
    begin = 0.0 if pd.isna(row["method_s"]) else float(row["method_s"])
    return float(row["train_s"]) - begin, begin, float(row["train_s_with_teacher"]) - float(row["train_s"])


def figures(content: Content) -> Iterator[tuple[str, Figure]]:
    """One, or more where there are more networks than fit on a page, of rows whose seconds are in no doubt."""
    sound = (content.rows["deployed"] == "") & (content.rows["training_doubt"] == "")
    rows = content.rows[sound & content.rows["train_s_with_teacher"].notna()]
    if not len(rows):
        return
    rows = rows.assign(label=[method_label(row) for _, row in rows.iterrows()], network=style.networks(rows))
    methods = [*rows.groupby("label")["train_s_with_teacher"].median().sort_values(kind="stable").index]
    height = HEAD + ROW * len(methods)
    down = min(DOWN, max(1, int((HIGHEST - FOOT) / height)))
    networks = [*dict.fromkeys(rows["network"])]
    for number, start in enumerate(range(0, len(networks), ACROSS * down), 1):
        own = {name: rows[rows["network"] == name] for name in networks[start : start + ACROSS * down]}
        yield "bill" if number == 1 else f"bill-{number}", draw(own, methods, height)


def draw(panels: Mapping[str, pd.DataFrame], methods: Sequence[str], height: float) -> Figure:
    """Methods on the same lines in all panels, the cheapest first."""
    down = math.ceil(len(panels) / ACROSS)
    across = math.ceil(len(panels) / down)
    width = style.SINGLE if across == 1 else style.DOUBLE
    figure = style.new(width, FOOT + height * down)
    grid = figure.subplots(down, across, sharex=True, sharey=True, squeeze=False)
    for axes, (name, rows) in zip(grid.flat, panels.items(), strict=False):
        for _, row in rows.iterrows():
            left = 0.0
            for seconds, (_, colour) in zip(parts(row), PARTS, strict=True):
                axes.barh(methods.index(row["label"]), seconds, 0.75, left, color=colour)
                left += seconds
            if saved(row["train_s"], row["spent_s"]):
                axes.plot(row["spent_s"], methods.index(row["label"]), **SHARED)
        axes.set_title(style.shown(name))
        axes.set_yticks(range(len(methods)), [style.shown(method, 24) for method in methods])
        axes.set_ylim(len(methods) - 0.4, -0.6)
        axes.tick_params(axis="y", length=0, labelcolor=INK)
        style.grid(axes, "x")
    for place in range(len(panels), grid.size):
        grid.flat[place].set_visible(False)
        grid.flat[place - across].tick_params(labelbottom=True)
    spent = np.array([parts(row) for rows in panels.values() for _, row in rows.iterrows()]).sum(axis=0)
    signs: list[Patch | Line2D] = [
        Patch(color=colour, label=name) for (name, colour), some in zip(PARTS, spent, strict=True) if some > 0
    ]
    if any(saved(row["train_s"], row["spent_s"]) for rows in panels.values() for _, row in rows.iterrows()):
        signs.append(Line2D([], [], **SHARED, label="own training, as it was shared"))
    figure.supxlabel("Seconds, as a row would cost alone, mean over seeds", fontsize=8)
    style.legend(figure, signs, "outside upper center", columns=len(signs) if across > 1 else 2)
    return figure
