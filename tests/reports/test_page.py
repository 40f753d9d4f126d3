"""The written report: files, page and what the terminal shows."""

import html.parser
import re
from pathlib import Path

import pytest

from cheapconv.catalog.errors import UserError
from cheapconv.reports.page import render
from tests.reports.store import Store


class Page(html.parser.HTMLParser):
    """Collects what a page would load, its table headers, and whether tags are balanced."""

    def __init__(self) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.headers: list[dict[str, str | None]] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.loads += [value or "" for name, value in attrs if name in ("src", "href", "srcset", "data")]
        self.headers += [values] if tag == "th" else []
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def page_of(store: Store, out: Path) -> str:
    render(store.root, "quick", out)
    return (out / "index.html").read_text()


def test_four_files_and_a_summary(small: Store, tmp_path: Path) -> None:
    report = render(small.root, "quick", tmp_path / "out")
    assert [path.name for path in report.paths] == ["table.md", "table.csv", "table.tex", "index.html"]
    assert all(path.stat().st_size > 0 for path in report.paths)
    assert report.summary.iloc[1].tolist()[:7] == ["1", "WRN-16-2", "G(4)", "kd", "93.00 ± 0.28", "2", "60 %"]


def test_rendering_twice_gives_the_same_bytes(small: Store, tmp_path: Path) -> None:
    first = render(small.root, "quick", tmp_path / "a").paths
    second = render(small.root, "quick", tmp_path / "b").paths
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_page_is_well_formed_and_loads_nothing(small: Store, tmp_path: Path) -> None:
    text = page_of(small, tmp_path)
    page = Page()
    page.feed(text)
    assert page.open == []
    assert page.loads == []
    assert not re.search(r"https?://|@import|url\(|fetch\(", text)
    assert len(text) < 60_000


def test_headers_have_a_scope(small: Store, tmp_path: Path) -> None:
    page = Page()
    page.feed(page_of(small, tmp_path))
    assert len(page.headers) > 10
    assert all(header["scope"] == "col" for header in page.headers)


def test_labels_and_errors_are_escaped(small: Store, tmp_path: Path) -> None:
    small.add("<img src=x>", "<script>alert(1)</script>", 0, 0.5)
    small.add("S", "scratch", 2, state="failed", error="<b>boom</b>")
    small.plan()
    text = page_of(small, tmp_path)
    assert "<img" not in text
    assert "<script>alert" not in text
    assert "<b>boom" not in text
    assert "&lt;b&gt;boom&lt;/b&gt;" in text


def test_page_labels_what_is_no_result(small: Store, tmp_path: Path) -> None:
    text = page_of(small, tmp_path)
    assert "Best epoch on test (optimistic) %" in text
    assert "Ensemble top-1 % (not a student, not deployed)" in text
    assert "95 % confidence: ± 2.54 (t distribution, n=2)" in text


def test_cells_sort_by_the_full_number(small: Store, tmp_path: Path) -> None:
    assert f'data-key="{(0.928 + 0.932) / 2!r}"' in page_of(small, tmp_path)


def test_a_sweep_that_was_never_run(store: Store, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="run it first"):
        render(store.root, "quick", tmp_path / "out")
    assert not (tmp_path / "out").exists()
