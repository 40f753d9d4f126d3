"""Trained networks on disk: saving them, and getting them back."""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from cheapconv import catalog
from cheapconv.catalog.errors import UserError
from cheapconv.engine.store.cell import CellRecord, recipe_of
from cheapconv.engine.store.files import write_bytes
from cheapconv.engine.store.runs import NETWORKS, Store
from cheapconv.methods.base import Method
from cheapconv.models.build import build_network


@dataclass(frozen=True)
class Loaded:
    """A trained network with what is needed to use it on an image."""

    network: nn.Module
    mean: tuple[float, ...]
    std: tuple[float, ...]
    class_names: tuple[str, ...]
    cell: CellRecord


def save(folder: Path, method: Method, class_names: tuple[str, ...]) -> None:
    """Write networks/<name>.pt for every student of a method."""
    for trained in method.networks():
        if trained.role == "student":
            body = {"weights": trained.network.state_dict(), "class_names": class_names, "headline": trained.headline}
            body |= {part: getattr(trained, part) for part in ("architecture", "conv", "structure")}
            write_bytes(folder / NETWORKS / f"{trained.name}.pt", packed(body))


def packed(body: dict[str, Any]) -> bytes:
    """A torch archive in memory, because a full disk is an OSError only when Python itself does the writing."""
    buffer = io.BytesIO()
    torch.save(body, buffer)
    return buffer.getvalue()


def load(store: Store, key: str, name: str | None = None) -> Loaded:
    """The trained network `name` of a finished cell (by default its first headline one), in eval mode on the CPU."""
    run = store.run(key)
    cell, result = run.cell(), run.result()
    if cell is None or result is None:
        raise UserError(f"cell {key} is not finished in {store.root}: run it first.")
    students = [network.name for network in result.students]
    name = name or result.counted[0].name
    path = run.folder / NETWORKS / f"{name}.pt"
    if name not in students or not path.is_file():
        raise UserError(
            f"cell {key} has no saved network '{name}' in {store.root}; its students: {', '.join(students)}."
        )
    body = torch.load(path, map_location="cpu", weights_only=True)
    network = build_network(body["architecture"] or cell.architecture, body["conv"] or cell.conv, cell.classes)
    if body["structure"] is not None:
        network = catalog.entry("method", cell.method).cls.rebuild(network, body["structure"])
    network.load_state_dict(body["weights"])
    normalisation = recipe_of(cell).normalisation
    return Loaded(network.eval(), normalisation.mean, normalisation.std, tuple(body["class_names"]), cell)
