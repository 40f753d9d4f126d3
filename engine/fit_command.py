"""The command `fit`: its one budget, and the chosen setting between its neighbours."""

from typing import Any

from engine import show
from engine.errors import UserError
from engine.fit import Budget, Fit, Quantity, fit
from engine.quantity import count


def rows(found: Fit, quantity: Quantity) -> list[dict[str, Any]]:
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
) -> list[dict[str, Any]]:
    """The rows of `fit` for exactly one of the three limits."""
    given: list[Budget] = []
    given += [Budget("params", count(params))] if params is not None else []
    given += [Budget("macs", count(macs))] if macs is not None else []
    given += [Budget("latency_ms", latency_ms)] if latency_ms is not None else []
    if len(given) != 1:
        raise UserError("give exactly one budget: --params 300k, --macs 40M or --latency-ms 2.")
    return rows(fit(architecture, conv, given[0], classes, (3, side, side), device), given[0].quantity)


def present(found: list[dict[str, Any]], as_json: bool) -> None:
    """The rows for people, or as a JSON document."""
    if as_json:
        show.document({"settings": found})
    else:
        show.table("", [row | {"chosen": "<-" if row["chosen"] else ""} for row in found], list(found[0]))
