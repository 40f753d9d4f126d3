"""What has to hold of a class that a plugin registers, looked at when it is: else something odd fails much later."""

import dataclasses
import importlib
import inspect
import json
import re
import typing
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, ClassVar

import pydantic

from cheapconv.catalog.errors import UserError, shown
from cheapconv.catalog.foreign import ROOT, place_of, said

if TYPE_CHECKING:
    from cheapconv.catalog.entries import Registered

CONTRACTS = {
    "architecture": ("models.architecture", "Architecture"),
    "conv": ("models.conv", "Conv"),
    "method": ("methods.base", "Method"),
    "suite": ("suites.base", "Suite"),
    "runtime": ("engine.measure.runtimes.base", "Runtime"),
}


def check(thing: "Registered", others: Iterable["Registered"] = ()) -> None:
    """A UserError, with file and line, for a class that does not keep the contract of its kind, or is written as one of
    the others is."""
    try:
        complaint = next(_complaints(thing, others), None)
    except Exception as error:  # its annotations, defaults and attributes may be code
        complaint = f"cannot be looked at ({said(error)})"
    if complaint:
        raise UserError(f"{thing.kind} '{thing.name}' {complaint} ({place_of(thing.cls)}); mend it there.")


def _complaints(thing: "Registered", others: Iterable["Registered"]) -> Iterator[str]:
    module, name = CONTRACTS[thing.kind]
    contract = getattr(importlib.import_module(f"{ROOT}.{module}"), name)
    if not isinstance(thing.name, str) or not thing.name.isidentifier():
        yield f"has no name that can be written in a registry: {shown(thing.name)}"
    if not isinstance(thing.cls, type) or not issubclass(thing.cls, contract):
        yield f"is no subclass of {ROOT}.{module}.{name}"
    if missing := sorted(getattr(thing.cls, "__abstractmethods__", ())):
        yield f"does not define {' and '.join(missing)}"
    yield from _of_attributes(thing.cls, contract)
    yield from _of_config(thing.config)
    known = {field.name for field in dataclasses.fields(thing.config)}
    for form, fixed in thing.notation.items():
        named = [*re.findall(r"{(\w+)}", form), *fixed]
        if not {*named} <= known or len(named) > len({*named}) or form.count("{") != len(named) - len(fixed):
            yield f"has a notation {shown(form)} that does not name its parameters, each once, in braces"
    # Else two things would have one name in every table, where their cells are taken for seeds of one row.
    alike = [other for other in others if other.kind == thing.kind and other.cls is not thing.cls]
    taken = {_shape(form): other for other in alike for form in other.notation}
    for form in thing.notation:
        if other := taken.get(_shape(form)):
            yield f"has the notation {shown(form)}, which is that of {other.kind} '{other.name}': choose another"


def _shape(notation: str) -> str:
    """A notation whatever its parameters are called."""
    return re.sub(r"{\w+}", "{}", notation)


def _of_attributes(cls: type, contract: type) -> Iterator[str]:
    """What is wrong with the attributes that the contract declares."""
    declared = typing.get_type_hints(contract, include_extras=True)
    for name, hint in declared.items():
        if typing.get_origin(hint) is not ClassVar or name == "registered_name":
            continue
        if not hasattr(cls, name):
            yield f"says nothing of its {name}"
        if isinstance(value := inspect.getattr_static(cls, name), property):  # an object of it knows
            continue
        config = pydantic.ConfigDict(arbitrary_types_allowed=True)
        try:
            pydantic.TypeAdapter(typing.get_args(hint)[0], config=config).validate_python(value, strict=True)
        except pydantic.ValidationError as error:
            yield f"has a wrong {name}, {shown(value)} ({error.errors()[0]['msg']})"


def _of_config(config: type) -> Iterator[str]:
    """What is wrong with the class whose fields are the parameters."""
    if not dataclasses.is_dataclass(config):
        yield f"has parameters in {shown(config)}, which is no dataclass"
    if not config.__dataclass_params__.frozen:  # type: ignore[attr-defined]
        yield f"has parameters in {config.__qualname__}, which is not frozen: write @dataclass(frozen=True)"
    hints = typing.get_type_hints(config, include_extras=True)
    for field in dataclasses.fields(config):
        try:
            pydantic.TypeAdapter(hints[field.name])
        except Exception as error:  # pydantic knows no such type, in one of many ways
            yield f"has a parameter {field.name} of a type that no registry can give ({said(error)})"
        factory = field.default_factory
        default = field.default if factory is dataclasses.MISSING else factory()
        if default is not dataclasses.MISSING and not _is_plain(default):
            yield f"has a parameter {field.name} with the default {shown(default)}, which no registry can give"


def _is_plain(value: object) -> bool:
    """Whether a value is made of numbers, texts, lists and mappings, and is finite."""
    try:
        return value == value and bool(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError, RecursionError):
        return False
