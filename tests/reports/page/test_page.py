"""The written report: files, page and what the terminal shows."""

import errno
import html.parser
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cheapconv.catalog.errors import UserError
from cheapconv.engine.store import files, process
from cheapconv.reports.page import assets, page
from cheapconv.reports.page.page import render
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
        if tag not in ("meta", "br", "link", "input"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


FILES = [*(f"table.{form}" for form in ("md", "csv", "tex", "json", "parquet")), "pairs.csv", "index.html"]


def page_of(store: Store, out: Path) -> str:
    render(store.root, "quick", out, out / "assets")
    return (out / "index.html").read_text()


def data_of(text: str) -> dict[str, Any]:
    """What the page's scripts are given."""
    [found] = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    body: dict[str, Any] = json.loads(found)
    return body


def test_seven_files_and_a_summary(small: Store, tmp_path: Path) -> None:
    report = render(small.root, "quick", tmp_path / "out")
    assert [path.name for path in report.paths] == FILES
    assert all(path.stat().st_size > 0 for path in report.paths)
    assert report.summary.iloc[1].tolist()[:7] == [
        *["1 to 2", "WRN-16-2", "G(4)", "kd", "93.00 ± 0.28", "2", "60 % (42 to 79)"],
    ]


def test_rendering_twice_gives_the_same_bytes(small: Store, tmp_path: Path) -> None:
    first = render(small.root, "quick", tmp_path / "a").paths
    second = render(small.root, "quick", tmp_path / "b").paths
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_page_is_well_formed_and_loads_nothing_but_what_lies_beside_it(small: Store, tmp_path: Path) -> None:
    text = page_of(small, tmp_path)
    page = Page()
    page.feed(text)
    assert page.open == []
    files = {load for load in page.loads if not load.startswith(("#", "data:"))}
    assert files == {*(f"assets/{name}" for name in assets.NAMES), *FILES[:-1]}
    assert all((tmp_path / name).stat().st_size > 1000 or not name.startswith("assets") for name in files)
    assert not re.search(r"https?://|@import|url\(|fetch\(|XMLHttpRequest|WebSocket", text)
    assert len(text) < 90_000


def test_a_page_without_its_scripts_does_not_say_that_something_is_missing(small: Store, tmp_path: Path) -> None:
    """Whether it is, only the scripts know."""
    [*missing] = re.findall(r'<p id="(\w+)-none"([^>]*)>', page_of(small, tmp_path))
    assert [name for name, _ in missing] == ["pareto", "attribution"]
    assert all(attributes.endswith(" hidden") for _, attributes in missing)


def test_a_page_of_one_file_holds_its_libraries(small: Store, tmp_path: Path) -> None:
    render(small.root, "quick", tmp_path)
    text = (tmp_path / "index.html").read_text()
    assert {path.name for path in tmp_path.iterdir() if path.is_dir()} == {"runs"}
    assert not re.search(r"<script [^>]*src|<link [^>]*stylesheet", text)
    assert all((assets.HERE / name).read_text() in text for name in assets.NAMES)


@pytest.mark.parametrize(
    ("out", "single_file", "folders"),
    [
        (None, False, ("reports/quick", "reports/assets")),
        (None, True, ("reports/quick", None)),
        ("mine", False, ("mine", "mine/assets")),
        ("mine", True, ("mine", None)),
    ],
)
def test_reports_share_what_they_are_drawn_by(
    out: str | None, single_file: bool, folders: tuple[str, str | None]
) -> None:
    found = page.folders("quick", out and Path(out), single_file)
    assert tuple(path and path.as_posix() for path in found) == folders


@pytest.mark.parametrize("name", ["assets", "page"])
def test_a_folder_of_code_is_no_report_s(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(assets.HERE.parents[1])
    with pytest.raises(UserError, match=f"reports/{name} holds the suite's own files: name another folder with --out"):
        page.folders(name, None, False)
    assert page.folders(name, Path("mine"), True) == (Path("mine"), None)


def test_libraries_of_another_version_are_replaced(small: Store, tmp_path: Path) -> None:
    (tmp_path / "assets").mkdir()
    old = tmp_path / "assets" / assets.NAMES[1]
    old.write_text("old")
    render(small.root, "quick", tmp_path / "out", tmp_path / "assets")
    assert old.read_bytes() == (assets.HERE / assets.NAMES[1]).read_bytes()
    assert f'src="../assets/{assets.NAMES[1]}"' in (tmp_path / "out" / "index.html").read_text()
    written = old.stat().st_mtime_ns
    render(small.root, "quick", tmp_path / "out", tmp_path / "assets")
    assert old.stat().st_mtime_ns == written


def test_the_libraries_are_what_is_said_of_them() -> None:
    """The versions in the docstring, and no address that a browser would ask for."""
    for name in assets.NAMES:
        text = (assets.HERE / name).read_text()
        assert "sourceMappingURL" not in text
    versions = re.findall(r"(?:Plotly|Tabulator) ([\d.]+)", assets.__doc__ or "")
    assert f"v{versions[0]}\n" in (assets.HERE / assets.NAMES[1]).read_text()[:200]
    assert f"Tabulator v{versions[1]} " in (assets.HERE / assets.NAMES[2]).read_text()[:200]


def test_labels_and_errors_are_escaped(small: Store, tmp_path: Path) -> None:
    small.add("<img src=x>", "</script><script>alert(1)</script>", 0, 0.5)
    small.add("S", "scratch", 2, state="failed", error="<b>boom</b>")
    small.plan()
    text = page_of(small, tmp_path)
    assert "<img" not in text
    assert "<script>alert" not in text
    assert "<b>boom" not in text
    assert "&lt;b&gt;boom&lt;/b&gt;" in text
    assert "</script><script>alert(1)</script>" in {row["method"] for row in data_of(text)["rows"]}


def test_page_labels_what_is_no_result(small: Store, tmp_path: Path) -> None:
    found = data_of(page_of(small, tmp_path))
    titles = [column["title"] for column in found["columns"]]
    assert "Best epoch on test (optimistic) %" in titles
    assert "Ensemble top-1 % (not a student, not deployed)" in titles
    [row] = [row for row in found["rows"] if row["id"] == "WRN-16-2/G(4)/kd"]
    assert row["tips"]["4"] == "95 % confidence: ± 2.54 (t distribution, n=2)"
    assert float(row["keys"][4]) == (0.928 + 0.932) / 2  # sorted by the full number


def test_a_sweep_that_was_never_run(store: Store, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="run it first"):
        render(store.root, "quick", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def made_file(path: Path) -> None:
    path.write_text("mine")


def made_folder_of_a_file(path: Path) -> None:
    (path / "table.csv").mkdir(parents=True)


def made_dangling_link(path: Path) -> None:
    path.symlink_to(path.parent / "nowhere")


def made_link_loop(path: Path) -> None:
    path.symlink_to(path)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (made_file, "something that is no folder is in the way"),
        (made_folder_of_a_file, "table.csv is a folder"),
        (made_dangling_link, "something that is no folder is in the way"),
        (made_link_loop, "something that is no folder is in the way"),
    ],
)
def test_what_is_no_folder_is_one_sentence(
    make: Callable[[Path], None], reason: str, small: Store, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    make(out)
    with pytest.raises(UserError, match=f"cannot be written to {out} \\({reason}\\): name another"):
        render(small.root, "quick", out)
    assert not list(tmp_path.rglob("table.md"))


@pytest.mark.parametrize("out", ["a file/inside", "x" * 300])
def test_a_folder_that_cannot_be_made_is_one_sentence(out: str, small: Store, tmp_path: Path) -> None:
    (tmp_path / "a file").touch()
    with pytest.raises(UserError, match="cannot be written to"):
        render(small.root, "quick", tmp_path / out)


@pytest.mark.parametrize(("number", "after"), [(errno.ENOSPC, 3), (errno.EACCES, 0)])
def test_a_disk_that_fails_midway_leaves_the_whole_report_before(
    number: int, after: int, small: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {path: path.read_bytes() for path in render(small.root, "quick", tmp_path / "out").paths}
    small.seeds("G(4)", "at", [0.889, 0.891])
    small.plan()
    synced = []

    def fail(handle: int) -> None:
        synced.append(handle)
        if len(synced) > after:
            raise OSError(number, os.strerror(number))

    monkeypatch.setattr(files.os, "fsync", fail)
    with pytest.raises(UserError, match=os.strerror(number)):
        render(small.root, "quick", tmp_path / "out")
    assert {path: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before


def test_what_a_killed_report_has_left_goes_with_the_next_one(small: Store, tmp_path: Path) -> None:
    dead = f"{process.machine()}.{2**22 + 1}.0"  # no process has so high a number
    left, kept = tmp_path / f"{files.TEMPORARY}table.md-{dead}-0", tmp_path / f"{files.TEMPORARY}table.md-of-mine"
    for path in (left, kept):
        path.write_text("half")
    render(small.root, "quick", tmp_path)
    assert (left.exists(), kept.exists()) == (False, True)


def test_a_sweep_is_named_by_its_name_alone(small: Store, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no plan of a sweep"):
        render(small.root, "../sweeps/quick", tmp_path / "out")
