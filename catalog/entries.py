"""The catalog: the one mechanism by which architectures, convs, methods, suites and runtimes get their names.

A decorator registers a class under a kind and a name; the folders in `PACKAGES` are scanned for modules to import, so
a new thing is a new file. A registered class is built from its name and parameters; how the two are written in one text
is the affair of catalog/spelling.py.
"""

import dataclasses
import functools
import importlib
import itertools
import math
import pkgutil
import re
import typing
from collections.abc import Callable, Mapping
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, TypeVar

import pydantic

from cheapconv.catalog import contract, foreign
from cheapconv.catalog.code import code_of
from cheapconv.catalog.errors import UserError, nearest, short, shown
from cheapconv.catalog.foreign import ROOT
from cheapconv.catalog.importing import import_plugin
from cheapconv.catalog.numbers import Progression

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

KINDS = ("architecture", "conv", "method", "suite", "runtime")
PACKAGES = ("models.architectures", "models.convs", "methods", "baselines", "suites", "engine.measure.runtimes")
PLUGINS = "cheapconv.plugins"  # the entry points of installed packages that bring things of their own

T = TypeVar("T", bound=type)
Parameters = Mapping[str, object]
COMMON = {"common": True}  # marks the fields of a base class that every thing of its kind has
_SIGNS = {"gt": ">", "ge": ">=", "lt": "<", "le": "<="}  # by what annotated_types calls a bound


@dataclasses.dataclass(frozen=True)
class Registered:
    """One registered thing: `cls` is the class, `config` the dataclass that its parameters fill."""

    kind: str
    name: str
    cls: Any  # what it promises depends on its kind
    config: "type[DataclassInstance]"
    paper: str
    notation: Mapping[str, Parameters]

    @property
    def summary(self) -> str:
        """First line of the docstring."""
        return (self.cls.__doc__ or "").strip().partition("\n")[0]

    @property
    def defaults(self) -> dict[str, object]:
        """Parameters and their defaults (`...` marks a required one)."""
        found: dict[str, object] = {}
        for field in dataclasses.fields(self.config):
            if field.default_factory is not dataclasses.MISSING:
                found[field.name] = field.default_factory()
            else:
                found[field.name] = ... if field.default is dataclasses.MISSING else field.default
        return found

    @property
    def common(self) -> frozenset[str]:
        """The parameters that every thing of its kind has."""
        return frozenset(field.name for field in dataclasses.fields(self.config) if is_common(field))

    @property
    def is_whole(self) -> bool:
        """Whether its name alone says all: no parameter is required."""
        return ... not in self.defaults.values()

    @property
    def bounds(self) -> dict[str, str]:
        """What a parameter's type says of its numbers, as "> 0" or ">= 0, < 1"; of those that have bounds."""
        hints = typing.get_type_hints(self.config, include_extras=True)
        known = {f.name: _bounds(hints[f.name]) for f in dataclasses.fields(self.config)}
        return {name: text for name, text in known.items() if text}


_entries: dict[tuple[str, str], Registered] = {}
_brought: dict[str, list[Registered]] = {}  # by plugin


