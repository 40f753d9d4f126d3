"""The command `list`: what there is, by kind."""

import json
from pathlib import Path
from typing import Any

from cheapconv.catalog.errors import UserError, nearest, short
from cheapconv.engine.run import plan_cache, planning, runtimes
from cheapconv.engine.run import show as tables
from cheapconv.engine.run.options import KINDS


def show(
    what: str | None,
    registry: Path | None,
    time: bool,
    as_json: bool,
    network: tuple[str | None, int, int] = (None, 10, 32),
    runtime: str | None = None,
) -> None:
    """Print everything of one kind, or of all; with `time` also what each conv costs on this machine, in a network
    (architecture, classes, side), in that of docs/networks.yaml if none is named."""
    if what is not None and what not in KINDS:
        raise UserError(f"there is no list of '{short(what)}'{nearest(what, KINDS)}")
    if time and what != "convs":
        raise UserError("--time belongs to `list convs`.")
    if not time and (network != (None, 10, 32) or runtime):
        raise UserError("--in, --classes, --side and --runtime say in what is timed: give --time with them.")
    everything = _everything(registry)
    found = {kind: everything[kind] for kind in ([what] if what else KINDS)}
    costs = _timed(network, runtime) if time else []
    if as_json:
        tables.print_json(found | ({"costs": costs} if time else {}))
        return
    for kind, rows in found.items():
        tables.listing_table(kind, rows)
    if costs:
        from cheapconv.docs import conv_costs

        conv_costs.present(costs)


def _everything(registry: Path | None) -> plan_cache.Listing:
    """By kind; made anew only if the code, a plugin or the registry has changed, because that imports all of it."""
    name = plan_cache.of_listing(planning.registry_path(registry))
    found = plan_cache.read_listing(name)
    if found is None:
        loaded = planning.load(registry)
        made = {kind: tables.listing(kind, loaded) for kind in KINDS}
        found = json.loads(json.dumps(made))  # as it would come back
        plan_cache.write_listing(name, found)
    return found | {"runtimes": [*map(runtimes.asked, found["runtimes"])]}


def _timed(network: tuple[str | None, int, int], runtime: str | None) -> list[Any]:
    from cheapconv.docs import conv_costs  # which imports torch
    from cheapconv.engine.run.conv_timings import Setting

    architecture, classes, side = network
    return conv_costs.timed(Setting(architecture or conv_costs.conv_page().architecture, classes, side), runtime)
