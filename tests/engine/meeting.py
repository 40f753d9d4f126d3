"""Stores of two machines, written by hand."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from cheapconv.engine.run.merging import Merge, Merged
from cheapconv.engine.store.archive import packed
from cheapconv.engine.store.cell import CellRecord
from cheapconv.engine.store.files import write_bytes
from cheapconv.engine.store.records import Environment
from cheapconv.engine.store.runs import Run, Store
from cheapconv.engine.train import checkpoint
from cheapconv.engine.train.checkpoint import Position
from tests.engine.written_cell import CELL, END, START, network, result, row

LOCKS = ("lock", "mlflow.lock")


def begun(store: Store, key: str, machine: str, epochs: int, **cell: Any) -> Run:
    """A cell that runs on a machine, after so many epochs."""
    run = store.run(key)
    run.write_cell(CellRecord(**{**CELL, **cell}))
    run.begin(Environment(device="cpu", device_name=machine, start=START))
    run.write_curve([row(epoch) for epoch in range(epochs)])
    run.write_state("running", epochs, 3)
    return run


def trained(store: Store, key: str, machine: str = "A CPU", weight: float = 0.5, top1: float = 0.6, **cell: Any) -> Run:
    """A finished cell of two students; of another `machine`, it took another time."""
    run = begun(store, key, machine, 3, **cell)
    for name in ("student_0", "student_1"):
        (run.folder / "networks").mkdir(exist_ok=True)
        write_bytes(run.folder / "networks" / f"{name}.pt", packed({"weights": {"w": torch.tensor([weight, 0.0])}}))
    networks = (network("student_0", "student", top1), *result(key, 3).networks[1:])
    run.finish(replace(result(key, 3), scores={"top1": top1}, networks=networks, train_s=float(len(machine))), END)
    return run


def stopped(store: Store, key: str, epoch: int, step: int, machine: str = "A CPU", **cell: Any) -> Run:
    """A cell that was killed after a checkpoint, in which nothing but its place matters."""
    run = begun(store, key, machine, epoch, **cell)
    rest: dict[str, Any] = {"structure": None, "method": {}, "optimiser": {}, "clock": {}, "randomness": {}}
    position = asdict(Position(epoch=epoch, step=step, curve=[row(each) for each in range(epoch)]))
    checkpoint.save(run.folder, checkpoint.State(version=checkpoint.VERSION, position=position, **rest))
    return run


def merge(into: Store, *sources: Store) -> Merged:
    """What came of it."""
    into.prepare()
    work = Merge(into)
    for source in sources:
        work.take(source)
    return work.merged


def content(root: Path) -> dict[str, bytes]:
    """Every file of a store, but for locks."""
    files = [path for path in sorted(root.rglob("*")) if path.is_file() and path.name not in LOCKS]
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in files}
