"""The index of a folder of reports: what a row says, what is left out, and what no name can do to the page."""

import os
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest

from cheapconv.catalog.errors import UserError
from cheapconv.reports.answers.content import build
from cheapconv.reports.page import assets, index, page
from tests.reports.page.test_page import Page
from tests.reports.store import Store, filled


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the report of `small`."""
    root = tmp_path_factory.mktemp("rendered")
    small = filled(Store(root / "runs"))
    page.render(small.root, "quick", root / "reports" / "quick", root / "reports" / "assets")
    return root / "reports"


@pytest.fixture
def reports(rendered: Path, tmp_path: Path) -> Path:
    """A copy of it, to be changed."""
    return Path(shutil.copytree(rendered, tmp_path / "reports"))


def edit(reports: Path, name: str, **columns: object) -> None:
    """A copy of the report with other columns in its table; None for one that is not there."""
    shutil.copytree(reports / "quick", reports / name)
    path = reports / name / "table.csv"
    table = pd.read_csv(path, dtype=str, keep_default_na=False).assign(**columns)
    table.drop(columns=[column for column, value in columns.items() if value is None]).to_csv(path, index=False)


def html(reports: Path) -> str:
    index.write(reports)
    return (reports / "index.html").read_text()


def test_a_report_is_a_row(reports: Path) -> None:
    found = index.write(reports)
    [entry] = found.entries
    assert found.warnings == []  # the libraries' folder is no report that is missing
    assert (entry.rows, entry.conditions["cells"], entry.conditions["epochs"]) == (4, "8 of 8 done", "2")
    # The standard network, at 95 %, is what others are compared with; kd and online do not differ.
    assert entry.best == "93.00 % top-1: WRN-16-2 G(4) kd (1 other is not told from it)"
    assert entry.budgets == [  # of 100 M; its own conv has 40 M
        "93.00 % top-1: WRN-16-2 G(4) kd, at most 50.0 M",
        "none, at most 25.0 M",
        "none, at most 10.0 M",
    ]
    assert [(link.text, link.address) for link in entry.links] == [
        ("page", "quick/index.html"),
        ("Markdown", "quick/table.md"),
        ("CSV", "quick/table.csv"),
    ]


def test_the_committed_reports_and_the_atlas_are_found() -> None:
    found = index.read(assets.HERE.parent)
    assert {entry.conditions["sweep"] for entry in found.entries} >= {"cifar10-short", "methods-digits"}  # and your own
    atlases = [[link.address for link in links] for _, links in found.others]
    assert atlases == [
        [f"{folder}/{name}" for name in ("README.md", "latency.csv")] for folder in ("atlas", "atlas-epyc")
    ]
    assert found.warnings == []


def test_the_page_is_whole_accessible_and_loads_nothing(reports: Path) -> None:
    text = html(reports)
    read = Page()
    read.feed(text)
    assert read.open == []
    assert {*read.loads} == {"data:,", "quick/index.html", "quick/table.md", "quick/table.csv"}
    assert [header["scope"] for header in read.headers] == ["col"] * 13 + ["row"]
    assert "<caption>" in text
    assert re.search(r'<div class="scroll" tabindex="0" role="region" aria-label="[^"]+">\s*<table', text)
    assert "prefers-color-scheme: dark" in text
    assert not re.search(r"<script|https?://|@import|url\(", text)


def test_rendering_again_gives_the_same_bytes(reports: Path) -> None:
    edit(reports, "another")
    first = html(reports)
    for folder in ("quick", "another"):
        os.utime(reports / folder / "table.csv", (0, 0))
    assert html(reports) == first
    assert first.index("another/index.html") < first.index("quick/index.html")


def test_a_comparison_has_a_link(reports: Path) -> None:
    (reports / "a-b").mkdir()
    for name in ("compare.md", "compare.csv"):
        (reports / "a-b" / name).write_text("x")
    found = index.read(reports)
    assert (found.warnings, [link.address for link in found.others[0][1]]) == (
        [],
        ["a-b/compare.md", "a-b/compare.csv"],
    )


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        ({"macs": "many"}, "Unable to parse"),
        ({"macs": "inf"}, "macs is infinite"),
        ({"comparable": "perhaps"}, "comparable and is_reference are not all True or False"),
        ({"top1_mean": ""}, "a row that can be compared has no score"),
        ({"sweep": None}, "it lacks sweep"),
        ({"top1_ci95": None}, "it lacks a score"),
        ({"top1_mean": None}, "it lacks a score"),
    ],
)
def test_a_table_of_something_else_is_left_out_with_a_warning(
    columns: dict[str, object], why: str, reports: Path
) -> None:
    edit(reports, "damaged", **columns)
    found = index.write(reports)
    assert [entry.links[0].address for entry in found.entries] == ["quick/index.html"]
    [warning] = found.warnings
    assert warning.startswith("damaged: table.csv is damaged (")
    assert why in warning
    assert why in (reports / "index.html").read_text()


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[: len(data) // 2],
        lambda data: data.splitlines()[0],
        lambda data: b"\xff\xfe\x00" + data,
        lambda data: data[: data.rstrip().rfind(b"\n") + 40],  # within the last line
        lambda data: b"\n".join([data.splitlines()[0], *(b"1," + line for line in data.splitlines()[1:])]),
        lambda data: bytes(range(256)) * 20,
        lambda data: b'"' + data,
    ],
)
def test_damaged_bytes_are_a_warning_and_never_a_traceback(damage, reports: Path) -> None:
    edit(reports, "damaged")
    path = reports / "damaged" / "table.csv"
    path.write_bytes(damage(path.read_bytes()))
    found = index.write(reports)
    assert (len(found.entries), len(found.warnings)) == (1, 1)


def test_a_folder_that_is_no_report_is_named(reports: Path) -> None:
    (reports / "notes").mkdir()
    (reports / "half").mkdir()
    (reports / "half" / "table.csv").write_text("x")
    (reports / "odd" / "table.csv").mkdir(parents=True)
    (reports / "file").write_text("x")
    assert index.read(reports).warnings == [
        f"{name}: no report, for it lacks index.html or table.csv" for name in ("half", "notes", "odd")
    ]


def test_names_are_text(store: Store, tmp_path: Path) -> None:
    store.seeds("<script>", "=cmd()", [0.9, 0.9], architecture='"><img src=x>')
    store.plan("=go()<script>")
    out = tmp_path / "reports" / 'javascript:"<script>?#'
    page.write(build(store.root, "=go()<script>"), out)
    (tmp_path / "reports" / "<b>").mkdir()
    text = html(tmp_path / "reports")
    read = Page()
    read.feed(text)
    assert not re.search(r"<script|<img|<b>", text)
    assert "&lt;script&gt; =cmd()" in text
    assert ">=go()&lt;script&gt;</a>" in text
    assert {load for load in read.loads if load != "data:,"} == {
        f"javascript%3A%22%3Cscript%3E%3F%23/{name}" for name in ("index.html", "table.md", "table.csv")
    }


def test_a_name_that_is_no_text_is_shown_and_linked(reports: Path) -> None:
    try:
        os.rename(os.fsencode(reports / "quick"), os.fsencode(reports) + b"/q\xff")
    except OSError:
        pytest.skip("this file system takes no such name")
    assert "q%FF/table.csv" in html(reports)


def test_a_row_that_cannot_be_compared_is_not_the_best(store: Store, tmp_path: Path) -> None:
    store.seeds("G(4)", "kd", [0.90], warning="it answers the same always")
    page.render(store.plan(), "quick", tmp_path / "reports" / "quick")
    [entry] = index.read(tmp_path / "reports").entries
    assert (entry.best, entry.budgets[0]) == ("-", "none, at most 20.0 M")


def test_an_empty_folder_says_what_to_do_and_no_folder_is_the_users(tmp_path: Path) -> None:
    assert "There is no report here yet" in html(tmp_path)
    with pytest.raises(UserError, match="name a folder of reports"):
        index.write(tmp_path / "none")
