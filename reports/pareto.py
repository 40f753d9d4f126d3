"""Pictures of accuracy against cost: MACs, params and, where measured, latency, each with its Pareto front.

Only comparable rows are drawn, and of timings only those without a mark. The stepped line is the best mean accuracy
that a cost buys.
"""

import math
from collections.abc import Sequence

import pandas as pd

from cheapconv.reports import axes
from cheapconv.reports.columns import method_label, significant, with_spread
from cheapconv.reports.content import Content
from cheapconv.reports.figures import Keys, Panel, Point
from cheapconv.reports.measurements import letter, suffixes

WIDTH, HEIGHT = 620, 430
LEFT, RIGHT, TOP, BOTTOM = 52, 16, 34, 46
COSTS = {
    "macs": ("MACs (M)", 1e6),
    "params": ("Params (M)", 1e6),
    "latency_ms": ("Latency at batch 1 (ms)", 1.0),
}


def pareto_panels(content: Content, legend: Keys) -> list[Panel]:
    """Accuracy against MACs, params and, where measured, latency; comparable rows only."""
    comparable, panels = content.rows[content.rows["comparable"]], []
    for cost, (title, unit) in COSTS.items():
        rows = comparable[comparable[cost].notna()]
        if cost == "latency_ms":
            rows, title = rows[rows["doubt"] == ""], title + letter(0, len(suffixes(rows)))
        if rows.empty:
            continue
        mean, spread = rows["top1_mean"], rows["top1_std"].fillna(0)
        x = axes.around(list(rows[cost] / unit), LEFT, WIDTH - RIGHT, log=True)
        y = axes.around([*(100 * (mean - spread)), *(100 * (mean + spread))], HEIGHT - BOTTOM, TOP)
        points = [_point(row, row[cost] / unit, x, y, legend) for _, row in rows.iterrows()]
        cheapest, *dearer = [points[i] for i in front(list(rows[cost]), list(mean))]
        steps = "".join(f"H{point.x}V{point.y}" for point in dearer)
        path = f"M{cheapest.x} {cheapest.y}{steps}H{x.end}"
        several = rows["architecture"].nunique() > 1
        heading = f"{content.sweep.score.title} against {title}"
        names = [f"{r['architecture']} {r['conv']}" if several else r["conv"] for _, r in rows.iterrows()]
        panels.append(Panel(heading, title, x, y, points, [], path, _labels(names, points, x.end)))
    return panels


def front(costs: Sequence[float], accuracies: Sequence[float]) -> list[int]:
    """Places of the rows that no cheaper or equally cheap row beats or equals, from cheap to dear."""
    found: list[int] = []
    for i in sorted(range(len(costs)), key=lambda i: (costs[i], -accuracies[i])):
        if not found or accuracies[i] > accuracies[found[-1]]:
            found.append(i)
    return found


def _point(row: pd.Series, cost: float, x: axes.Axis, y: axes.Axis, legend: Keys) -> Point:
    mean, spread = 100 * row["top1_mean"], 100 * (0 if math.isnan(row["top1_std"]) else row["top1_std"])
    accuracy = with_spread(row["top1_mean"], row["top1_std"], row["n"])
    method, count = legend.methods[method_label(row)], len(legend.methods)
    # Methods stand aside by some pixels, so that error bars of one network do not cover each other.
    aside = min(7.0, 50 / count) * (method.index - (count - 1) / 2)
    return Point(
        x=round(x.place(cost) + aside, 1),
        y=y.place(mean),
        y_low=y.place(mean - spread),
        y_high=y.place(mean + spread),
        method=method,
        conv=legend.convs[row["conv"]],
        is_reference=bool(row["is_reference"]),
        tooltip=f"{row['architecture']} {row['conv']} {method.text}: {accuracy} %, n={row['n']}, "
        f"{significant(row['macs'] / 1e6)} M MACs, {row['params']:,.0f} params",
    )


def _labels(names: list[str], points: list[Point], right: float) -> list[tuple[float, float, str]]:
    """Each network's name above its highest point, moved up where it would cover an earlier name."""
    highest: dict[str, tuple[float, float]] = {}
    for name in dict.fromkeys(names):
        own = [point for n, point in zip(names, points, strict=True) if n == name]
        highest[name] = (sum(p.x for p in own) / len(own), min(p.y_high for p in own) - 13)
    placed: list[tuple[float, float, str]] = []
    for name, (centre, y) in sorted(highest.items(), key=lambda item: -item[1][1]):
        half = 3.4 * len(name)
        x = min(max(centre, LEFT + half), right - half)
        while any(abs(x - x2) < half + 3.4 * len(n2) and abs(y - y2) < 12 for x2, y2, n2 in placed):
            y -= 4
        placed.append((round(x, 1), round(y, 1), name))
    return placed
