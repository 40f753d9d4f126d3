"""Axes, Pareto fronts and curves."""

import itertools

import pytest

from cheapconv.reports import curves, pareto
from cheapconv.reports.axes import Axis, around
from cheapconv.reports.content import build
from cheapconv.reports.figures import COLOURS, Key, keys
from tests.reports.store import Store


def test_axes_map_ends_to_ends() -> None:
    linear, log = Axis(0, 10, 100, 0), Axis(1, 100, 0, 200, log=True)
    assert [linear.place(v) for v in (0, 5, 10)] == [100, 50, 0]
    assert [log.place(v) for v in (1, 10, 100)] == [0, 100, 200]


@pytest.mark.parametrize(("low", "high"), [(0.1, 0.11), (30, 330), (0.01, 500), (7, 9)])
def test_log_ticks_are_several_and_inside(low: float, high: float) -> None:
    axis = around([low, high], 0, 500, log=True)
    assert 3 <= len(axis.ticks) <= 12
    assert all(0 <= at <= 500 for at, _ in axis.ticks)


@pytest.mark.parametrize("values", [[92.1, 95.3], [50, 50], [0, 0], [94.31, 94.32], [0.1 + 0.2, 0.3]])
def test_linear_ticks_are_several_and_inside(values: list[float]) -> None:
    axis = around(values, 300, 0)
    assert 2 <= len(axis.ticks) <= 7
    assert all(0 <= at <= 300 for at, _ in axis.ticks)


def test_front_keeps_rows_that_nothing_cheaper_beats(small: Store) -> None:
    small.seeds("G(N)", "scratch", [0.905])
    content = build(small.plan(), "quick")
    panel = pareto.pareto_panels(content, keys(content.rows))[0]
    best = {p.tooltip.split(":")[0]: p for p in panel.points}
    expected = [best[f"WRN-16-2 {row}"] for row in ("G(N) scratch", "G(4) kd", "S scratch")]
    steps = "".join(f"H{point.x}V{point.y}" for point in expected[1:])
    assert panel.front == f"M{expected[0].x} {expected[0].y}{steps}H{panel.x.end}"


def test_front_leaves_out_equals_and_takes_the_better_of_one_cost() -> None:
    assert pareto.front([3, 1, 1, 2, 4], [0.9, 0.7, 0.8, 0.8, 0.9]) == [2, 0]


def test_only_complete_rows_are_drawn(small: Store) -> None:
    small.add("G(4)", "kd", 2, state="running")
    content = build(small.plan(), "quick")
    panels = pareto.pareto_panels(content, keys(content.rows))
    assert [panel.x_title for panel in panels] == ["MACs (M)", "Params (M)", "Latency at batch 1 (ms)"]
    assert all(" kd:" not in point.tooltip for panel in panels for point in panel.points)


def test_rows_whose_accuracy_means_nothing_are_not_drawn(small: Store) -> None:
    small.add("G(4)", "kd", 2, 0.99, warning="student has 99.00 %, as guessing has", teacher=small.keys[0])
    content = build(small.plan(), "quick")
    panels = pareto.pareto_panels(content, keys(content.rows))
    assert all(" kd:" not in point.tooltip for panel in panels for point in panel.points)
    assert all(len(panel.points) == 3 for panel in panels)


def test_names_of_networks_do_not_cover_each_other(store: Store) -> None:
    for architecture in ("WRN-40-2", "WRN-40-4", "WRN-40-8"):
        store.add("G(4)", "scratch", 0, 0.9, architecture=architecture)
    content = build(store.plan(), "quick")
    labels = pareto.pareto_panels(content, keys(content.rows))[0].labels
    heights = sorted(y for _, y, _ in labels)
    assert all(b - a >= 12 for a, b in itertools.pairwise(heights))


def test_curve_is_the_mean_over_seeds(small: Store) -> None:
    content = build(small.root, "quick")
    panels = curves.curve_panels(content, keys(content.rows))
    assert [(panel.title, len(panel.lines)) for panel in panels] == [("WRN-16-2 S", 1), ("WRN-16-2 G(4)", 3)]
    assert panels[0].lines[0].tooltip == "WRN-16-2 S scratch: 95.00 % at epoch 2"
    assert panels[0].lines[0].path.endswith(f"{panels[0].y.place(95.0)}")


def test_baselines_have_the_first_colour_and_late_methods_are_hollow(small: Store) -> None:
    assert next(iter(keys(build(small.root, "quick").rows).methods)) == "scratch"
    assert Key("ninth", COLOURS).colour == "m0 hollow"
