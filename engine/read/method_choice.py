"""A method as an entry of the registry asks for it: `name`, or `{name: {teacher: entry, setting: [2, 4]}}`.

A list among the settings is a grid, unless the setting's declared type is itself a list or tuple.
"""

import itertools
import math
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import UnionType
from typing import Self, Union

from pydantic import ValidationError

from cheapconv import catalog
from cheapconv.catalog.errors import UserError, short, shown
from cheapconv.engine.read.complaint import complaint, explain_build, first

MOST_CHECKED = 1000  # combinations


@dataclass(frozen=True)
class MethodChoice:
    """A method's name, the entry that teaches it, and the values of each of its settings."""

    name: str
    teacher: str | None = None
    settings: Mapping[str, tuple[object, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, name: str, teacher: str | None, given: Mapping[str, object]) -> Self:
        """The choice of a registered method, the lists among whose settings are grids."""
        try:
            hints = typing.get_type_hints(catalog.entry("method", name).config)
        except UserError as error:
            raise complaint(str(error), name) from error
        settings: dict[str, tuple[object, ...]] = {}
        for setting, value in given.items():
            if not isinstance(value, list) or _takes_list(hints.get(setting)):
                settings[setting] = (value,)
            elif value:
                settings[setting] = tuple(value)
            else:
                raise complaint(f"{setting} is an empty list; give it a value or remove it.", name, setting)
        return cls(name, teacher, settings)

    def grid(self) -> list[dict[str, object]]:
        """Every combination of the settings; one, the empty one, where none is set."""
        return [dict(zip(self.settings, values, strict=True)) for values in itertools.product(*self.settings.values())]

    @property
    def size(self) -> int:
        """How many combinations there are."""
        return math.prod(map(len, self.settings.values()))

    def check(self) -> None:
        """Build every combination once: what the catalog refuses is a complaint at the setting that is wrong.

        Of more than any sweep asks for, as many as have every value in them; the plan says how many it takes.
        """
        values = self.settings.items()
        longest = max(map(len, self.settings.values()), default=1)
        few = ({name: given[i % len(given)] for name, given in values} for i in range(longest))
        for combination in self.grid() if self.size <= MOST_CHECKED else few:
            try:
                catalog.build("method", self.name, combination)
            except UserError as error:
                if isinstance(error.__cause__, ValidationError):
                    culprit = first(error.__cause__)["loc"]
                else:
                    known = catalog.entry("method", self.name).defaults
                    culprit = tuple(key for key in combination if key not in known)[:1]
                raise complaint(explain_build("method", self.name, error), self.name, *culprit) from error


def read(value: object) -> MethodChoice:
    """The choice that a value of the registry describes; every combination of its settings is built once as a check."""
    described = {value: None} if isinstance(value, str) else value
    if not isinstance(described, dict) or len(described) != 1:
        raise complaint(f"method is {shown(value)}, but should be a name or {{name: {{setting: value}}}}.")
    [(name, settings)] = described.items()
    if not isinstance(settings, dict | None):
        raise complaint(
            f"the settings of method '{short(name)}' should be keys with values, not {shown(settings)}.", name
        )
    settings = dict(settings or {})
    teacher = settings.pop("teacher", None)
    if not isinstance(teacher, str | None):
        raise complaint(f"teacher is {shown(teacher)}, but should be the name of one entry.", str(name), "teacher")
    choice = MethodChoice.of(str(name), teacher, settings)
    choice.check()
    return choice


def _takes_list(hint: object) -> bool:
    """Whether a declared type, or a part of its union, is a list or tuple."""
    if typing.get_origin(hint) in (Union, UnionType):
        return any(_takes_list(part) for part in typing.get_args(hint))
    return (typing.get_origin(hint) or hint) in (tuple, list)
