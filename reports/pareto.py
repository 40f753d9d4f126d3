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
MACS, PARAMS, WEIGHTS = (
    ("macs", "MACs (M)", 1e6),
    ("params", "Params (M)", 1e6),
    ("weights_bytes", "Weights (KiB)", 1024),
)


def pareto_panels(content: Content, legend: Keys) -> list[Panel]:
    """Accuracy against MACs, params and, where measured, latency; where networks are deployed in several precisions
    also against weights, and those of each against the latencies that are its own. Comparable rows only."""
    comparable, rows = content.rows[content.rows["comparable"]], content.rows
    costs = [(*cost, comparable) for cost in (MACS, PARAMS, *([WEIGHTS] if rows["deployed"].any() else []))]
    for _, alike in rows.groupby("deployed_as"):
        end = next((end for end in suffixes(rows) if alike[f"measured_on{end}"].notna().any()), "")
        own = comparable[comparable.index.isin(alike.index) & (comparable[f"doubt{end}"] == "")]
        title = f"Latency at batch 1 (ms){letter(suffixes(rows).index(end), len(suffixes(rows)))}"
        costs.append((f"latency_ms{end}", title, 1.0, own))
    found = (_panel(content, legend, cost, title, unit, on[on[cost].notna()]) for cost, title, unit, on in costs)
    return [panel for panel in found if panel]


def _panel(content: Content, legend: Keys, cost: str, title: str, unit: float, rows: pd.DataFrame) -> Panel | None:
    """Accuracy against one cost; None where no row has it."""
    if rows.empty:
        return None
    mean, spread = rows["top1_mean"], rows["top1_std"].fillna(0)
    x = axes.around(list(rows[cost] / unit), LEFT, WIDTH - RIGHT, log=True)
    y = axes.around([*(100 * (mean - spread)), *(100 * (mean + spread))], HEIGHT - BOTTOM, TOP)
    points = [_point(row, row[cost] / unit, x, y, legend) for _, row in rows.iterrows()]
    cheapest, *dearer = [points[i] for i in front(list(rows[cost]), list(mean))]
    steps = "".join(f"H{point.x}V{point.y}" for point in dearer)
    path = f"M{cheapest.x} {cheapest.y}{steps}H{x.end}"
    several = rows["architecture"].nunique() > 1
    names = [f"{r['architecture']} {r['conv']}" if several else r["conv"] for _, r in rows.iterrows()]
    apart = rows["deployed_as"] if cost == WEIGHTS[0] else [""] * len(rows)  # elsewhere they stand at one place
    labels = _labels([*zip(names, apart, strict=True)], points, x.end)
    return Panel(f"{content.sweep.score.title} against {title}", title, x, y, points, [], path, labels)


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


def _labels(networks: list[tuple[str, str]], points: list[Point], right: float) -> list[tuple[float, float, str]]:
    """Each network's name above its highest point, moved up where it would cover an earlier name.

    `networks` are the names of the points, and what tells networks of one name apart.
    """
    highest: dict[tuple[str, str], tuple[float, float]] = {}
    for network in dict.fromkeys(networks):
        own = [point for other, point in zip(networks, points, strict=True) if other == network]
        highest[network] = (sum(p.x for p in own) / len(own), min(p.y_high for p in own) - 13)
    placed: list[tuple[float, float, str]] = []
    for (name, _), (centre, y) in sorted(highest.items(), key=lambda item: -item[1][1]):
        half = 3.4 * len(name)
        x = min(max(centre, LEFT + half), right - half)
        while any(abs(x - x2) < half + 3.4 * len(n2) and abs(y - y2) < 12 for x2, y2, n2 in placed):
            y -= 4
        placed.append((round(x, 1), round(y, 1), name))
    return placed
