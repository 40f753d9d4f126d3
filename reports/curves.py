"""Training curves: top-1 by epoch, a small panel a network, a line a method, the mean over the seeds that are done."""

import numpy as np
import pandas as pd

from cheapconv.reports import axes, collect
from cheapconv.reports.columns import method_label
from cheapconv.reports.content import Content
from cheapconv.reports.figures import Keys, Line, Panel
from cheapconv.reports.stats import ROW

MOST_EPOCHS = 40  # in a line, evenly chosen, the last always among them
Curves = dict[tuple[str, str, str], pd.Series]


def curve_panels(content: Content, legend: Keys) -> list[Panel]:
    """Top-1 by epoch, a panel a network, mean over the seeds that are done."""
    curves = _mean_curves(content)
    if not curves:
        return []
    last = max(curve.index[-1] for curve in curves.values())
    x = axes.Axis(0, max(last, 1) + 1, 34, 292)
    y = axes.around(list(100 * pd.concat(curves.values())), 160, 26)
    networks = dict.fromkeys((architecture, conv) for architecture, conv, _ in curves)
    panels = {network: Panel(" ".join(network), "epoch", x, y) for network in networks}
    for (architecture, conv, method), curve in curves.items():
        tooltip = f"{architecture} {conv} {method}: {100 * curve.iloc[-1]:.2f} % at epoch {curve.index[-1] + 1}"
        chosen = np.unique(np.linspace(0, len(curve) - 1, min(MOST_EPOCHS, len(curve))).round().astype(int))
        path = "M" + "L".join(f"{x.place(curve.index[i] + 1)} {y.place(100 * curve.iloc[i])}" for i in chosen)
        panels[architecture, conv].lines.append(Line(path, legend.methods[method], tooltip))
    return list(panels.values())


def _mean_curves(content: Content) -> Curves:
    """By (architecture, conv, method label): mean top-1 over the done seeds by epoch, in the order of the table."""
    records = {record.key: record for record in content.sweep.done}
    means: Curves = {}
    trained = content.cells[(content.cells["state"] == "done") & (content.cells["deployed"] == "")]
    for _, cells in trained.groupby(ROW, sort=False):
        of_seeds = pd.DataFrame([collect.curve(records[key]) for key in cells["key"]], dtype=float)
        first = cells.iloc[0]
        means[first["architecture"], first["conv"], method_label(first)] = of_seeds.dropna(axis=1).mean()
    order = [(row["architecture"], row["conv"], method_label(row)) for _, row in content.rows.iterrows()]
    return {label: means[label] for label in order if label in means and len(means[label])}
