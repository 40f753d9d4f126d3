"""The catalog: the one mechanism by which architectures, convs, methods and suites get their names.

A decorator registers a class under a kind and a name; the folders in `PACKAGES` are scanned for modules to import, so
a new thing is a new file. A registered class is built from a text such as `wrn(depth=40, width=2)`: keywords with
literal values, read by `ast` and never evaluated. Convs and architectures also carry the papers' notation, which is
accepted wherever a name is and shown in tables: `{"G(N/{group_width})": {}, "G(N)": {"group_width": 1}}`. A class whose
parameters are no such numbers may define `from_text(text)` (its parameters, or None) and `to_text()` (its label).
"""

import ast
import dataclasses
import functools
import importlib
import math
import pkgutil
import re
import typing
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any, TypeVar

import pydantic

from engine.errors import UserError, nearest

KINDS = ("architecture", "conv", "method", "suite")
PACKAGES = ("models.architectures", "models.convs", "methods", "baselines", "suites")

T = TypeVar("T", bound=type)


@dataclasses.dataclass(frozen=True)
class Entry:
    """One registered thing: `cls` is the class, `config` the dataclass that its parameters fill."""

    kind: str
    name: str
    cls: Any
    config: Any
    paper: str
    notation: Mapping[str, Mapping[str, Any]]

    @property
    def summary(self) -> str:
        """First line of the docstring."""
        return (self.cls.__doc__ or "").strip().splitlines()[0]

    @property
    def defaults(self) -> dict[str, Any]:
        """Parameters and their defaults (`...` marks a required one)."""
        return {f.name: _default(f) for f in dataclasses.fields(self.config)}


_entries: dict[tuple[str, str], Entry] = {}


def register(
    kind: str, name: str, *, paper: str = "", notation: Mapping[str, Mapping[str, Any]] | None = None
) -> Callable[[T], T]:
    """Class decorator: `name` of `kind` is this class. Its parameters are its nested `Config`, or its own fields."""
    assert kind in KINDS, kind

    def add(cls: T) -> T:
        known = _entries.get((kind, name))
        same = known is not None and (known.cls.__module__, known.cls.__qualname__) == (
            cls.__module__,
            cls.__qualname__,
        )
        if known is not None and not same:
            raise UserError(f"{kind} '{name}' is registered twice, in {known.cls.__module__} and in {cls.__module__}.")
        config = getattr(cls, "Config", cls)
        _entries[kind, name] = Entry(kind, name, cls, config, paper, dict(notation or {}))
        cls.registered_name = name  # type: ignore[attr-defined]
        return cls

    return add


@functools.cache
def load(plugins: tuple[str, ...] = ()) -> None:
    """Import every module of the scanned folders and the user's plugin modules."""
    for package in PACKAGES:
        folder = importlib.import_module(package)
        for module in sorted(m.name for m in pkgutil.iter_modules(folder.__path__)):
            importlib.import_module(f"{package}.{module}")
    for plugin in plugins:
        try:
            importlib.import_module(plugin)
        except ModuleNotFoundError as error:
            raise UserError(
                f"plugin '{plugin}' cannot be imported ({error}); is it installed or on PYTHONPATH?"
            ) from error


def names(kind: str) -> list[str]:
    """Registered names of a kind, sorted."""
    return sorted(name for k, name in _entries if k == kind)


def entry(kind: str, name: str) -> Entry:
    """The registered thing of that name."""
    if (kind, name) not in _entries:
        notations = [form for n in names(kind) for form in _entries[kind, n].notation]
        raise UserError(f"unknown {kind} '{name}'{nearest(name, [*names(kind), *notations])}")
    return _entries[kind, name]


def build(kind: str, name: str, params: Mapping[str, Any]) -> Any:
    """The parameter object of `name` filled with `params`; a wrong keyword, type or number is a UserError."""
    thing = entry(kind, name)
    known = [f.name for f in dataclasses.fields(thing.config)]
    for key in params:
        if key not in known:
            raise UserError(f"{kind} '{name}' has no parameter '{key}'{nearest(key, known)}")
    _refuse_odd_values(kind, name, params)
    try:
        return pydantic.TypeAdapter(thing.config).validate_python(dict(params))
    except pydantic.ValidationError as error:
        raise UserError(f"{kind} '{name}': {_explain(error)}") from error


