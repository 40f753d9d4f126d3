"""A template: architecture and conv with one number left free, the `?` in `wrn(depth=40, width=?)` or `G(?)`.

Where no `?` is written, the one number of the conv is free, or, where the conv has none, the architecture's `width`.
"""

import dataclasses
from dataclasses import dataclass
from typing import Any

from cheapconv import catalog
from cheapconv.catalog.errors import UserError
from cheapconv.catalog.spelling import FREE

STEP = 0.001  # of a number that need not be whole


@dataclass(frozen=True)
class Template:
    """The two texts, exactly one of which has a `?` in it, once; a number that may be a fraction goes in steps."""

    architecture: str
    conv: str
    whole: bool = True

    def texts(self, step: int) -> tuple[str, str]:
        """Architecture and conv with the number of `step`, which counts from 1."""
        number = str(step if self.whole else round(step * STEP, 6))
        return self.architecture.replace(FREE, number), self.conv.replace(FREE, number)


def template(architecture: str, conv: str) -> Template:
    """The template of two texts; a UserError says how to mark the free number where it is not plain."""
    marks = (architecture + conv).count(FREE)
    if marks > 1:
        raise UserError(f"one number can be free, not {marks}: write one ? in '{architecture}' and '{conv}'.")
    if marks == 0:
        free_conv = _freed("conv", conv)
        architecture, conv = (architecture, free_conv) if free_conv else (_with_free_width(architecture, conv), conv)
    texts = Template(architecture, conv, whole=False)
    return dataclasses.replace(texts, whole=not _is_known(*texts.texts(round(0.5 / STEP))))


def _freed(kind: str, text: str) -> str | None:
    """`text` with its number free; None if it has no number. Of several numbers the free one must be marked."""
    if kind == "conv" and text in catalog.names(kind) and ... in catalog.entry(kind, text).defaults.values():
        values = dict(catalog.entry(kind, text).defaults)  # a bare name whose number is not given
        name = text
    else:
        thing = catalog.parse(kind, text)
        values = {f.name: getattr(thing, f.name) for f in dataclasses.fields(thing)}
        name = thing.registered_name
    numbers = [key for key, value in values.items() if value is ...]  # what must be given before what may be
    numbers = numbers or [key for key, value in values.items() if _is_number(value)]
    if len(numbers) > 1:
        raise UserError(f"{kind} '{text}' has the numbers {' and '.join(numbers)}: write ? for the free one.")
    return _spelled(name, values, numbers[0]) if numbers else None


def _with_free_width(architecture: str, conv: str) -> str:
    thing = catalog.parse("architecture", architecture)
    values = {f.name: getattr(thing, f.name) for f in dataclasses.fields(thing)}
    if not _is_number(values.get("width")):
        raise UserError(f"neither '{conv}' nor the width of '{architecture}' can be chosen: write ? for a number.")
    return _spelled(thing.registered_name, values, "width")


def _spelled(name: str, values: dict[str, Any], free: str) -> str:
    inside = [f"{k}={FREE if k == free else repr(v)}" for k, v in values.items() if v is not None]
    return f"{name}({', '.join(inside)})"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_known(architecture: str, conv: str) -> bool:
    try:
        catalog.parse("architecture", architecture)
        catalog.parse("conv", conv)
    except UserError:
        return False
    return True
