"""A method as an entry of the registry asks for it: `name`, or `{name: {teacher: entry, setting: [2, 4]}}`.

A list among the settings is a grid, unless the setting's declared type is itself a list or tuple.
"""

import itertools
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import UnionType
from typing import Any, Union

from pydantic import ValidationError

from cheapconv import catalog
from cheapconv.catalog.errors import UserError
from cheapconv.engine.read.complaint import complaint, explain_build, first
from cheapconv.engine.read.yaml_file import Location


@dataclass(frozen=True)
class MethodChoice:
    """A method's name, the entry that teaches it, and the values of each of its settings."""

    name: str
    teacher: str | None = None
    settings: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)

    def grid(self) -> list[dict[str, Any]]:
        """Every combination of the settings; one, the empty one, where none is set."""
        return [dict(zip(self.settings, values, strict=True)) for values in itertools.product(*self.settings.values())]


def read(value: Any) -> MethodChoice:
    """The choice that a value of the registry describes; every combination of its settings is built once as a check."""
    name, settings = _split(value)
    teacher = settings.pop("teacher", None)
    if not isinstance(teacher, str | None):
        raise complaint(f"teacher is {teacher!r}, but should be the name of one entry.", name, "teacher")
    choice = MethodChoice(name, teacher, {key: _values(name, key, given) for key, given in settings.items()})
    for combination in choice.grid():
        _check(name, combination)
    return choice


def _split(value: Any) -> tuple[str, dict[str, Any]]:
    """Name and settings of a text or of a mapping with one key."""
    if isinstance(value, str):
        return value, {}
    if not isinstance(value, dict) or len(value) != 1:
        raise complaint(f"method is {value!r}, but should be a name or {{name: {{setting: value}}}}.")
    [(name, settings)] = value.items()
    if not isinstance(settings, dict | None):
        raise complaint(f"the settings of method '{name}' should be keys with values, not {settings!r}.", name)
    return str(name), dict(settings or {})


def _values(method: str, setting: str, given: Any) -> tuple[Any, ...]:
    """The grid of one setting."""
    if not isinstance(given, list) or _takes_list(_declared_type(method, setting)):
        return (given,)
    if not given:
        raise complaint(f"{setting} is an empty list; give it a value or remove it.", method, setting)
    return tuple(given)


def _declared_type(method: str, setting: str) -> Any:
    try:
        return typing.get_type_hints(catalog.entry("method", method).config).get(setting)
    except UserError as error:
        raise complaint(str(error), method) from error


def _takes_list(hint: Any) -> bool:
    if typing.get_origin(hint) in (Union, UnionType):
        return any(_takes_list(part) for part in typing.get_args(hint))
    return (typing.get_origin(hint) or hint) in (tuple, list)


def _check(name: str, settings: dict[str, Any]) -> None:
    """Refuse what the catalog cannot build, pointing at the setting that is wrong."""
    try:
        catalog.build("method", name, settings)
    except UserError as error:
        raise complaint(explain_build("method", name, error), name, *_culprit(name, settings, error)) from error


def _culprit(name: str, settings: dict[str, Any], error: UserError) -> Location:
    if isinstance(error.__cause__, ValidationError):
        return first(error.__cause__)["loc"]
    known = catalog.entry("method", name).defaults if name in catalog.names("method") else settings
    return tuple(key for key in settings if key not in known)[:1]