def _refuse_odd_values(kind: str, name: str, params: Mapping[str, Any]) -> None:
    """What pydantic would take for a number: nan, inf, and a boolean where a number is declared."""
    hints = typing.get_type_hints(entry(kind, name).config)
    for key, value in params.items():
        if isinstance(value, float) and not math.isfinite(value):
            raise UserError(f"{kind} '{name}': {key} must be a finite number, not {value}")
        if isinstance(value, bool) and hints.get(key) in (int, float):
            raise UserError(f"{kind} '{name}': {key} must be a number, not {str(value).lower()}")


def parse(kind: str, text: str) -> Any:
    """The parameter object that `text` names: `wrn(depth=40, width=2)`, `depthwise`, or a notation such as `G(N/8)`."""
    name, params = _match_notation(kind, text) or _own_spelling(kind, text) or _split(kind, text)
    return build(kind, name, params)


def canonical(thing: Any) -> str:
    """The one text of a parameter object, every parameter that is not None spelled out in the order of declaration."""
    values = {f.name: getattr(thing, f.name) for f in dataclasses.fields(thing)}
    inside = ", ".join(f"{k}={v!r}" for k, v in values.items() if v is not None)
    return f"{thing.registered_name}({inside})" if inside else thing.registered_name


def label(kind: str, thing: Any) -> str:
    """The papers' notation of a parameter object, or its canonical text where there is none."""
    values = {f.name: getattr(thing, f.name) for f in dataclasses.fields(thing)}
    given = {k: v for k, v in values.items() if v is not None}
    for form, fixed in entry(kind, thing.registered_name).notation.items():
        free = set(re.findall(r"{(\w+)}", form))
        if free | set(fixed) == set(given) and all(given[k] == v for k, v in fixed.items()):
            return form.format(**{k: _written(v) for k, v in given.items()})
    return thing.to_text() if hasattr(thing, "to_text") else canonical(thing)


def _match_notation(kind: str, text: str) -> tuple[str, dict[str, Any]] | None:
    for name, form, fixed in _forms(kind):
        found = _pattern(form).fullmatch(text.replace(" ", ""))
        if found:
            return name, {**fixed, **{key: ast.literal_eval(value) for key, value in found.groupdict().items()}}
    return None


def _own_spelling(kind: str, text: str) -> tuple[str, dict[str, Any]] | None:
    """What a class with a spelling of its own reads from `text`: `from_text(text)` gives its parameters, or None."""
    for (k, name), thing in _entries.items():
        params = thing.cls.from_text(text) if k == kind and hasattr(thing.cls, "from_text") else None
        if params is not None:
            return name, params
    return None


def _forms(kind: str) -> list[tuple[str, str, Mapping[str, Any]]]:
    """Name, form and fixed parameters of every notation; those without a free number come first and so win."""
    forms = [
        (n, form, fixed) for (k, n), thing in _entries.items() if k == kind for form, fixed in thing.notation.items()
    ]
    return sorted(forms, key=lambda entry: "{" in entry[1])


@functools.cache
def _pattern(form: str) -> re.Pattern[str]:
    """`G(N/{group_width})` as a regular expression whose braces are numbers without sign."""
    return re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>(?:0|[1-9]\\d*)(?:\\.\\d+)?)", re.escape(form.replace(" ", ""))))


def _written(value: Any) -> str:
    """`value` in a notation: a fraction with two digits, as the papers write it, or as many as it needs."""
    if not isinstance(value, float):
        return str(value)
    return f"{value:.2f}" if round(value, 2) == value else f"{Decimal(repr(value)):f}"


def _split(kind: str, text: str) -> tuple[str, dict[str, Any]]:
    """Name and keyword literals of a call-like text."""
    try:
        node = ast.parse(text.strip(), mode="eval").body
        if isinstance(node, ast.Name):
            return node.id, {}
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.args:
            return node.func.id, {str(k.arg): _value(k.value) for k in node.keywords}
    except (SyntaxError, ValueError):
        pass
    known: Iterable[str] = [*names(kind), *(f for n in names(kind) for f in _entries[kind, n].notation)]
    raise UserError(f"'{text}' is no {kind}: write name(keyword=number, ...){nearest(text, known)}")


def _value(node: ast.expr) -> Any:
    """A literal; a bare word, as in `timm(name=resnet34)`, is text."""
    return node.id if isinstance(node, ast.Name) else ast.literal_eval(node)


def _default(f: dataclasses.Field) -> Any:
    if f.default is not dataclasses.MISSING:
        return f.default
    return f.default_factory() if f.default_factory is not dataclasses.MISSING else ...


def _explain(error: pydantic.ValidationError) -> str:
    """The first complaint of pydantic as part of a sentence."""
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    message = first["msg"].removeprefix("Value error, ")
    return f"{where}: {message}" if where else message
