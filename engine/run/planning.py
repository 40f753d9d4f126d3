"""A sweep of a registry file as a plan whose every cell was rehearsed."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from cheapconv.catalog.errors import UserError
from cheapconv.engine.plan.plan import Plan
from cheapconv.engine.run import plan_cache

if TYPE_CHECKING:
    from cheapconv.engine.read.registry import Registry, Sweep
    from cheapconv.suites.recipe import Precision

OWN = Path(__file__).parents[2] / "registry.yaml"


def registry_path(path: Path | None) -> Path:
    """The registry of that path, else of the current folder, else the suite's own."""
    here = Path("registry.yaml")
    return path or (here if here.is_file() else OWN)


def load(path: Path | None) -> "Registry":
    """The registry, read and checked."""
    from cheapconv.engine.read import registry

    return registry.load(registry_path(path))


def plan(sweep: "Sweep", name: str, *, epochs: int | None = None, precision: "Precision | None" = None) -> Plan:
    """The plan of a sweep, every cell rehearsed, every network compared with what it is to be cheaper than."""
    from cheapconv.engine.plan import cells
    from cheapconv.engine.plan.dearer import dearer_networks
    from cheapconv.engine.train.rehearsal import rehearse

    found = cells.plan(sweep, name, rehearse, epochs=epochs, precision=precision)
    return replace(found, dearer=dearer_networks(found))


def planned(sweep: str, path: Path | None, pattern: str | None, epochs: int | None, *, to_look: bool = False) -> Plan:
    """The plan of a sweep, or what `pattern` chooses of it.

    Whoever only wants `to_look` at it gets one that was made before, without anything of the sweep being imported.
    """
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


def checked(path: Path | None) -> tuple[list[dict[str, object]], list[str]]:
    """The cells of every sweep in numbers, and a sentence for each that has no plan: it says nothing of the others."""
    rows: list[dict[str, object]] = []
    mistakes = []
    for name in load(path).sweeps:
        try:
            found = planned(name, path, None, None, to_look=True)
        except UserError as error:
            mistakes.append(f"{name}: {error}")
        else:
            rows.append({"sweep": found.sweep, "cells": len(found.cells), "skipped": len(found.skipped) or None})
    return rows, mistakes
