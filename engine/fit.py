"""Budget search: the setting of a conv, or of an architecture's width, that comes nearest under a budget.

Parameters and multiply-adds are exact: the network is built on the meta device and counted. Latency is measured on this
machine, with its spread.
"""

from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, Literal

import torch

from engine import catalog, timing
from engine.environment import resolve_device
from engine.errors import UserError
from engine.networks import build_network
from engine.search import Search
from engine.template import Template, template
from models.size import count_macs, count_params

Quantity = Literal["params", "macs", "latency_ms"]
LATENCY_BUDGET_S = 1.0  # of measuring, for one setting


@dataclass(frozen=True)
class Budget:
    """At most `limit` of a quantity."""

    quantity: Quantity
    limit: float


@dataclass(frozen=True)
class Setting:
    """One setting of the free number and what it costs; a measured cost has quartiles."""

    architecture: str
    conv: str
    cost: float
    quartiles: tuple[float, float] | None = None


@dataclass(frozen=True)
class Fit:
    """The chosen setting, and those on either side of it that cost something else."""

    chosen: Setting
    neighbours: tuple[Setting, ...]


@lru_cache(maxsize=256)
def fit(
    architecture: str, conv: str, budget: Budget, classes: int, shape: tuple[int, int, int], device: str = "cpu"
) -> Fit:
    """The setting nearest under `budget` for networks of `classes` outputs on images of `shape` (C, H, W).

    The free number is marked by `?`, or is the one that engine/template.py chooses. A UserError says that no setting is
    possible, or which is the smallest if the budget cannot be met.
    """
    catalog.load()
    candidates = _Candidates(template(architecture, conv), budget.quantity, classes, shape, device)
    exact = budget.quantity != "latency_ms"
    found = Search(candidates.possible, lambda step: candidates.setting(step).cost, budget.limit, exact).run()
    if found is None:
        raise UserError(f"no number fits '{architecture}' and '{conv}': {candidates.refusal}.")
    if found.chosen is None:
        smallest = candidates.setting(found.cheapest)
        raise UserError(
            f"{_shown(budget.quantity, budget.limit)} cannot be met by '{architecture}' with '{conv}': the smallest is"
            f" {smallest.architecture} with {smallest.conv}, {_shown(budget.quantity, smallest.cost)}."
        )
    return Fit(candidates.setting(found.chosen), tuple(candidates.setting(step) for step in found.neighbours))


class _Candidates:
    """The settings of a template, by step of its free number."""

    def __init__(
        self, texts: Template, quantity: Quantity, classes: int, shape: tuple[int, int, int], device: str
    ) -> None:
        self.texts, self.quantity, self.classes, self.shape, self.device = texts, quantity, classes, shape, device
        self.refusal = ""  # the first reason that was given
        self._built: dict[int, Any] = {}  # networks whose cost has not been asked for
        self.setting = cache(self._setting)

    def possible(self, step: int) -> bool:
        """Whether the network of a step can be built."""
        try:
            with torch.device("meta"):
                self._built[step] = build_network(*self.texts.texts(step), self.classes)
        except (UserError, ValueError) as refusal:
            self.refusal = self.refusal or str(refusal).rstrip(".")
            return False
        return True

    def _setting(self, step: int) -> Setting:
        architecture, conv = self.texts.texts(step)
        architecture = catalog.canonical(catalog.parse("architecture", architecture))
        conv = catalog.canonical(catalog.parse("conv", conv))
        network = self._built.pop(step)
        if self.quantity == "latency_ms":
            return self._measured(architecture, conv)
        cost = count_params(network) if self.quantity == "params" else count_macs(network, self.shape)
        return Setting(architecture, conv, cost)

    def _measured(self, architecture: str, conv: str) -> Setting:
        device = resolve_device(self.device)
        network = build_network(architecture, conv, self.classes).eval()
        network = network.to(device, memory_format=torch.channels_last)
        with timing.exclusive():
            taken = timing.latency(network, self.shape, device, LATENCY_BUDGET_S)
        return Setting(architecture, conv, taken["median_ms"], (taken["q25_ms"], taken["q75_ms"]))


def _shown(quantity: Quantity, cost: float) -> str:
    return f"{cost:.3g} ms" if quantity == "latency_ms" else f"{cost:,.0f} {quantity}"
