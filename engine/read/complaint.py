"""One sentence out of pydantic's complaints: the bad word, what is wrong with it, and the nearest valid ones."""

from collections.abc import Iterable

from pydantic import ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from cheapconv.catalog.errors import UserError, nearest, short, shown
from cheapconv.engine.read.yaml_file import Location

_OWN = "sentence"  # the type of complaints that our own validators have worded
_KEY = "[key]"  # pydantic's mark of a mapping's key, which is the part before it
_BY_TYPE = {
    "missing": "'{word}' is missing; add it.",
    "too_short": "{word} is empty; give at least one.",
    "string_too_long": "{found} is too long a name; use at most 100 letters.",
    "string_pattern_mismatch": "{found} is no name; use letters, digits, '-', '_' and '.', with no space or slash.",
    "model_type": "{word} is {found}, but should be keys with values.",
    "dict_type": "{word} is {found}, but should be keys with values.",
    "tuple_type": "{word} is {found}, but should be a list.",
}


def complaint(message: str, *path: str | int) -> PydanticCustomError:
    """For use in a validator: `message` is the whole sentence, `path` leads from the validated value to the culprit."""
    return PydanticCustomError(_OWN, "{message}", {"message": message, "path": path})


def first(error: ValidationError) -> ErrorDetails:
    """The complaint to show: the first, but a cause before its effects, such as a misspelt key before a missing one."""
    late = ("extra_forbidden", "missing", "too_short")  # a list is short of the items that were refused
    return min(error.errors(), key=lambda detail: late.index(detail["type"]) + 1 if detail["type"] in late else 0)


def location(detail: ErrorDetails) -> Location:
    """Keys and positions that lead from the root of the document to the culprit."""
    return (*detail["loc"], *detail.get("ctx", {}).get("path", ()))


def explain(detail: ErrorDetails, known: Iterable[str] = ()) -> str:
    """The sentence; `known` are the keys that are valid where an unknown one was found."""
    kind, found = detail["type"], shown(detail["input"])
    word = next((part for part in reversed(detail["loc"]) if isinstance(part, str) and part != _KEY), "")
    message = detail["msg"].removeprefix("Value error, ")
    if kind == "extra_forbidden":
        return f"unknown key '{short(word)}'{nearest(word, known)}"
    if kind in _BY_TYPE:
        return _BY_TYPE[kind].format(word=word or "the file", found=found)
    if kind == _OWN or not word:
        return message
    wanted = message.removeprefix("Input ").split(", unable to parse")[0]
    return f"{word} is {found}, but {wanted}."


def explain_build(kind: str, text: str, error: UserError) -> str:
    """The sentence of a name or of parameters that the catalog refused, with the refused value in it."""
    if isinstance(error.__cause__, ValidationError):
        return f"{kind} '{short(text)}': {explain(first(error.__cause__))}"
    return str(error)
