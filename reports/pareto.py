"""Pictures of accuracy against cost: MACs, params and, where measured, latency, each with its Pareto front.

Only complete rows are drawn. The stepped line is the best accuracy that a cost buys.
"""

import math

import pandas as pd

from cheapconv.reports import axes
from cheapconv.reports.columns import method_label, significant, with_spread
from cheapconv.reports.content import Content
from cheapconv.reports.figures import Key, Keys, Panel, Point

WIDTH, HEIGHT = 620, 430
LEFT, RIGHT, TOP, BOTTOM = 52, 16, 34, 46
COSTS = {
    "macs": ("MACs (M)", 1e6),
    "params": ("Params (M)", 1e6),
    "latency_ms": ("Latency at batch 1 (ms)", 1.0),
}


def pareto_panels(content: Content, legend: Keys) -> list[Panel]:
    """Accuracy against MACs, params and, where measured, latency; complete rows only."""
    rows = content.rows[content.rows["complete"]]
    return [_pareto(rows, cost, legend) for cost in COSTS if rows[cost].notna().any()]


def _pareto(rows: pd.DataFrame, cost: str, legend: Keys) -> Panel:
    title, unit = COSTS[cost]
    rows = rows[rows[cost].notna()]
    spread = rows["top1_std"].fillna(0)
    x = axes.around(list(rows[cost] / unit), LEFT, WIDTH - RIGHT, log=True)
    reach = [*(100 * (rows["top1_mean"] - spread)), *(100 * (rows["top1_mean"] + spread))]
    y = axes.around(reach, HEIGHT - BOTTOM, TOP)
    points = [_point(row, row[cost] / unit, x, y, legend) for _, row in rows.iterrows()]
    front = [points[i] for i in _front(list(rows[cost]), list(rows["top1_mean"]))]
    several = rows["architecture"].nunique() > 1
    names = [f"{r['architecture']} {r['conv']}" if several else r["conv"] for _, r in rows.iterrows()]
    return Panel(f"Top-1 against {title}", title, x, y, points, [], _steps(front, x.end), _labels(names, points, x.end))


def _point(row: pd.Series, cost: float, x: axes.Axis, y: axes.Axis, legend: Keys) -> Point:
    mean, spread = 100 * row["top1_mean"], 100 * (0 if math.isnan(row["top1_std"]) else row["top1_std"])
    accuracy = with_spread(row["top1_mean"], row["top1_std"], row["n"])
    method = legend.methods[method_label(row)]
    return Point(
        x=round(x.place(cost) + _offset(method, legend), 1),
        y=y.place(mean),
        y_low=y.place(mean - spread),
        y_high=y.place(mean + spread),
        method=method,
        conv=legend.convs[row["conv"]],
        is_reference=bool(row["is_reference"]),
        tooltip=f"{row['architecture']} {row['conv']} {method_label(row)}: {accuracy} %, n={row['n']}, "
        f"{significant(row['macs'] / 1e6)} M MACs, {row['params']:,.0f} params",
    )


def _offset(method: Key, legend: Keys) -> float:
    """Pixels by which a method's points stand aside, so that error bars of one network do not cover each other."""
    count = len(legend.methods)
    step = min(7.0, 50 / count)
    return step * (method.index - (count - 1) / 2)


def _front(costs: list[float], accuracies: list[float]) -> list[int]:
    """Places of the rows that no cheaper or equally cheap row beats or equals, from cheap to dear."""
    front: list[int] = []
    for i in sorted(range(len(costs)), key=lambda i: (costs[i], -accuracies[i])):
        if not front or accuracies[i] > accuracies[front[-1]]:
            front.append(i)
    return front


def _steps(front: list[Point], right: float) -> str:
    """A stepped SVG path through `front`, cheap to dear, on to the right edge."""
    moves = [f"H{point.x}V{point.y}" for point in front[1:]]
    return f"M{front[0].x} {front[0].y}{''.join(moves)}H{right}"


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
