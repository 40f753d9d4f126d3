"""What the command `report` writes where, of one sweep or several, and beside another report."""

import subprocess
from pathlib import Path

import pandas as pd
import pytest

from cheapconv.catalog.errors import UserError
from cheapconv.reports.command import Asked, command
from cheapconv.reports.formats import escape
from tests.reports.store import Store


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


TABLES = {"index.html", "pairs.csv", *(f"table.{form}" for form in ("md", "csv", "tex", "json", "parquet"))}


def test_a_report_of_the_folder_reports_shares_libraries_and_has_an_index(small: Store, here: Path) -> None:
    told: list[str] = []
    report = command(Asked(("quick",), small.root), told.append)
    assert {path.name for path in report.paths} == names(here / "reports" / "quick") == TABLES
    assert {*(here / "reports").iterdir()} == {here / "reports" / name for name in ("quick", "assets", "index.html")}
    assert 'href="quick/index.html"' in (here / "reports" / "index.html").read_text()
    assert told == []


def test_a_folder_that_was_named_has_all_within(small: Store, here: Path) -> None:
    command(Asked(("quick",), small.root, out=Path("mine")), print)
    assert {name for name in names(here / "mine") if "/" not in name} == TABLES
    assert (here / "mine" / "assets").is_dir()
    assert not (here / "reports").exists()


def test_pictures_for_papers_where_they_are_asked_for(small: Store, here: Path) -> None:
    report = command(Asked(("quick",), small.root, out=Path("mine"), figures=True, single_file=True), print)
    assert {path.suffix for path in report.paths if path.parent.name == "figures"} == {".pdf", ".svg", ".png"}
    assert all(path.is_file() for path in report.paths)


def test_several_sweeps_have_a_title_and_a_folder_of_its_letters(small: Store, here: Path) -> None:
    small.plan("other")
    command(Asked(("quick", "other"), small.root, title="Both / <b>"), print)
    page = (here / "reports" / "Both-b" / "index.html").read_text()
    assert "<h1>Both / &lt;b&gt;</h1>" in page
    command(Asked(("quick", "other"), small.root), print)
    assert (here / "reports" / "quick-+-other" / "table.md").read_text().startswith("# Sweep quick + other")


@pytest.mark.parametrize("title", ["../..", "/", ""])
def test_a_title_leads_nowhere_else(title: str, small: Store, here: Path) -> None:
    command(Asked(("quick",), small.root, title=title or "  "), print)
    assert (here / "reports" / "report" / "index.html").is_file()


def test_another_store_is_what_it_is_compared_with(small: Store, here: Path) -> None:
    later = Store(here / "later")
    later.seeds("S", "scratch", [0.949, 0.951])
    later.seeds("G(4)", "scratch", [0.869, 0.871])
    later.plan()
    told: list[str] = []
    report = command(Asked(("quick",), later.root, out=Path("mine"), compare=str(small.root)), told.append)
    assert {"compare.md", "compare.csv"} <= {path.name for path in report.paths}
    title = (here / "mine" / "compare.md").read_text().splitlines()[0]
    before, after = (f"quick in {escape.markdown(str(store.root))}" for store in (small, later))
    assert title == f"# {before} (before) and {after} (after)"
    found = pd.read_csv(here / "mine" / "compare.csv").set_index(["conv", "method"])["verdict"]
    assert (found["S", "scratch"], found["G(4)", "scratch"]) == ("same", "other bits")  # of cells with the same keys
    assert told[0] == "Suite, data, protocol and recipe are those of before."


def test_a_store_at_a_commit_is_read_from_git(small: Store, here: Path) -> None:
    def git(*words: str) -> None:
        who = ("-c", "user.name=A", "-c", "user.email=a@b", "-c", "commit.gpgsign=false")
        subprocess.run(["git", *who, *words], check=True, capture_output=True, cwd=here)

    git("init", "-q")
    git("add", "runs")
    git("commit", "-q", "-m", "results")
    told: list[str] = []
    command(Asked(("quick",), Path("runs"), out=Path("mine"), compare="HEAD:runs"), told.append)
    assert told[0] == "Suite, data, protocol and recipe are those of before."
    with pytest.raises(UserError, match="git has no folder runs at nothing"):
        command(Asked(("quick",), Path("runs"), out=Path("mine"), compare="nothing:runs"), told.append)


def test_what_cannot_be_is_one_sentence(small: Store) -> None:
    small.plan("other")
    with pytest.raises(UserError, match="--live follows one sweep"):
        command(Asked(("quick", "other"), small.root, live=True), print)
    with pytest.raises(UserError, match="nobody"):
        command(Asked(("quick",), small.root, compare="nobody"), print)


def test_a_finished_sweep_is_followed_once(small: Store, here: Path) -> None:
    told: list[str] = []
    command(Asked(("quick",), small.root, out=Path("mine"), live=True), told.append)
    assert told == ["written: 8 of 8 cells have ended"]
    assert "refresh" not in (here / "mine" / "index.html").read_text().split("<style>")[0]
