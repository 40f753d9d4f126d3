"""Trained networks on disk: saving them, and getting them back."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from cheapconv import catalog
from cheapconv.catalog.errors import REFUSALS, UserError, reason
from cheapconv.engine.store.archive import DamagedError, packed, unpacked
from cheapconv.engine.store.cell import CellRecord, recipe_of
from cheapconv.engine.store.files import make_folder, write_bytes
from cheapconv.engine.store.runs import NETWORKS, Store
from cheapconv.methods.base import Method
from cheapconv.models.build import filled, give, take, unread_network
from cheapconv.suites.augmentation import Normalisation


@dataclass(frozen=True)
class Loaded:
    """A trained network with what is needed to use it on an image."""

    name: str
    network: nn.Module
    architecture: str  # the texts that it was built from
    conv: str
    mean: tuple[float, ...]
    std: tuple[float, ...]
    class_names: tuple[str, ...]
    cell: CellRecord
    doubts: str = ""  # why its cell's score means nothing, if that is so


def save(folder: Path, method: Method, class_names: tuple[str, ...], images: Normalisation) -> None:
    """Write networks/<name>.pt for every student of a method that was given images so normalised.

    The file says how the network's own are: where its weights knew another way, that one.
    """
    make_folder(folder / NETWORKS)
    for trained in method.networks():
        if trained.role == "student":
            body = {"weights": trained.network.state_dict(), "class_names": class_names, "headline": trained.headline}
            body |= {part: getattr(trained, part) for part in ("architecture", "conv", "structure")}
            body |= give(trained.network, images.mean, images.std)._asdict()
            write_bytes(folder / NETWORKS / f"{trained.name}.pt", packed(body))


def load(store: Store, key: str, name: str | None = None) -> Loaded:
    """The trained network `name` of a finished cell (by default its first headline one), in eval mode on the CPU.

    UserError where it is not there, or not as it was written.
    """
    run = store.run(key)
    cell, result = run.cell(), run.result()
    if cell is None or result is None:
        why = run.state().error
        raise UserError(f"cell {key} is not finished in {store.root}{f' ({why})' if why else ''}: run it first.")
    name = name or result.counted[0].name
    students = [network.name for network in result.students]
    path = run.folder / NETWORKS / f"{name}.pt"
    if name not in students:
        raise UserError(
            f"cell {key} has no saved network '{name}' in {store.root}; its students: {', '.join(students)}."
        )
    if not path.is_file():
        raise UserError(f"{path} is missing: to have it trained again, remove {run.folder} and run its sweep.")
    try:
        images = recipe_of(cell).normalisation
        body = {**unpacked(path, result.files.get(f"{NETWORKS}/{name}.pt"))}
        body |= {part: body.get(part) or getattr(cell, part) for part in ("architecture", "conv")}
        network, class_names = _rebuilt(body, cell).eval(), tuple(body["class_names"])
        # In a file of before, which does not say: the recipe's.
        take(network, body.get("mean", images.mean), body.get("std", images.std))
        give(network, images.mean, images.std)
    except (DamagedError, UserError, MemoryError, *REFUSALS) as error:  # of another network: texts, names, shapes
        raise UserError(
            f"the network '{name}' of cell {key} in {store.root} cannot be used: {reason(error).rstrip('.')}."
        ) from error
    return Loaded(
        name=name,
        network=network,
        architecture=body["architecture"],
        conv=body["conv"],
        mean=images.mean,
        std=images.std,
        class_names=class_names,
        cell=cell,
        doubts=result.doubts,
    )


def _rebuilt(body: Mapping[str, Any], cell: CellRecord) -> nn.Module:
    """A saved network; nothing is read but its own file."""

    def build() -> nn.Module:
        network = unread_network(body["architecture"], body["conv"], cell.classes)
        if body["structure"] is None:
            return network
        return catalog.entry("method", cell.method).cls.rebuild(network, body["structure"])

    return filled(build, body["weights"])
