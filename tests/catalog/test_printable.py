"""Text from elsewhere can neither steer a terminal nor break a file."""

import pytest

from cheapconv.catalog.errors import UserError
from cheapconv.catalog.printable import printable, printable_values


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J\x07gone", r"\x1b[2J\x07gone"),
        ("one\ntwo\r\tthree", r"one\ntwo\r\tthree"),
        ("\x9b31m", r"\x9b31m"),
        ("abc\u202efdp.exe", r"abc\u202efdp.exe"),
        ("half \ud800", r"half \ud800"),
        *((text, text) for text in ("G(4) ü 卷积 ± 0.5 \\x1b", "")),
    ],
)
def test_control_characters_are_shown_by_their_escapes(text: str, shown: str) -> None:
    assert printable(text) == shown
    assert str(UserError(text)) == shown


def test_every_text_of_a_document_is_printable() -> None:
    body = {"a\x1b": ["\x07", {"b": "\x1b]0;x\x07"}], "c": 1.5, "d": None}
    assert printable_values(body) == {r"a\x1b": [r"\x07", {"b": r"\x1b]0;x\x07"}], "c": 1.5, "d": None}
