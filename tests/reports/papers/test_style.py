"""What the figures for papers share: colours, names, ticks; and the files that they are written to."""

import io
import re
from pathlib import Path

import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread

from cheapconv.reports.answers.content import Content, build
from cheapconv.reports.page import page
from cheapconv.reports.papers import attribution, figures, matrix, style
from tests.reports.store import Store


def test_colours_are_those_of_the_page() -> None:
    css = (page.WEB / "page.css").read_text()
    light = css[: css.index("dark]")]
    assert tuple(re.findall(r"--m\d: (#\w+);", light)) == style.COLOURS
    for name, value in {"ink": style.INK, "faint": style.FAINT, "heat": style.HEAT}.items():
        assert f"--{name}: {value};" in light


@pytest.mark.parametrize(
    ("name", "text"),
    [("kd", "kd"), ("a" * 28, "a" * 28), ("a" * 20 + "b" * 20, "a" * 18 + "…" + "b" * 9), (" a\r\n\tb\x00", "a b")],
)
def test_a_name_is_shown_on_one_short_line(name: str, text: str) -> None:
    assert style.shown(name) == text
    assert len(text) <= style.LONGEST


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (3, 130, [5, 10, 20, 50, 100]),
        (0.9, 2.2, [1, 1.5, 2]),
        (1, 2e6, [1, 10, 100, 1000, 1e4, 1e5, 1e6]),
        (0.93, 1.13, [0.95, 1.0, 1.05, 1.1]),
    ],
)
def test_ticks_of_a_logarithmic_axis(low: float, high: float, ticks: list[float]) -> None:
    assert style.ticks(low, high) == pytest.approx(ticks)


def test_equal_bytes_without_dates_and_with_truetype_fonts(small: Store) -> None:
    with style.settings():
        first, second = (figures.saved(matrix_of(build(small.root, "quick"))) for _ in range(2))
    assert first == second
    assert b"/CreationDate" not in first["pdf"]
    assert b"/CIDFontType2" in first["pdf"] or b"/TrueType" in first["pdf"]
    assert b"/Type3" not in first["pdf"]
    assert b"<dc:date>" not in first["svg"]
    height, width, _ = imread(io.BytesIO(first["png"])).shape
    assert width == style.DPI * style.SINGLE
    assert height > 100


def matrix_of(content: Content) -> Figure:
    return dict(matrix.figures(content))["matrix"]


def test_files_of_every_figure_are_written(small: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "MAKERS", (matrix, attribution))
    found = figures.write(build(small.root, "quick"), tmp_path)
    names = [f"{name}.{suffix}" for name in ("matrix", "attribution") for suffix in ("pdf", "svg", "png")]
    assert found == [tmp_path / "figures" / name for name in names]
    assert sorted(path.name for path in (tmp_path / "figures").iterdir()) == sorted(names)
    assert found[0].read_bytes().startswith(b"%PDF")
