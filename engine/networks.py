"""Trained networks on disk: saving them, getting them back, and building fresh or frozen ones for a method."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from engine import catalog
from engine.checkpoint import packed
from engine.errors import UserError
from engine.store import Store, read_json, write_bytes
from methods.base import Clock, Method
from suites.batch import seed_of


@dataclass(frozen=True)
class Loaded:
    """A trained network with what is needed to use it on an image."""

    network: nn.Module
    mean: tuple[float, ...]
    std: tuple[float, ...]
    class_names: tuple[str, ...]
    cell: Mapping[str, Any]


class Frozen:
    """A network to learn from: eval mode, no gradients, outside the module tree of the method that holds it."""

    def __init__(self, network: nn.Module) -> None:
        self.network = network.eval().requires_grad_(False)

    @property
    def channels(self) -> list[int]:
        """Channels of the stage outputs."""
        return self.network.channels  # type: ignore[return-value]

    @torch.no_grad()
    def __call__(self, x: Tensor) -> Tensor:
        """Logits."""
        return self.network(x)

    @torch.no_grad()
    def stages(self, x: Tensor) -> list[Tensor]:
        """Feature maps after each stage."""
        return self.network.stages(x)  # type: ignore[operator]

    @torch.no_grad()
    def embed(self, last_map: Tensor) -> Tensor:
        """Embedding of the last map."""
        return self.network.embed(last_map)  # type: ignore[operator]

    @torch.no_grad()
    def head(self, last_map: Tensor) -> Tensor:
        """Logits of the last map."""
        return self.network.head(last_map)  # type: ignore[operator]


class Builder:
    """What a method builds from (`methods.base.Build`): its cell's networks, on its cell's device."""

    def __init__(self, cell: Any, classes: int, device: torch.device, store: Store) -> None:
        self.classes = classes
        self.epochs = cell.recipe["epochs"]
        self.clock = Clock.start(device)
        self._cell, self._device, self._store = cell, device, store
        self._members = 0

    def network(self, architecture: str | None = None, conv: str | None = None) -> nn.Module:
        """A fresh network; the i-th one of a cell has the same initial weights under every method."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed_of("member", self._cell.seed, self._members))
            network = build_network(architecture or self._cell.architecture, conv or self._cell.conv, self.classes)
        self._members += 1
        return on_device(network, self._device)

    def teacher(self, copy: bool = False) -> Any:
        """The teacher cell's deployed network, frozen; with `copy` a trainable one."""
        assert self._cell.teacher, "the plan gives every method that needs one a teacher"
        network = load(self._store, self._cell.teacher).network
        network = on_device(network, self._device)
        return network.train().requires_grad_(True) if copy else Frozen(network)


def on_device(network: Any, device: torch.device) -> Any:
    """The module on a device, in the channels-last layout that convolutions run fastest in."""
    return network.to(device, memory_format=torch.channels_last)


def build_network(architecture: str, conv: str, classes: int) -> Any:
    """A freshly initialised network from the two texts."""
    return catalog.parse("architecture", architecture).build(catalog.parse("conv", conv), classes)


def build_method(cell: Any, builder: Builder) -> Method:
    """The cell's method, wired and on the builder's device."""
    entry = catalog.entry("method", cell.method)
    torch.manual_seed(seed_of("method", cell.seed))  # of the method's own modules; networks have their own seeds
    config = catalog.build("method", cell.method, cell.method_config)
    return on_device(entry.cls(builder, config), builder._device)


def save(folder: Path, method: Method, class_names: tuple[str, ...]) -> None:
    """Write networks/<name>.pt for every student of a method."""
    for trained in method.networks():
        if trained.role == "student":
            body = {"weights": trained.network.state_dict(), "class_names": class_names, "headline": trained.headline}
            write_bytes(folder / "networks" / f"{trained.name}.pt", packed(body | {"structure": method.structure()}))


def load(store: Store, key: str, name: str | None = None) -> Loaded:
    """The trained network `name` of a finished cell (by default its first headline one), in eval mode on the CPU."""
    folder = store.folder(key)
    cell, result = read_json(folder / "cell.json"), store.result(key)
    if cell is None or result is None:
        raise UserError(f"cell {key} is not finished in {store.root}: run it first.")
    students = [n["name"] for n in result["networks"] if n["role"] == "student"]
    name = name or next(n["name"] for n in result["networks"] if n["headline"])
    path = folder / "networks" / f"{name}.pt"
    if name not in students or not path.is_file():
        raise UserError(
            f"cell {key} has no saved network '{name}' in {store.root}; its students: {', '.join(students)}."
        )
    body = torch.load(path, map_location="cpu", weights_only=True)
    network = build_network(cell["architecture"], cell["conv"], cell["classes"])
    network.load_state_dict(body["weights"])
    normalisation = cell["recipe"]["normalisation"]
    return Loaded(
        network.eval(), tuple(normalisation["mean"]), tuple(normalisation["std"]), tuple(body["class_names"]), cell
    )
