"""Figures for papers: what is drawn is what the content says, nothing covers a label, and the bytes stay the same."""

import dataclasses
import math
import re
from collections.abc import Iterator, Sequence

import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.text import Annotation, Text
from matplotlib.transforms import Bbox

from cheapconv.reports.answers.content import Content, build
from cheapconv.reports.papers import attribution, bill, curves, figures, matrix, pareto, reality, style
from cheapconv.reports.rows import budgets
from cheapconv.reports.rows.quantities import quantities
from tests.reports.store import Store, grid

HOSTILE = ("$x_1$", "<script>alert(1)</script>", "n" * 300, r"100 % a\b_{c}^2", "_under", r"\$5")
INCHES = {style.SINGLE, style.DOUBLE}


@pytest.fixture(autouse=True)
def _settings() -> Iterator[None]:
    with style.settings():
        yield


@pytest.fixture(scope="module")
def thirty(tmp_path_factory: pytest.TempPathFactory) -> Content:
    """30 rows: a standard network and, by five methods, six convs less one row of them, the timing of one in doubt."""
    store = grid(Store(tmp_path_factory.mktemp("thirty") / "runs"), methods=5, convs=6)
    store.keys = [key for key in store.keys if "C5(g=32)method_4" not in key]
    return build(store.plan(), "quick")


@pytest.fixture
def hostile(store: Store) -> Content:
    teacher = store.seeds("S", "scratch", [0.949, 0.951])[0]
    store.measure("S", 20.0)
    for i, conv in enumerate(HOSTILE):
        store.seeds(f"c{i}", "scratch", [0.90 - 0.01 * i, 0.902 - 0.01 * i], conv_label=conv)
        own = {"conv_label": conv, "method_label": conv, "teacher": teacher}
        store.seeds(f"c{i}", f"m{i}", [0.91 - 0.01 * i, 0.912 - 0.01 * i], **own)
        store.measure(f"c{i}", 19.0 - i)
    return build(store.plan(), "quick")


def drawn(content: Content) -> dict[str, Figure]:
    return dict(figures.figures(content))


def pareto_of(content: Content, field: str) -> Figure:
    """That of one quantity."""
    comparable = content.rows[content.rows["comparable"]]
    [quantity] = [each for each in quantities(comparable) if each.field == field]
    return pareto.pareto(content, comparable, quantity)


def points(axes: Axes) -> list[tuple[float, float]]:
    """Of each marker, rounded to four digits behind the point."""
    return [(round(float(x), 4), round(float(y), 4)) for each in axes.collections for x, y in each.get_offsets()]


def texts(figure: Figure) -> list[str]:
    """All that is shown."""
    found = [each for each in figure.findobj(Text) if isinstance(each, Text) and each.get_visible()]
    return [each.get_text() for each in found if each.get_text()]


def boxes(figure: Figure) -> list[Bbox]:
    """Of the labels of points, in pixels, without their leading lines."""
    figure.draw_without_rendering()
    notes = [each for each in figure.axes[0].texts if isinstance(each, Annotation)]
    return [Text.get_window_extent(note) for note in notes]


def overlaps(found: Sequence[Bbox]) -> int:
    return sum(one.count_overlaps(found[place + 1 :]) for place, one in enumerate(found))


def test_points_are_at_the_true_cost_and_mean_score(small: Store) -> None:
    axes = pareto_of(build(small.root, "quick"), "macs").axes[0]
    assert sorted(points(axes)) == [(40.0, 90.0), (40.0, 91.6), (40.0, 93.0), (100.0, 95.0)]
    assert axes.get_xlabel() == "Multiply-adds (M), log scale"
    assert axes.get_ylabel() == "Top-1 %"
    assert axes.get_xscale() == "log"


def test_an_interval_is_that_of_the_report(small: Store) -> None:
    """t at 1 degree of freedom: 12.706 * 0.2828 / sqrt(2) = 2.541 points around 93 %."""
    axes = pareto_of(build(small.root, "quick"), "macs").axes[0]
    bars = [line.get_ydata() for line in axes.lines if len(line.get_xdata()) == 2 and line.get_alpha()]
    assert [low for low, high in bars if abs((low + high) / 2 - 93) < 1e-9] == [pytest.approx(93 - 2.541, abs=1e-3)]


