"""What is written into a report is shown, whatever it holds."""

import csv
import io

import pytest

from cheapconv.reports.answers.content import build
from cheapconv.reports.formats import escape, tables
from tests.reports.store import Store


def test_latex_escape_of_a_backslash_is_not_escaped_again() -> None:
    assert escape.latex(r"a\b_c") == r"a\textbackslash{}b\_c"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("[a link](javascript:alert(1))", r"[a link\](javascript:alert(1))"),
        ("![a picture](http://127.0.0.1/x)", r"![a picture\](http://127.0.0.1/x)"),
        ("[a]: http://127.0.0.1/x", r"[a\]: http://127.0.0.1/x"),
        ("a note [a]", "a note [a]"),
        ("<img src=x>", "&lt;img src=x>"),
        ("&lt;b>", "&amp;lt;b>"),
        (r"a \| b", r"a \\\| b"),
        ("~~gone~~ *bold* `code`", r"\~\~gone\~\~ \*bold\* \`code\`"),
        ("one\ntwo\u2028three\x85four\rfive", "one two three four five"),
    ],
)
def test_markdown_shows_the_text_itself(text: str, shown: str) -> None:
    assert escape.markdown(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("`width` times `W/8`, a*b", r"`width` times `W/8`, a\*b"),
        ("one ` and `two`", r"one \` and `two`"),
        ("`<b>` and `a](b)`", r"\`&lt;b>\` and \`a\](b)\`"),
        ("``x`` ", r"\``x`\` "),
        ("`a\nb`", "`a b`"),
        ("no code", "no code"),
    ],
)
def test_code_in_a_sentence_stays_code_if_it_is_nothing_else(text: str, shown: str) -> None:
    assert escape.prose(text) == shown


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_a_spreadsheet_calculates_no_text(text: str) -> None:
    assert escape.csv(text) == f"'{text}"
    assert escape.from_csv(f"'{text}") == text


def test_numbers_stay_numbers() -> None:
    assert (escape.csv(-1.5), escape.csv("a-1")) == (-1.5, "a-1")
    assert escape.from_csv("'tis") == "'tis"


@pytest.mark.parametrize("end", ["\n", "\r", "\x0b", "\x0c", "\x85", "\u2028"])
def test_a_comment_has_one_line(end: str) -> None:
    assert escape.comment(rf"about{end}\input{{/etc/passwd}}") == r"about \input{/etc/passwd}"


def test_a_formula_in_a_name_reaches_no_cell_of_the_csv(store: Store) -> None:
    store.add("=cmd|' /C calc'!A0", "scratch", 0, 0.9)
    rows = list(csv.reader(io.StringIO(tables.csv(build(store.plan(), "quick")))))
    cells = [cell for row in rows for cell in row if "cmd" in cell]
    assert cells
    assert all(cell.startswith("'=") for cell in cells)
