"""A sweep of a registry file as a plan whose every cell was rehearsed."""

import contextlib
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from cheapconv.catalog.errors import UserError
from cheapconv.catalog.foreign import explained
from cheapconv.engine.plan.plan import OVERRIDDEN, Plan
from cheapconv.engine.run import plan_cache
from cheapconv.engine.store.runs import Store

if TYPE_CHECKING:
    from cheapconv.engine.read.registry import Registry, Sweep

OWN = Path(__file__).parents[2] / "registry.yaml"


def registry_path(path: Path | None) -> Path:
    """The registry of that path, else of the current folder, else the suite's own."""
    here = Path("registry.yaml")
    return path or (here if here.is_file() else OWN)


def load(path: Path | None) -> "Registry":
    """The registry, read and checked."""
    from cheapconv.engine.read import registry

    return registry.load(registry_path(path))


def plan(sweep: "Sweep", name: str, *, epochs: int | None = None) -> Plan:
    """The plan of a sweep, every cell rehearsed, every network compared with what it is to be cheaper than."""
    from cheapconv.engine.plan import cells
    from cheapconv.engine.plan.dearer import dearer_networks
    from cheapconv.engine.train.rehearsal import rehearse

    with contextlib.redirect_stdout(sys.stderr):  # what a plugin prints: stdout may be promised to one JSON document
        found = cells.plan(sweep, name, rehearse, epochs=epochs)
        return replace(found, dearer=dearer_networks(found))


def each(path: Path | None) -> tuple[list[Plan], list[str]]:
    """The plan of every sweep of a registry, and what is wrong with those that have none."""
    from cheapconv.engine.read import registry

    plans: list[Plan] = []
    mistakes: dict[str, None] = {}  # one that stands outside of the sweeps is said once
    for found in registry.load_each(registry_path(path)):
        if isinstance(found, UserError):
            mistakes[str(found)] = None
            continue
        [(name, sweep)] = found.sweeps.items()
        kept = plan_cache.fingerprint(registry_path(path), name, None)
        try:
            with explained():
                plans.append(plan_cache.read(kept) or plan(sweep, name))
            plan_cache.write(kept, plans[-1])
        except UserError as mistake:
            mistakes[str(mistake)] = None
    return plans, list(mistakes)


def planned(sweep: str, path: Path | None, pattern: str | None, epochs: int | None, *, to_look: bool = False) -> Plan:
    """The plan of a sweep, or what `pattern` chooses of it; `quick@epochs=1` is `quick` with one epoch.

    Whoever only wants `to_look` at it gets one that was made before, without anything of the sweep being imported.
    """
    base, _, number = sweep.partition(OVERRIDDEN)
    if number.isdecimal() and int(number) and epochs is None:
        sweep, epochs = base, int(number)
    name = plan_cache.fingerprint(registry_path(path), sweep, epochs)
    whole = plan_cache.read(name) if to_look else None
    if whole is None or pattern:
        registry = load(path)  # which also imports what the sweep's names stand for
        if whole is None:
            whole = plan(registry.sweep(sweep), sweep, epochs=epochs)
            plan_cache.write(name, whole)
    if pattern:
        from cheapconv.engine.plan.select import select

        return select(whole, pattern)
    return whole


def behind(store: Path, sweeps: Sequence[str], path: Path) -> list[str]:
    """What is to be said of sweeps of which a registry plans other cells than the last run of them in a store."""
    told = []
    for sweep in sweeps:
        then = {each.key for each in Store(store).known_plan(sweep).cells}
        try:
            now = {each.cell.key for each in planned(sweep, path, None, None, to_look=True).cells}
        except UserError as error:
            told.append(f"whether {sweep} is still as in its last run is not known: {error}")
            continue
        if new := len(now - then):
            told.append(f"cells of {sweep} in {path} that are not in its last run, nor here: {new}; run it again")
        if gone := len(then - now):
            told.append(f"cells of the last run of {sweep} that are here, and not in {path} any more: {gone}")
    return told
