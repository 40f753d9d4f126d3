"""Text of unknown origin made fit for terminals and files.

A store, a plan or an error message may come from elsewhere. Control characters in it would move a terminal's cursor,
rewrite what it shows or end a line of a file early, so they are shown by their escapes instead. Codes: Unicode's
general categories Cc (control), Cs (half a surrogate pair, which no encoding takes) and those of Cf that turn the
direction of a line.
"""

import re

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: str) -> str:
    r"""The text with every control character as its escape, such as `\x1b` or `\n`."""
    if text.isascii() and text.isprintable():  # most are, and need no search
        return text
    return _CONTROL.sub(lambda found: repr(found[0])[1:-1] if ord(found[0]) < 256 else f"\\u{ord(found[0]):04x}", text)


def is_plain_json(text: str) -> bool:
    """Whether every text in a JSON document is printable as it stands, as nearly always: without a backslash, JSON lets
    no control character of ASCII into a text but DEL."""
    return text.isascii() and "\\" not in text and "\x7f" not in text


def printable_values(body: object) -> object:
    """A JSON document, all of whose texts, also the names of its fields, are printable."""
    if isinstance(body, str):
        return printable(body)
    if isinstance(body, dict):
        return {printable(name) if isinstance(name, str) else name: printable_values(v) for name, v in body.items()}
    return [printable_values(part) for part in body] if isinstance(body, list) else body
