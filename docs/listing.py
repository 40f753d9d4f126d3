"""The command `list`: what there is, by kind."""

from pathlib import Path

from cheapconv.catalog.errors import UserError, nearest, short
from cheapconv.docs import conv_costs
from cheapconv.engine.run import planning
from cheapconv.engine.run import show as tables
from cheapconv.engine.run.options import KINDS


def show(what: str | None, registry: Path | None, time: bool, as_json: bool) -> None:
    """Print everything of one kind, or of all; with `time` also what each conv costs on this machine."""
    if what is not None and what not in KINDS:
        raise UserError(f"there is no list of '{short(what)}'{nearest(what, KINDS)}")
    if time and what != "convs":
        raise UserError("--time belongs to `list convs`.")
    loaded = planning.load(registry)
    found = {kind: tables.listing(kind, loaded) for kind in ([what] if what else KINDS)}
    costs = conv_costs.timed() if time else []
    if as_json:
        tables.print_json(found | ({"costs": costs} if time else {}))
        return
    for kind, rows in found.items():
        tables.listing_table(kind, rows)
    conv_costs.present(costs)
