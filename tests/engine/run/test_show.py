"""Tables of the command line on terminals of every width."""

import io

import pytest
from rich.console import Console
from rich.table import Table

from cheapconv.engine.run import show

KEYS = ["6ee16d62b8412c6e", "7a8cc321e9286492"]


def lines(width: int, monkeypatch: pytest.MonkeyPatch, **changed: object) -> list[str]:
    """What a terminal shows of two cells."""
    shown = io.StringIO()
    monkeypatch.setattr(show, "console", Console(file=shown, width=width))
    row = {"architecture_label": "WRN-10-2", "conv_label": "BG(2,M/8)", "method_label": "scratch"}
    row |= {
        "seed": 0,
        "teacher": None,
        "architecture": "",
        "conv": "BG(2,M/8)",
        "state": "planned",
        "epoch": 0,
        "epochs": 8,
        "score": None,
        "error": None,
        "warnings": [],
    }
    show.cells_table("plan", [{**row, "key": KEYS[0]}, {**row, "key": KEYS[1], "teacher": KEYS[0], **changed}])
    return shown.getvalue().splitlines()


@pytest.mark.parametrize("width", [40, 60, 80, 240])
def test_keys_are_whole(width, monkeypatch):
    shown = lines(width, monkeypatch)
    assert [line.split()[0] for line in shown if line[:1] in "67" and line.strip()] == KEYS


def test_a_terminal_of_80_columns_shows_a_line_a_cell(monkeypatch):
    shown = lines(80, monkeypatch)
    assert len(shown) == 5
    assert shown[1].split() == ["key", "architecture", "conv", "method", "seed", "state", "epoch"]


def test_a_wide_one_shows_teachers_too(monkeypatch):
    assert lines(240, monkeypatch)[3].split()[5] == KEYS[0]


def test_columns_without_a_value_are_left_out(monkeypatch):
    assert "score" not in lines(240, monkeypatch)[1]
    assert "50.00 %" in lines(240, monkeypatch, score=0.5)[3]
    assert "error" in lines(80, monkeypatch, error="a long story " * 9)[1]


@pytest.mark.parametrize("text", ["plain", "卷积", ":warning:", "two\nlines", "", None, 0])
def test_a_table_that_fits_is_printed_as_rich_prints_it(text, monkeypatch):
    rows = [{"key": "a", "said_here": text, "n": 1}, {"key": "bcd", "said_here": "something", "n": 20}]
    by_rich = Table(title="title", title_justify="left", box=None, pad_edge=False)
    for column in ("key", "said here", "n"):
        by_rich.add_column(column)
    for row in rows:
        by_rich.add_row(*("" if value is None else str(value) for value in row.values()))
    shown, expected = io.StringIO(), io.StringIO()
    monkeypatch.setattr(show, "console", show.PlainConsole(file=shown, width=60, emoji=False))
    show.table("title", rows, ["key", "said_here", "n"])
    Console(file=expected, width=60, emoji=False).print(by_rich)
    assert shown.getvalue() == expected.getvalue()
