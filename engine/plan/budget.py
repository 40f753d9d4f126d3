"""Budget search: the setting of a conv, or of an architecture's width, that comes nearest under a budget.

Parameters and multiply-adds are exact: the network is built on the meta device and counted. Latency is measured on this
machine, with its spread.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, Literal

from torch import nn

from cheapconv import catalog
from cheapconv.catalog.errors import UserError
from cheapconv.catalog.spelling import FREE
from cheapconv.engine.plan.search import Search
from cheapconv.engine.plan.template import Template, template
from cheapconv.models.build import build_network
from cheapconv.models.meta import on_meta
from cheapconv.models.size import count_macs, count_params

Quantity = Literal["params", "macs", "latency_ms"]


@dataclass(frozen=True)
class Timed:
    """Milliseconds of an image, and a clause about the machine where it was slower than at its best."""

    median_ms: float
    quartiles_ms: tuple[float, float]
    doubt: str = ""


Clock = Callable[[nn.Module, tuple[int, int, int]], Timed]  # of a network and the shape of its image


@dataclass(frozen=True)
class Limit:
    """At most `value` of a quantity."""

    quantity: Quantity
    value: float


@dataclass(frozen=True)
class Setting:
    """One setting of the free number and what it costs; a measured cost has quartiles, and may be in doubt."""

    architecture: str
    conv: str
    cost: float
    quartiles: tuple[float, float] | None = None
    doubt: str = ""


@dataclass(frozen=True)
class Choice:
    """The chosen setting, and those on either side of it that cost something else."""

    chosen: Setting
    neighbours: tuple[Setting, ...]


@lru_cache(maxsize=256)
def meet(
    architecture: str, conv: str, limit: Limit, classes: int, shape: tuple[int, int, int], clock: Clock | None = None
) -> Choice:
    """The setting nearest under `limit` for networks of `classes` outputs on images of `shape` (C, H, W).

    The free number is marked by `?`, or is the one that engine/plan/template.py chooses. A UserError says that no
    setting is possible, or which is the smallest if the limit cannot be met: of latencies, which `clock` takes, the
    fastest of those that were timed.
    """
    candidates = _Candidates(template(architecture, conv), limit.quantity, classes, shape, clock)
    measured = limit.quantity == "latency_ms"
    work = candidates.macs if measured else None
    found = Search(candidates.possible, lambda step: candidates.setting(step).cost, limit.value, work).run()
    if found is None:
        raise UserError(f"no number fits '{architecture}' and '{conv}': {candidates.refusal}.")
    if found.chosen is None:
        smallest = candidates.setting(found.cheapest)
        raise UserError(
            f"{_shown(limit.quantity, limit.value)} cannot be met by '{architecture}' with '{conv}':"
            f" the {'fastest of those timed' if measured else 'smallest'} is"
            f" {smallest.architecture} with {smallest.conv}, {_shown(limit.quantity, smallest.cost)}{_others(conv)}."
        )
    return Choice(candidates.setting(found.chosen), tuple(candidates.setting(step) for step in found.neighbours))


def _others(conv: str) -> str:
    """`; G(N/?) may go further`: the notations of the same conv in which another number is free."""
    if FREE not in conv:
        return ""

    def with_two(text: str) -> Any:
        return catalog.parse("conv", text.replace(FREE, "2"))

    try:
        given = with_two(conv)
        forms = catalog.entry("conv", given.registered_name).notation
        free = [re.sub(r"{\w+}", FREE, form) for form in forms if form.count("{") == 1]
        others = [form for form in free if with_two(form) != given]
    except UserError:  # two is no number for it
        return ""
    return f"; {' or '.join(others)} may go further" if others else ""


class _Candidates:
    """The settings of a template, by step of its free number."""

    def __init__(
        self, texts: Template, quantity: Quantity, classes: int, shape: tuple[int, int, int], clock: Clock | None
    ) -> None:
        self.texts, self.quantity, self.classes, self.shape, self.clock = texts, quantity, classes, shape, clock
        self.refusal = ""  # the first reason that was given
        self._built: dict[int, nn.Module] = {}  # networks whose cost has not been asked for
        self.setting, self.macs = cache(self._setting), cache(self._macs)

    def possible(self, step: int) -> bool:
        """Whether the network of a step can be built."""
        try:
            with on_meta():
                self._built[step] = build_network(*self.texts.texts(step), self.classes)
        except (UserError, ValueError) as refusal:
            self.refusal = self.refusal or str(refusal).rstrip(".")
            return False
        return True

    def _macs(self, step: int) -> int:
        """What the network of a possible step computes."""
        with on_meta():
            network = build_network(*self.texts.texts(step), self.classes)
        return count_macs(network, self.shape)

    def _setting(self, step: int) -> Setting:
        """What a possible step stands for and what it costs; a network on the meta device has no latency."""
        architecture, conv = self.texts.texts(step)
        architecture = catalog.canonical(catalog.parse("architecture", architecture))
        conv = catalog.canonical(catalog.parse("conv", conv))
        network = self._built.pop(step)
        if self.quantity != "latency_ms":
            cost = count_params(network) if self.quantity == "params" else count_macs(network, self.shape)
            return Setting(architecture, conv, cost)
        assert self.clock is not None, "a limit on latency needs a clock"
        timed = self.clock(build_network(architecture, conv, self.classes), self.shape)
        return Setting(architecture, conv, timed.median_ms, timed.quartiles_ms, timed.doubt)


def _shown(quantity: Quantity, cost: float) -> str:
    return f"{cost:.3g} ms" if quantity == "latency_ms" else f"{cost:,.0f} {quantity}"
