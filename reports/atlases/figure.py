"""The picture of an atlas: for one network, latency against multiply-adds, both as ratios to the standard conv, a panel
for each runtime and precision. On the diagonal every multiply-add that was saved is time saved."""

import io
import math
from collections.abc import Hashable, Mapping
from typing import Any

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

COLUMNS, PANEL_INCHES = 3, 3.6
WIDE, HIGH = 2.0, 1.2  # of two points closer than these factors one gets a label
TICKS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20]


def svg(rows: pd.DataFrame, network: str) -> str:
    """The figure of a network; the same bytes for the same rows."""
    own = rows[rows["network"] == network]
    ways = list(dict.fromkeys(own["way"]))
    across, down = min(COLUMNS, len(ways)), math.ceil(len(ways) / COLUMNS)
    with mpl.rc_context({"svg.hashsalt": "cheapconv", "svg.fonttype": "none", "font.size": 8}):
        figure = Figure(figsize=(across * PANEL_INCHES, down * PANEL_INCHES), layout="constrained")
        FigureCanvasSVG(figure)
        grid = figure.subplots(down, across, sharex=True, sharey=True, squeeze=False)
        for axes, way in zip(grid.flat, ways, strict=False):
            _panel(axes, own[own["way"] == way], way)
        for axes in list(grid.flat)[len(ways) :]:
            axes.set_visible(False)
        figure.supxlabel("multiply-adds, the standard conv's being 1")
        figure.supylabel("latency, the standard conv's being 1")
        figure.suptitle(f"{network}: what is saved on paper and in time; red: not faster than the standard conv")
        with io.StringIO() as text:
            figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
            return text.getvalue()


def _panel(axes: Axes, rows: pd.DataFrame, way: str) -> None:
    """One way: points, the diagonal, and the names of as many as have room, those far from the diagonal first."""
    for axis, scale in ((axes.xaxis, axes.set_xscale), (axes.yaxis, axes.set_yscale)):
        scale("log")
        axis.set_major_locator(FixedLocator(TICKS))
        axis.set_major_formatter(FuncFormatter(lambda tick, _: f"{tick:g}"))
        axis.set_minor_locator(NullLocator())
    axes.axline((0.1, 0.1), (1, 1), color="0.75", linewidth=0.8, zorder=0)
    axes.axhline(1, color="0.85", linewidth=0.8, zorder=0)
    axes.scatter(rows["macs_ratio"], rows["latency_ratio"], s=14, c=[_colour(row) for row in rows.to_dict("records")])
    labelled: list[tuple[float, float]] = []
    off = (rows["latency_ratio"] / rows["macs_ratio"]).sort_values(ascending=False, kind="stable")
    for row in rows.loc[off.index].to_dict("records"):
        x, y = row["macs_ratio"], row["latency_ratio"]
        if all(max(x / a, a / x) > WIDE or max(y / b, b / y) > HIGH for a, b in labelled):
            labelled.append((x, y))
            axes.annotate(row["conv"], (x, y), (3, 2), textcoords="offset points", fontsize=6)
    axes.set_title(way, fontsize=9)


def _colour(row: Mapping[Hashable, Any]) -> str:
    if row["is_standard"]:
        return "0.5"
    return "#c1121f" if row["latency_ratio"] >= 1 else "#1d3557"