@pytest.mark.parametrize("field", ["macs", "throughput_images_per_s"])
def test_the_front_is_steps(small: Store, field: str) -> None:
    """kd holds from its cost to that of the standard network, where the score is higher: level, then upright. Of a
    throughput the same, from right to left."""
    axes = pareto_of(build(small.root, "quick"), field).axes[0]
    [line] = [line for line in axes.lines if line.get_label() == pareto.FRONT]
    cheap, dear = {"macs": (40.0, 100.0), "throughput_images_per_s": (100.0, 50.0)}[field]
    corners = [(round(x, 6), round(y, 6)) for x, y in zip(line.get_xdata(), line.get_ydata(), strict=True)]
    assert corners == [(cheap, 93.0), (dear, 93.0), (dear, 95.0)]


def test_the_front_is_that_of_the_page(thirty: Content) -> None:
    """Its labels name the rows of `budgets.fronts`, as many as have room: all of them here."""
    known, rows = quantities(thirty.rows)[:2], thirty.rows
    fronts = budgets.fronts(rows, known).of
    for quantity in known:
        front = {f"{rows.loc[label, 'conv']}, {rows.loc[label, 'method']}" for label in fronts[quantity.field]}
        notes = pareto_of(thirty, quantity.field).axes[0].texts
        assert len(front) >= 6
        assert {note.get_text() for note in notes} == front


@pytest.mark.parametrize(("filled", "rows"), [("small", 4), ("thirty", 30)])
def test_labels_cover_neither_each_other_nor_a_point(request: pytest.FixtureRequest, filled: str, rows: int) -> None:
    made = request.getfixturevalue(filled)
    content = build(made.root, "quick") if isinstance(made, Store) else made
    assert len(content.rows) == rows
    for name, figure in [*pareto.figures(content), *reality.figures(content)]:
        found, axes = boxes(figure), figure.axes[0]
        assert found, name
        assert overlaps(found) == 0, name
        assert all(axes.bbox.x0 <= box.x0 and box.x1 <= axes.bbox.x1 for box in found), name
        centres = axes.transData.transform([offset for each in axes.collections for offset in each.get_offsets()])
        assert not any(box.contains(x, y) for box in found for x, y in centres), name


def test_a_doubtful_timing_is_open_and_on_no_front(thirty: Content) -> None:
    axes = pareto_of(thirty, "latency_ms").axes[0]
    is_open = {
        round(float(each.get_offsets()[0][0]), 4)
        for each in axes.collections
        if to_hex(each.get_facecolor()[0]) == "#ffffff"
    }
    assert is_open == {16.2}
    assert not any(note.get_text().startswith("C2(") for note in axes.texts)
    assert "doubtful timing" in texts(pareto_of(thirty, "latency_ms"))
    assert "doubtful timing" not in texts(pareto_of(thirty, "macs"))


@pytest.mark.parametrize(
    ("methods", "meaning"), [(5, "colour: method"), (8, "colour: method"), (10, "colour: kind of training")]
)
def test_colours_have_one_meaning_and_are_few(store: Store, methods: int, meaning: str) -> None:
    figure = pareto_of(build(grid(store, methods, 2, seeds=1).root, "quick"), "macs")
    colours = {to_hex(each.get_facecolor()[0]) for each in figure.axes[0].collections}
    assert colours <= {*style.COLOURS}
    assert len(colours) == (methods if methods <= 8 else 2)
    assert meaning in texts(figure)


def test_more_convs_than_markers_have_one(store: Store) -> None:
    figure = pareto_of(build(grid(store, 2, 9, seeds=1).root, "quick"), "macs")
    assert "marker: conv" not in texts(figure)


def test_legends_are_outside_of_the_axes(thirty: Content) -> None:
    for name, figure in drawn(thirty).items():
        own = [legend.get_window_extent() for legend in figure.legends]
        inside = [axes.bbox for axes in figure.axes if axes.get_visible()]
        assert not any(box.count_overlaps(inside) for box in own), name
        assert all(box.x0 >= 0 and box.x1 <= figure.bbox.x1 and box.y0 >= 0 for box in own), name


def test_a_heat_map_has_the_scores(thirty: Content) -> None:
    [(_, figure)] = matrix.figures(thirty)
    axes = figure.axes[0]
    convs, methods = (
        [label.get_text() for label in found] for found in (axes.get_xticklabels(), axes.get_yticklabels())
    )
    shown = {
        (methods[int(each.get_position()[1])], convs[int(each.get_position()[0])]): each.get_text()
        for each in axes.texts
    }
    expected = {(row["method"], row["conv"]): f"{100 * row['top1_mean']:.2f}" for _, row in thirty.rows.iterrows()}
    assert shown == expected
    assert len(shown) == 30


def test_a_heat_map_larger_than_a_page_is_continued(store: Store) -> None:
    content = build(grid(store, 2, 13, seeds=1).root, "quick")
    assert [name for name, _ in matrix.figures(content)] == ["matrix", "matrix-2"]


