"""A cell: one fully resolved training run, and the key that names it.

The key is a hash of exactly the fields that can change the result, so that equal runs are trained once and shared, and
a change of any of them makes a new cell. A file that a network is read from is in it with what it holds, not with its
path. What is not in it: names of entries and recipes, labels, device, threads, logging, the code's revision (recorded
beside the result).
"""

import dataclasses
import functools
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter

from cheapconv.suites.recipe import Recipe

_IN_KEY = (
    *("suite", "protocol", "data", "recipe"),
    *("architecture", "architecture_version", "conv", "conv_version"),
    *("method", "method_version", "method_config", "seed", "teacher"),
)
_recipe = TypeAdapter(Recipe)  # made once: that takes milliseconds, and there are thousands of cells
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
    gpus: int = 1  # at most so many, where there are some, train it together
    # SHA-256 of every file that is read, by its parameter as the texts have it: weights='net.pt'
    weights: Mapping[str, str] = dataclasses.field(default_factory=dict)
    # Of the architectures and convs that a setting or a parameter names, by text, where it is not the first.
    versions: Mapping[str, int] = dataclasses.field(default_factory=dict)

    @functools.cached_property
    def key(self) -> str:
        """16 hexadecimal digits of SHA-256 over the canonical JSON of the fields in `_IN_KEY`."""
        fields = {name: getattr(self, name) for name in _IN_KEY}
        # Equal numbers, equal run; a None is as good as absent, so that a recipe may learn new fields.
        fields["recipe"] = _without_none({k: v for k, v in self.recipe.items() if k != "name"})
        if self.versions:
            fields["versions"] = [[text, version] for text, version in sorted(self.versions.items())]
        if self.weights:  # else the key is that of a release that did not know of files
            fields = _by_content(fields, self.weights) | {"weights": sorted(self.weights.values())}
        text = json.dumps(fields, sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()[:_KEY_DIGITS]

    def __hash__(self) -> int:
        return hash(self.key)

    @property
    def title(self) -> str:
        """`WRN-10-2 G(4) kd seed 0`."""
        return f"{self.architecture_label} {self.conv_label} {self.method_label} seed {self.seed}"

    @property
    def epochs(self) -> int:
        """Of its training."""
        return int(self.recipe["epochs"])

    @property
    def held_out(self) -> int:
        """Training samples that are kept for validation."""
        return self.recipe.get("validation") or 0

    def to_json(self) -> dict[str, Any]:
        """What `cell.json` holds: every field, and the key."""
        return {"key": self.key, **dataclasses.asdict(self)}


@dataclasses.dataclass(frozen=True, kw_only=True)
class CellRecord(Cell):
    """A cell as cell.json holds it: with what a report has to know of its parts without importing them."""

    suite_label: str = ""
    is_baseline: bool = False
    trains: bool = True  # if not, its networks were trained elsewhere, and what that cost is not known
    is_standard: bool = False
    plugins: tuple[str, ...] = ()  # modules that have brought its parts

    __hash__ = Cell.__hash__

    @property
    def text(self) -> str:
        """`WRN-40-2 S + scratch`."""
        return f"{self.architecture_label} {self.conv_label} + {self.method_label}"


def recipe_of(cell: Cell) -> Recipe:
    """The recipe of a cell's plain numbers."""
    return _recipe.validate_python(cell.recipe)


def _without_none(numbers: Mapping[str, object]) -> dict[str, object]:
    """The numbers of a recipe, and of its parts, that are set."""
    set_ones = {name: value for name, value in numbers.items() if value is not None}
    return {k: _without_none(v) if isinstance(v, Mapping) else v for k, v in set_ones.items()}


def _by_content(value: Any, weights: Mapping[str, str]) -> Any:
    """`value`, in all of whose texts a file's path is replaced by the hash of what it holds."""
    if isinstance(value, Mapping):
        return {key: _by_content(part, weights) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_by_content(part, weights) for part in value]
    for parameter, content in weights.items() if isinstance(value, str) else ():
        value = value.replace(parameter, f"{parameter.partition('=')[0]}={content}")
    return value
