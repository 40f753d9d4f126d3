"""A sweep of a registry file as a plan whose every cell was rehearsed."""

import functools
from pathlib import Path

from cheapconv.engine.plan import cells
from cheapconv.engine.plan.cells import Plan
from cheapconv.engine.plan.select import select
from cheapconv.engine.read import registry
from cheapconv.engine.read.registry import Registry
from cheapconv.engine.train.rehearsal import rehearse

OWN = Path(__file__).parents[2] / "registry.yaml"

plan = functools.partial(cells.plan, rehearse=rehearse)


def load(path: Path | None) -> Registry:
    """The registry of that path, else of the current folder, else the suite's own."""
    here = Path("registry.yaml")
    return registry.load(path or (here if here.is_file() else OWN))


def planned(sweep: str, path: Path | None, pattern: str | None, epochs: int | None) -> Plan:
    """The plan of a sweep, or what `pattern` chooses of it."""
    whole = plan(load(path).sweep(sweep), sweep, epochs=epochs)
    return select(whole, pattern) if pattern else whole
