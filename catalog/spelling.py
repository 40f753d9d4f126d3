"""How a registered thing is written: `wrn(depth=40, width=2)`, or the papers' notation, such as `G(N/8)`.

Keywords with literal values, read by `ast` and never evaluated. A notation is a form with numbers in braces,
`{"G(N/{group_width})": {}, "G(N)": {"group_width": 1}}`, accepted wherever a name is and shown in tables. A class whose
parameters are no such numbers may define `from_text(text)` (its parameters, or None) and `to_text()` (its label).
"""

import ast
import contextlib
import dataclasses
import functools
import re
import warnings
from decimal import Decimal
from typing import Any, ClassVar, Protocol

from cheapconv.catalog.entries import Parameters, build, entry, is_common, registered, spellings
from cheapconv.catalog.errors import UserError, nearest, short

FREE = "?"  # stands for a number that is yet to be chosen
LONGEST, DEEPEST = 4000, 20  # characters of a text, and brackets within brackets


class Named(Protocol):
    """A parameter object: a dataclass that knows under which name it is registered."""

    registered_name: ClassVar[str]


def parse(kind: str, text: str) -> Any:
    """The parameter object that `text` names: `wrn(depth=40, width=2)`, `depthwise`, or a notation such as `G(N/8)`."""
    if len(text) > LONGEST:
        raise UserError(f"'{short(text)}' is no {kind}: {len(text):,} characters are more than any name has.")
    forms = [(thing.name, form, fixed) for thing in registered(kind) for form, fixed in thing.notation.items()]
    for name, form, fixed in sorted(forms, key=lambda found: "{" in found[1]):  # one without a free number wins
        found = _pattern(form).fullmatch(text.replace(" ", ""))
        if found:
            numbers = {key: ast.literal_eval(value) for key, value in found.groupdict().items()}
            return build(kind, name, {**fixed, **numbers})
    for thing in registered(kind):
        params = thing.cls.from_text(text) if hasattr(thing.cls, "from_text") else None
        if params is not None:
            return build(kind, thing.name, params)
    return build(kind, *_split(kind, text))


def expression(text: str) -> ast.expr | None:
    """What `text` is as an expression of Python; None if it is none, or deeper than any name."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of Python's compiler, on what is refused below
            node = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):  # the last two of brackets by the hundred
        return None
    level: list[ast.AST] = [node]
    for _ in range(DEEPEST):
        level = [part for parent in level for part in ast.iter_child_nodes(parent)]
    return None if level else node


def canonical(thing: Named) -> str:
    """The one text of a parameter object, every parameter that is not None spelled out in the order of declaration."""
    inside = ", ".join(f"{k}={v!r}" for k, v in _given(thing).items())
    return f"{thing.registered_name}({inside})" if inside else thing.registered_name


def label(kind: str, thing: Named) -> str:
    """The papers' notation of a parameter object, or its canonical text where there is none."""
    given = _given(thing)
    for form, fixed in entry(kind, thing.registered_name).notation.items():
        free = set(re.findall(r"{(\w+)}", form))
        if free | set(fixed) == set(given) and all(given[k] == v for k, v in fixed.items()):
            return form.format(**{k: _written(v) for k, v in given.items()})
    return str(thing.to_text()) if hasattr(thing, "to_text") else canonical(thing)


def _given(thing: Named) -> dict[str, object]:
    """The parameters that are not None, in the order of declaration; those that all of its kind have come last."""
    assert dataclasses.is_dataclass(thing)
    fields = sorted(dataclasses.fields(thing), key=is_common)  # by name they would move in every text there is
    values = {f.name: getattr(thing, f.name) for f in fields}
    return {name: value for name, value in values.items() if value is not None}


@functools.cache
def _pattern(form: str) -> re.Pattern[str]:
    """`G(N/{group_width})` as a regular expression whose braces are numbers without sign."""
    return re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>(?:0|[1-9]\\d*)(?:\\.\\d+)?)", re.escape(form.replace(" ", ""))))


def _written(value: object) -> str:
    """`value` in a notation: a fraction with two digits, as the papers write it, or as many as it needs."""
    if not isinstance(value, float):
        return str(value)
    return f"{value:.2f}" if round(value, 2) == value else f"{Decimal(repr(value)):f}"


def _split(kind: str, text: str) -> tuple[str, Parameters]:
    """Name and keyword literals of a call-like text; bare words, as in `timm(name=resnet34)`, are text."""
    node = expression(text)
    if isinstance(node, ast.Name):
        return node.id, {}
    given = node.keywords if isinstance(node, ast.Call) else []
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.args and all(k.arg for k in given):
        values = [(str(k.arg), k.value) for k in given]
        if twice := [name for i, (name, _) in enumerate(values) if name in dict(values[:i])]:
            raise UserError(f"'{short(text)}' gives {short(twice[0])} twice: keep one.")
        with contextlib.suppress(ValueError, TypeError):  # no literal, or a set of lists
            return node.func.id, {name: _value(text, name, value) for name, value in values}
    raise UserError(f"'{short(text)}' is no {kind}: write name(keyword=number, ...){nearest(text, spellings(kind))}")


def _value(text: str, name: str, value: ast.expr) -> object:
    """What stands for a keyword. A name with a hyphen or a number would be a difference, and is asked for in quotes."""
    if isinstance(value, ast.Name | ast.Attribute):
        return ast.unparse(value)
    if isinstance(value, ast.BinOp) and any(isinstance(part, ast.Name) for part in ast.walk(value)):
        written = ast.get_source_segment(text.strip(), value) or ast.unparse(value)
        raise UserError(f"{short(written)} in '{short(text)}' stands without quotes: write {name}='{short(written)}'.")
    return ast.literal_eval(value)
