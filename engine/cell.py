"""A cell: one fully resolved training run, and the key that names it.

The key is a hash of exactly the fields that can change the result, so that equal runs are trained once and shared, and
a change of any of them makes a new cell. What is not in it: names of entries and recipes, labels, device, threads,
logging, the code's revision (recorded beside the result).
"""

import contextlib
import dataclasses
import functools
import hashlib
import json
from collections.abc import Mapping
from typing import Any, Self

from engine import catalog
from engine.errors import UserError

_IN_KEY = (
    *("suite", "protocol", "data", "recipe"),
    *("architecture", "architecture_version", "conv", "conv_version"),
    *("method", "method_version", "method_config", "seed", "teacher"),
)
_KEY_DIGITS = 16  # 64 bits: a collision among a million cells has odds of 1 in 40 million


@dataclasses.dataclass(frozen=True, kw_only=True)
class Cell:
    """One run; architecture and conv are canonical texts, `recipe` holds the numbers after every override."""

    suite: str
    protocol: int
    data: str  # the suite's fingerprint
    recipe: Mapping[str, Any]
    architecture: str
    architecture_label: str
    architecture_version: int
    conv: str
    conv_label: str
    conv_version: int
    method: str
    method_label: str
    method_version: int
    method_config: Mapping[str, Any]  # the settings that differ from their defaults
    method_settings: Mapping[str, Any]  # all of them
    seed: int
    teacher: str | None  # key of the teacher's cell
    classes: int

    @functools.cached_property
    def key(self) -> str:
        """16 hexadecimal digits of SHA-256 over the canonical JSON of the fields in `_IN_KEY`."""
        fields = {name: getattr(self, name) for name in _IN_KEY}
        # Equal numbers, equal run; a None is as good as absent, so that a recipe may learn new fields.
        fields["recipe"] = {k: v for k, v in self.recipe.items() if k != "name" and v is not None}
        text = json.dumps(fields, sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()[:_KEY_DIGITS]

    def __hash__(self) -> int:
        return hash(self.key)

    def to_json(self) -> dict[str, Any]:
        """What `cell.json` holds: every field, and the key."""
        return {"key": self.key, **dataclasses.asdict(self)}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Self:
        """The cell of a `cell.json`."""
        return cls(**{f.name: record[f.name] for f in dataclasses.fields(cls)})


def resolve(
    *,
    suite: Any,
    recipe: Any,
    architecture: str,
    conv: str,
    method: str,
    settings: Mapping[str, Any],
    seed: int,
    teacher: str | None,
) -> Cell:
    """The cell of a suite, its recipe after every override, and names and settings as the registry spells them."""
    network, operator = catalog.parse("architecture", architecture), catalog.parse("conv", conv)
    thing = catalog.entry("method", method)
    everything = _settings(catalog.build("method", method, settings))
    changed = {k: v for k, v in everything.items() if thing.defaults[k] is ... or v != _plain(thing.defaults[k])}
    return Cell(
        suite=suite.registered_name,
        protocol=suite.protocol,
        data=suite.fingerprint,
        recipe=_plain(dataclasses.asdict(recipe)),
        architecture=catalog.canonical(network),
        architecture_label=catalog.label("architecture", network),
        architecture_version=network.version,
        conv=catalog.canonical(operator),
        conv_label=catalog.label("conv", operator),
        conv_version=operator.version,
        method=method,
        method_label=_method_label(method, changed),
        method_version=thing.cls.version,
        method_config=changed,
        method_settings=everything,
        seed=seed,
        teacher=teacher,
        classes=suite.classes,
    )


def _settings(config: Any) -> dict[str, Any]:
    return {f.name: _plain(getattr(config, f.name)) for f in dataclasses.fields(config)}


def _plain(value: Any) -> Any:
    """`value` as JSON gives it back, with 4.0 as 4, so that two spellings of a number are one."""
    return json.loads(json.dumps(value), parse_float=_shortest)


def _shortest(text: str) -> int | float:
    number = float(text)
    return int(number) if number.is_integer() else number


def _method_label(method: str, changed: Mapping[str, Any]) -> str:
    inside = ", ".join(f"{k}={_shown(v)}" for k, v in changed.items())
    return f"{method}({inside})" if inside else method


def _shown(value: Any) -> str:
    """A setting's value in short: the names of networks and convs in the papers' notation."""
    if isinstance(value, Mapping):
        return " ".join(map(_shown, value.values()))
    if isinstance(value, list | tuple) and any(isinstance(part, Mapping) for part in value):
        return "+".join(map(_shown, value))
    for kind in ("conv", "architecture") if isinstance(value, str) and "(" in value else ():
        with contextlib.suppress(UserError):
            return catalog.label(kind, catalog.parse(kind, value))
    return str(value)