def register(
    kind: str, name: str, *, paper: str = "", notation: Mapping[str, Parameters] | None = None
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
        if vars(cls).get("registered_name", name) != name:
            raise UserError(f"{kind} '{name}' is registered as '{vars(cls)['registered_name']}' too: derive from it.")
        config = getattr(cls, "Config", cls)
        _entries[kind, name] = Registered(kind, name, cls, config, paper, dict(notation or {}))
        cls.registered_name = name  # type: ignore[attr-defined]
        foreign.note(cls)
        return cls

    return add


@functools.cache
def load(plugins: tuple[str, ...] = ()) -> None:
    """Import every module of the scanned folders, of installed packages that announce one, and the user's plugins."""
    for package in (f"{ROOT}.{name}" for name in PACKAGES):
        folder = importlib.import_module(package)
        for module in sorted(m.name for m in pkgutil.iter_modules(folder.__path__)):
            import_plugin(f"{package}.{module}")
    for plugin in (*(point.module for point in entry_points(group=PLUGINS)), *plugins):
        before = dict(_entries)
        import_plugin(plugin)
        code_of(plugin)  # now: what is written into its files later is not what this process trains with
        new = [thing for key, thing in _entries.items() if before.get(key) is not thing]
        for thing in _brought.setdefault(plugin, new):  # also when another sweep asks for it
            try:
                contract.check(thing, _entries.values())
            except UserError:
                _entries.pop((thing.kind, thing.name), None)  # nobody else should come across it
                raise


def plugins() -> tuple[str, ...]:
    """Modules that have brought things of their own."""
    return tuple(_brought)


def plugins_of(*texts: str) -> tuple[str, ...]:
    """Those that have brought something that is named in one of the texts."""
    words = {word for text in texts for word in re.findall(r"\w+", text)}
    return tuple(plugin for plugin, things in _brought.items() if words & {thing.name for thing in things})


def names(kind: str) -> list[str]:
    """Registered names of a kind, sorted."""
    return sorted(name for k, name in _entries if k == kind)


def registered(kind: str) -> list[Registered]:
    """Every registered thing of a kind, in the order of registration."""
    return [thing for (k, _), thing in _entries.items() if k == kind]


def spellings(kind: str) -> list[str]:
    """Every name and notation of a kind: what a misspelt one may have meant."""
    return [*names(kind), *(form for thing in registered(kind) for form in thing.notation)]


def entry(kind: str, name: str) -> Registered:
    """The registered thing of that name."""
    if (kind, name) not in _entries:
        raise UserError(f"unknown {kind} '{short(name)}'{nearest(name, spellings(kind))}")
    return _entries[kind, name]


def build(kind: str, name: str, params: Parameters) -> Any:
    """The parameter object of `name` filled with `params`; a wrong keyword, type or number is a UserError."""
    thing = entry(kind, name)
    known = [f.name for f in dataclasses.fields(thing.config)]
    hints = typing.get_type_hints(thing.config)
    for key, value in params.items():
        if key not in known:
            raise UserError(f"{kind} '{name}' has no parameter '{short(key)}'{nearest(key, known)}")
        # What pydantic would take for a number: nan, inf, and a boolean where a number is declared.
        if isinstance(value, float) and not math.isfinite(value):
            raise UserError(f"{kind} '{name}': {key} must be a finite number, not {value}")
        declared = {hints[key], *typing.get_args(hints[key])}
        if isinstance(value, bool) and bool not in declared and declared & {int, float}:
            raise UserError(f"{kind} '{name}': {key} must be a number, not {str(value).lower()}")
    try:
        built = _adapter(thing.config).validate_python(dict(params))
    except pydantic.ValidationError as error:
        raise UserError(f"{kind} '{name}': {_explain(error)}") from error
    for key in params:
        if _is_odd(getattr(built, key)):  # pydantic takes the text 'nan' for a number
            raise UserError(f"{kind} '{name}': {key} must be finite, not {shown(params[key])}")
    return built


@functools.cache
def _adapter(config: type[object]) -> pydantic.TypeAdapter[Any]:
    """What fills a config; making it takes longer than using it."""
    return pydantic.TypeAdapter(config)


def _is_odd(value: object) -> bool:
    """Whether a value, or a part of it, is nan or infinite."""
    if isinstance(value, list | tuple | Mapping):
        return any(_is_odd(part) for part in (value.values() if isinstance(value, Mapping) else value))
    return isinstance(value, float) and not math.isfinite(value)


def is_common(field: "dataclasses.Field[object]") -> bool:
    """Whether a field is one that every thing of its kind has."""
    return bool(field.metadata.get("common"))


def _bounds(hint: object) -> str:
    """Of `Annotated[int, Ge(1)] | None` it is ">= 1"."""
    marks = getattr(hint, "__metadata__", ())
    pairs = itertools.product(marks, _SIGNS.items())
    parts = [str(mark) for mark in marks if isinstance(mark, Progression)]
    parts += [f"{sign} {getattr(mark, name):g}" for mark, (name, sign) in pairs if hasattr(mark, name)]
    return ", ".join(parts or filter(None, map(_bounds, typing.get_args(hint))))


def _explain(error: pydantic.ValidationError) -> str:
    """The first complaint of pydantic as part of a sentence: the parameter, what it has to be, and what it is."""
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    message = first["msg"].removeprefix("Value error, ")
    if where and message.startswith("Input should be "):
        wanted = re.split(", unable|, got", message.removeprefix("Input should be "))[0]
        return f"{where} must be {wanted}, not {shown(first['input'])}"
    if message.startswith("must "):
        return f"{where} {message}"
    return f"{where}: {message}" if where else message