def test_attribution_is_ordered_by_multiply_adds(thirty: Content) -> None:
    found = attribution.attribution(thirty.rows)
    rows = thirty.rows
    macs = [rows.loc[each.alone, "macs"] for each in found]
    assert macs == sorted(macs, reverse=True)
    assert [each.name for each in found] == ["C0(g=1)", "C1(g=2)", "C2(g=4)", "C3(g=8)", "C4(g=16)", "C5(g=32)"]
    for each in found:
        own = rows[(rows["conv"] == each.name) & (rows["method"] != "scratch")]
        assert rows.loc[each.best, "top1_mean"] == own["top1_mean"].max()
        assert (rows.loc[each.standard, "conv"], rows.loc[each.alone, "method"]) == ("S", "scratch")
    [(_, figure)] = attribution.figures(thirty)
    marked = [line.get_xdata()[0] for line in figure.axes[0].lines if line.get_marker() == "D"]
    assert marked == pytest.approx([100 * rows.loc[each.best, "top1_mean"] for each in found])


def test_a_curve_is_the_mean_over_seeds(small: Store) -> None:
    """kd: 92.8 and 93.2 %, half of it at the first of two epochs."""
    content = build(small.root, "quick")
    found = curves.curves(content)
    [label] = content.rows.index[content.rows["method"] == "kd"]
    assert found[label] == pytest.approx({1: 0.465, 2: 0.93})
    [(_, figure)] = curves.figures(content)
    assert [axes.get_title() for axes in figure.axes] == ["S", "G(4)"]
    lines = [line.get_ydata() for line in figure.axes[1].lines]
    assert sorted(round(y[-1], 6) for y in lines) == [90.0, 91.6, 93.0]


def test_curves_of_one_colour_differ_in_their_lines(store: Store) -> None:
    styled = curves.styles(build(grid(store, 10, 1, seeds=1).root, "quick").rows)
    assert len({(line["color"], line["linestyle"], line["linewidth"]) for line in styled.values()}) == 10
    assert len({line["color"] for line in styled.values()}) == 2


def test_theory_and_reality_are_ratios(thirty: Content) -> None:
    """C1: 49 M of 100 M multiply-adds, 18 of 20 ms; that of doubt is not there."""
    [(_, figure)] = reality.figures(thirty)
    axes = figure.axes[0]
    assert (0.49, 0.9) in points(axes)
    assert len(points(axes)) == 6
    assert "C2(g=4)" not in texts(figure)
    assert any(text.startswith("Spearman's rho over 6 networks: 0.9") for text in texts(figure))


def test_a_bill_is_stacked(small: Store) -> None:
    """kd: 10 s, and 40 s of its teacher."""
    content = build(small.root, "quick")
    [row] = [row for _, row in content.rows.iterrows() if row["method"] == "kd"]
    assert bill.parts(row) == (10.0, 0.0, 40.0)
    [(_, figure)] = bill.figures(content)
    bars = [(bar.get_x(), bar.get_width()) for bar in figure.axes[1].patches]
    assert (10.0, 40.0) in bars
    assert "begin and finish" not in texts(figure)


def test_a_mark_stands_at_what_was_spent_where_batches_were_shared(small: Store) -> None:
    rows = build(small.root, "quick").rows.assign(spent_s=[10.0, 9.97, 6.5, math.nan])
    [(_, figure)] = bill.figures(dataclasses.replace(build(small.root, "quick"), rows=rows))
    assert [float(line.get_xdata()[0]) for axes in figure.axes for line in axes.lines] == [6.5]
    assert "own training, as it was shared" in texts(figure)


def test_hostile_names_are_text(hostile: Content) -> None:
    found = drawn(hostile)
    shown = {text for figure in found.values() for text in texts(figure)}
    assert {"$x_1$", "<script>alert(1)</script>", r"100 % a\b_{c}^2", "_under", r"\$5"} <= shown
    assert not any("n" * 40 in text for text in shown)
    assert any(re.fullmatch("n+…n+", text) for text in shown)
    written = figures.saved(found["pareto-macs"])
    assert b"<script" not in written["svg"]
    assert all(round(figure.get_figwidth(), 6) in INCHES for figure in found.values())


def test_a_sweep_with_one_row_has_figures_too(store: Store) -> None:
    store.add("S", "scratch", 0, 0.9)
    names = [*drawn(build(store.plan(), "quick"))]
    assert names[-3:] == ["matrix", "curves", "bill"]
    assert "attribution" not in names
