"""The command `fit`: its one budget, and the chosen setting between its neighbours."""

from functools import partial

from torch import nn

from cheapconv.catalog.errors import UserError
from cheapconv.engine.measure import busy, clock
from cheapconv.engine.measure.machine import resolve_device
from cheapconv.engine.measure.runtimes.base import Unsupported
from cheapconv.engine.measure.timings import Way, own_folder, ready
from cheapconv.engine.measure.turn import Turn
from cheapconv.engine.plan.budget import Choice, Limit, Quantity, meet
from cheapconv.engine.read.quantity import count
from cheapconv.engine.run import show
from cheapconv.engine.run.show import Row
from cheapconv.models.deployed import deployed

LATENCY_BUDGET_S = 1.0  # of measuring, for one setting


def rows(found: Choice, quantity: Quantity) -> list[Row]:
    """The chosen setting between its neighbours, cheapest first."""
    settings = sorted({found.chosen, *found.neighbours}, key=lambda setting: setting.cost)
    return [
        {
            "architecture": setting.architecture,
            "conv": setting.conv,
            quantity: setting.cost,
            **({"quartiles": setting.quartiles} if setting.quartiles else {}),
            "chosen": setting == found.chosen,
        }
        for setting in settings
    ]


def command(
    architecture: str,
    conv: str,
    params: str | None,
    macs: str | None,
    latency_ms: float | None,
    classes: int,
    side: int,
    device: str,
    runtime: str | None = None,
) -> list[Row]:
    """The rows of `fit` for exactly one of the three limits."""
    given: list[Limit] = []
    given += [Limit("params", count(params))] if params is not None else []
    given += [Limit("macs", count(macs))] if macs is not None else []
    given += [Limit("latency_ms", latency_ms)] if latency_ms is not None else []
    if len(given) != 1:
        raise UserError("give exactly one budget: --params 300k, --macs 40M or --latency-ms 2.")
    way = Way.chosen(runtime, resolve_device(device))
    if latency_ms is not None:
        busy.warn()
    found = meet(architecture, conv, given[0], classes, (3, side, side), partial(_latency_ms, way))
    return rows(found, given[0].quantity)


def _latency_ms(way: Way, network: nn.Module, shape: tuple[int, int, int]) -> tuple[float, float, float]:
    """Median and quartiles of a network's latency here."""
    try:
        with own_folder() as folder:
            one = ready(deployed(network, shape), shape, way, 1, 1, folder)
    except Unsupported as error:
        raise UserError(f"{str(error).rstrip('.')}: name another --runtime.") from error
    with Turn().taken("a budget of latency"):
        taken = clock.latency(one, shape, way.device, LATENCY_BUDGET_S)
    return taken.median_ms, taken.q25_ms, taken.q75_ms


def present(found: list[Row], as_json: bool) -> None:
    """The rows for people, or as a JSON document."""
    if as_json:
        show.print_json({"settings": found})
    else:
        show.table("", [{**row, "chosen": "<-" if row["chosen"] else ""} for row in found], list(found[0]))
