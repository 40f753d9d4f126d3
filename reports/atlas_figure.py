"""The picture of an atlas: for one network, latency against multiply-adds, both as ratios to the standard conv, a panel
for each runtime and precision. On the diagonal every multiply-add that was saved is time saved."""

import io
import math

import matplotlib as mpl
import pandas as pd
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

COLUMNS, PANEL_INCHES = 3, 3.6
SPREAD = 1.25  # points closer than this factor in both ratios get one label between them


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
        figure.supxlabel("multiply-adds, of those with the standard conv")
        figure.supylabel("latency of one image on one thread, of that with the standard conv")
        figure.suptitle(f"{network}: what was saved on paper, and in time")
        with io.StringIO() as text:
            figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
            return text.getvalue()


def _panel(axes: "mpl.axes.Axes", rows: pd.DataFrame, way: str) -> None:
    """One way: points, the diagonal, and the names of those far from it."""
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.axline((0.1, 0.1), (1, 1), color="0.75", linewidth=0.8, zorder=0)
    axes.axhline(1, color="0.85", linewidth=0.8, zorder=0)
    slower = rows["latency_ratio"] >= 1
    axes.scatter(rows["macs_ratio"], rows["latency_ratio"], s=14, c=["#c1121f" if s else "#1d3557" for s in slower])
    labelled: list[tuple[float, float]] = []
    off = (rows["latency_ratio"] / rows["macs_ratio"]).sort_values(ascending=False, kind="stable")
    for index in off.index:
        x, y = float(rows.loc[index, "macs_ratio"]), float(rows.loc[index, "latency_ratio"])
        if all(max(x / a, a / x) > SPREAD * 1.6 or max(y / b, b / y) > SPREAD for a, b in labelled):
            labelled.append((x, y))
            axes.annotate(str(rows.loc[index, "conv"]), (x, y), (3, 2), textcoords="offset points", fontsize=6)
    axes.set_title(way, fontsize=9)
