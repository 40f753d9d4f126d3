"""A template: architecture and conv with one number left free, the `?` in `wrn(depth=40, width=?)` or `G(?)`.

Where no `?` is written, the one number of the conv is free, or, where the conv has none, the architecture's `width`.
"""

import dataclasses
from dataclasses import dataclass

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
    catalog.load()
    marks = (architecture + conv).count(FREE)
    if marks > 1:
        raise UserError(f"one number can be free, not {marks}: write one ? in '{architecture}' and '{conv}'.")
    if marks == 0:
        architecture, conv = _marked(architecture, conv)
    texts = Template(architecture, conv, whole=False)
    try:
        for kind, text in zip(("architecture", "conv"), texts.texts(round(0.5 / STEP)), strict=True):
            catalog.parse(kind, text)
    except UserError:  # a half is refused
        return dataclasses.replace(texts, whole=True)
    return texts


def _marked(architecture: str, conv: str) -> tuple[str, str]:
    """The two with one number free. Of several numbers of a conv the free one must be marked by hand."""
    if conv in catalog.names("conv") and ... in catalog.entry("conv", conv).defaults.values():
        name, values = conv, catalog.entry("conv", conv).defaults  # a bare name whose number is not given
    else:
        name, values = _parameters("conv", conv)
    numbers = [key for key, value in values.items() if value is ...]  # what must be given before what may be
    numbers = numbers or [key for key, value in values.items() if _is_number(value)]
    if len(numbers) > 1:
        raise UserError(f"conv '{conv}' has the numbers {' and '.join(numbers)}: write ? for the free one.")
    if numbers:
        return architecture, _spelled(name, values, numbers[0])
    name, values = _parameters("architecture", architecture)
    if not _is_number(values.get("width")):
        raise UserError(f"neither '{conv}' nor the width of '{architecture}' can be chosen: write ? for a number.")
    return _spelled(name, values, "width"), conv


def _parameters(kind: str, text: str) -> tuple[str, dict[str, object]]:
    """Name and values of what a text stands for."""
    thing = catalog.parse(kind, text)
    return thing.registered_name, {f.name: getattr(thing, f.name) for f in dataclasses.fields(thing)}


def _spelled(name: str, values: dict[str, object], free: str) -> str:
    inside = [f"{k}={FREE if k == free else repr(v)}" for k, v in values.items() if v is not None]
    return f"{name}({', '.join(inside)})"


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
