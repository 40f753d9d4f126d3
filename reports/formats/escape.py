"""Text of a store, a plan or a registry as the formats of a report show it, and never as what they would do with it."""

import re

_LATEX = str.maketrans(
    {
        **{character: f"\\{character}" for character in "&%$#_{}"},
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
        "±": r"$\pm$",
        # A cell that starts with a bracket would be read as the optional argument of the line break before it.
        "[": "{[}",
        "]": "{]}",
    }
)
_MARKDOWN = str.maketrans({**{character: f"\\{character}" for character in "\\|*`~"}, "<": "&lt;", "&": "&amp;"})
_LINK = re.compile(r"\](?=[(:\[])")  # the middle of a link, a picture or a definition; the mark of a note has none
_CODE = re.compile(r"(`(?! )[\w .,:=+/()'\"-]+(?<! )`)")  # of characters that do nothing there, whoever wrote them
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet takes for a formula's begin (OWASP, CSV injection)


def latex(text: str) -> str:
    """Every character that LaTeX would read as a command is written out."""
    return _one_line(text).translate(_LATEX)


def markdown(text: str) -> str:
    """No markup, link, picture or tag, and no end of a table's cell."""
    return _LINK.sub(r"\]", _one_line(text).translate(_MARKDOWN))


def prose(text: str) -> str:
    """The same of a sentence about this suite, in which `code` stays code."""
    parts = _CODE.split(_one_line(text))  # text, code, text, ...
    return "".join(part if place % 2 else markdown(part) for place, part in enumerate(parts))


def csv(value: object) -> object:
    """A text that a spreadsheet would calculate is marked as text, by the quote that spreadsheets use for that."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def from_csv(text: str) -> str:
    """What `csv` was given, without its mark."""
    return text[1:] if text.startswith(tuple(f"'{begin}" for begin in _FORMULA)) else text


def comment(text: str) -> str:
    """One line, for LaTeX ends a comment at the end of a line."""
    return _one_line(text)


def _one_line(text: str) -> str:
    return " ".join(text.splitlines())
