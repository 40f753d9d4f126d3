"""Resolving: a suite, a recipe and the names and settings of a registry entry become a cell."""

import contextlib
import dataclasses
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, Protocol

from cheapconv import catalog
from cheapconv.catalog.errors import UserError
from cheapconv.engine.store.cell import Cell
from cheapconv.engine.store.content import content_hash
from cheapconv.suites.base import Suite
from cheapconv.suites.recipe import Recipe


class _Readable(Protocol):
    """An architecture or a conv: a dataclass with a version that names the files it is read from."""

    __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[object]]]
    registered_name: ClassVar[str]

    @property
    def version(self) -> int:
        """Raised when the same parameters begin to mean something else."""

    def contents(self, hashed: Callable[[Path], str]) -> Mapping[str, str]:
        """What stands for each parameter that names a file, by the hash of a file."""


def resolve(
    *,
    suite: Suite,
    recipe: Recipe,
    architecture: str,
    conv: str,
    method: str,
    settings: Mapping[str, object],
    seed: int,
    teacher: str | None,
    taught_anew: bool = False,
) -> Cell:
    """The cell of a suite, its recipe after every override, and names and settings as the registry spells them.

    `taught_anew` says that its teacher knows images of another normalisation, which are normalised anew for it. A cell
    that is not trained is one look at its networks, however long the recipe.

    A UserError if a file that a network is read from cannot be read.
    """
    network, operator = catalog.parse("architecture", architecture), catalog.parse("conv", conv)
    thing = catalog.entry("method", method)
    config = catalog.build("method", method, settings)
    everything = {f.name: _plain(getattr(config, f.name)) for f in dataclasses.fields(config)}
    recipe = recipe if thing.cls.trains else recipe.override(epochs=1)
    changed = {k: v for k, v in everything.items() if thing.defaults[k] is ... or v != _plain(thing.defaults[k])}
    # One more where the last image of an epoch joins a batch, which was a batch of its own before; two more where a
    # teacher's images are normalised anew, which were given as the student's are before.
    joins = recipe.joins_last((suite.train_samples or 0) - (recipe.validation or 0))
    inside = ", ".join(f"{k}={_shown(v)}" for k, v in changed.items())
    return Cell(
        suite=catalog.canonical(suite),
        protocol=suite.protocol + joins + 2 * taught_anew,
        data=suite.fingerprint,
        recipe=_plain(dataclasses.asdict(recipe.of_cell(network.registered_name, getattr(config, "shares", (1.0,))))),
        architecture=catalog.canonical(network),
        architecture_label=catalog.label("architecture", network),
        architecture_version=network.version,
        conv=catalog.canonical(operator),
        conv_label=catalog.label("conv", operator),
        conv_version=operator.version,
        method=method,
        method_label=f"{method}({inside})" if inside else method,
        method_version=thing.cls.version,
        method_config=changed,
        method_settings=everything,
        seed=seed,
        teacher=teacher,
        classes=suite.classes,
        weights=_data(suite) | _weights([network, operator, *_named_in(everything)]),
        versions=_versions([*_inside(network), *_inside(operator), *_named_in(everything)]),
    )


def changed_since(cell: Cell) -> str | None:
    """A parameter of the cell whose file holds something else than when the cell was planned, or is gone."""
    named = [cell.architecture, cell.conv, cell.method_settings]
    try:
        now = _data(catalog.parse("suite", cell.suite)) | _weights([*_named_in(named)])
    except UserError:  # content_hash
        now = {}
    return next((name for name, content in cell.weights.items() if now.get(name) != content), None)


def _data(suite: Suite) -> dict[str, str]:
    """What the places of a suite hold, by their parameters as its text has them."""
    return {f"{name}={getattr(suite, name)!r}": suite.fingerprint for name in suite.places()}


def _weights(things: Iterable[_Readable]) -> dict[str, str]:
    """What every file of these architectures and convs holds, by its parameter as their texts have it."""
    found: dict[str, str] = {}
    for thing in things:
        contents = thing.contents(content_hash)
        found |= {f"{name}={getattr(thing, name)!r}": content for name, content in contents.items()}
        found |= _weights(_inside(thing))
    return found


def _versions(things: Iterable[_Readable]) -> dict[str, int]:
    """The version of each of these architectures and convs, and of those within them, that is not the first."""
    found: dict[str, int] = {}
    for thing in things:
        found |= {catalog.canonical(thing): thing.version} if thing.version > 1 else {}
        found |= _versions(_inside(thing))
    return found


def _inside(thing: _Readable) -> Iterator[_Readable]:
    """The architectures and convs that the parameters of one name."""
    return _named_in([getattr(thing, field.name) for field in dataclasses.fields(thing)])


def _named_in(value: object) -> Iterator[_Readable]:
    """The architectures and convs that the texts in settings or parameters name."""
    if isinstance(value, Mapping | list | tuple):
        for part in value.values() if isinstance(value, Mapping) else value:
            yield from _named_in(part)
    elif isinstance(value, str) and "(" in value:
        for kind in ("conv", "architecture"):
            with contextlib.suppress(UserError):
                yield catalog.parse(kind, value)


def _plain(value: object) -> Any:
    """`value` as JSON gives it back, with 4.0 as 4, so that two spellings of a number are one."""
    return json.loads(json.dumps(value), parse_float=lambda t: int(float(t)) if float(t).is_integer() else float(t))


def _shown(value: object) -> str:
    """A setting's value in short: the names of networks and convs in the papers' notation."""
    if isinstance(value, Mapping):
        return " ".join(map(_shown, value.values()))
    if isinstance(value, list | tuple) and any(isinstance(part, Mapping) for part in value):
        return "+".join(map(_shown, value))
    if isinstance(value, str) and "(" in value:
        for kind in ("conv", "architecture"):
            with contextlib.suppress(UserError):
                return catalog.label(kind, catalog.parse(kind, value))
    return str(value)
