"""What the commands that change the store do: run, measure, clean, sync."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from cheapconv import catalog
from cheapconv.catalog.errors import UserError
from cheapconv.engine.measure.machine import resolve_device
from cheapconv.engine.measure.timings import structure_key, time_once
from cheapconv.engine.plan.cells import Plan
from cheapconv.engine.run import record
from cheapconv.engine.run.launch import Launcher, Options
from cheapconv.engine.run.progress import Progress
from cheapconv.engine.run.show import console
from cheapconv.engine.run.stop import StopRequest
from cheapconv.engine.store.cell import Cell
from cheapconv.engine.store.files import now, write_json
from cheapconv.engine.store.networks import load
from cheapconv.engine.store.runs import CELL, Store
from cheapconv.engine.track.mirror import Mirror
from cheapconv.engine.track.mirror import sync as send_missing
from cheapconv.engine.track.push import public, tracking_uri
from cheapconv.engine.train.checkpoint import Position

DONE, FAILED, INTERRUPTED = 0, 1, 130


@dataclass(frozen=True)
class Settings:
    """The options of `run`, as given."""

    device: str = "auto"
    threads: int | None = None
    data: Path | None = None
    download: bool = False
    compiled: bool = False
    budget_s: float | None = None
    retry_failed: bool = False
    fail_fast: bool = False
    mlflow: str | None = None


class Mirrored:
    """A watcher (`engine.run.launch.Watcher`) that tells the mirror which cells have changed."""

    def __init__(self, mirror: Mirror) -> None:
        self._mirror = mirror

    def started(self, cell: Cell) -> None:
        """A cell begins or goes on."""
        self._mirror.changed(cell.key)

    def stepped(self, cell: Cell, position: Position, steps: int) -> None:
        """Steps are not mirrored."""

    def epoch_ended(self, cell: Cell, position: Position) -> None:
        """An epoch's metrics are there."""
        self._mirror.changed(cell.key)

    def ended(self, cell: Cell, state: str) -> None:
        """Also cells that were done before: the server may have missed them."""
        self._mirror.changed(cell.key)


def run(whole: Plan, chosen: Plan, folder: Path, settings: Settings) -> int:
    """Run the chosen cells of a sweep; returns the exit code."""
    device, threads = resolve_device(settings.device), set_threads(settings.threads)
    uri = tracking_uri(settings.mlflow)
    store = Store(folder)
    store.prepare()
    with store.explaining_full_disk():
        write_plan(store, whole)
    cells = [planned.cell for planned in chosen.cells]
    with StopRequest(settings.budget_s) as stop, Mirror(store, whole.sweep, uri) as mirror:
        options = Options(
            device=device,
            threads=threads,
            data_folder=settings.data,
            download=settings.download,
            compiled=settings.compiled,
            retry_failed=settings.retry_failed,
            fail_fast=settings.fail_fast,
            should_stop=stop,
        )
        with Progress(cells, console) as progress:
            ends = Launcher(store, options, [progress, Mirrored(mirror)]).run(cells)
    _summarise(ends, whole.sweep, len(cells), uri)
    if stop.signalled and "stopped" in ends.values():  # not if the signal came after the last cell
        return INTERRUPTED
    return FAILED if "failed" in ends.values() else DONE


def measure(plan: Plan, folder: Path, device_name: str, threads: int | None) -> None:
    """Time every network of the plan again."""
    device = resolve_device(device_name)
    set_threads(threads)
    store = Store(folder)
    store.prepare()
    shape = catalog.entry("suite", plan.suite).cls.image
    timed: set[str] = set()
    for cell in (planned.cell for planned in plan.cells):
        for architecture, conv, changed in _networks(store, cell):
            structure = structure_key(architecture, conv, cell.classes, shape, changed and changed[0])
            if structure not in timed:
                timed.add(structure)
                body = time_once(store, architecture, conv, cell.classes, shape, device, changed, again=True)
                _print_timing(f"{_label(architecture, conv)}{f', changed by {cell.method}' if changed else ''}", body)


def _networks(store: Store, cell: Cell) -> list[tuple[str, str, Any]]:
    """Architecture, conv and change (as `time_once` takes it) of what a cell deploys; of an unfinished one, what it
    starts from."""
    students = [row for row in (store.result(cell.key) or {}).get("networks", []) if row["role"] == "student"]
    found = []
    for row in students or [{}]:
        changed = row.get("changed")
        with_network = changed and (changed, load(store, cell.key, row["name"]).network)
        found.append((row.get("architecture") or cell.architecture, row.get("conv") or cell.conv, with_network))
    return found


def _label(architecture: str, conv: str) -> str:
    """The two in the papers' notation."""
    parts = {"architecture": architecture, "conv": conv}
    return " ".join(catalog.label(kind, catalog.parse(kind, text)) for kind, text in parts.items())


def _print_timing(network: str, body: dict[str, Any]) -> None:
    latency, throughput = body["latency"]["median_ms"], body["throughput"]["images_per_s"]
    console.print(f"{network}: {latency:.2f} ms an image, {throughput:.0f} images/s", highlight=False, markup=False)


def clean(folder: Path) -> None:
    """Remove the leftovers of killed processes from every cell that is not running."""
    if not folder.is_dir():
        raise UserError(f"there is no store at {folder}: name it with --store.")
    store, removed = Store(folder), 0
    for cell in folder.glob(f"*/{CELL}"):
        with store.lock(cell.parent.name) as mine:
            removed += record.tidy(cell.parent) if mine else 0
    console.print(f"removed {removed} files; every result is kept")


def sync(sweep: str, folder: Path, uri: str | None) -> None:
    """Send every cell of the sweep to MLflow."""
    uri = tracking_uri(uri)
    sent = send_missing(Store(folder), sweep, uri)
    console.print(f"{sweep} in {public(uri)}: {sent}", highlight=False, markup=False)


def set_threads(threads: int | None) -> int:
    """Set the number of CPU threads (all cores if None) and return it."""
    if threads is not None:
        torch.set_num_threads(threads)
    return torch.get_num_threads()


def write_plan(store: Store, plan: Plan) -> None:
    """sweeps/<sweep>.json and a cell.json for each of its cells: what reports and the mirror know of a sweep."""
    for planned in plan.cells:
        write_json(store.folder(planned.cell.key) / CELL, record.describe(planned.cell))
    body = {
        "sweep": plan.sweep,
        "suite": plan.suite,
        "recipe": plan.recipe,
        "created": now(),
        "cells": [{"key": p.cell.key, "entry": p.entry, "needs": list(p.needs)} for p in plan.cells],
    }
    write_json(store.root / "sweeps" / f"{plan.sweep}.json", body)


def _summarise(ends: dict[str, str], sweep: str, total: int, uri: str) -> None:
    """What happened, and what to do next."""
    counts = {end: sum(e == end for e in ends.values()) for end in sorted(set(ends.values()))}
    said = ", ".join(f"{count} {end}" for end, count in counts.items())
    left = total - counts.get("done", 0) - counts.get("failed", 0)
    lines = [f"{sweep}: {said} of {total} cells."]
    if "failed" in counts:
        lines.append("Tracebacks are in error.txt of the run folders; run again with --retry failed.")
    if left:
        lines.append(f"{left} cells are left: the same command goes on where it stopped.")
    else:
        at = public(uri) if uri.startswith("http") else f"mlflow ui --backend-store-uri {public(uri)}"
        lines.append(f"Next: cheapconv report {sweep}; tracking: {at}")
    for line in lines:
        console.print(line, highlight=False, markup=False, soft_wrap=True)
