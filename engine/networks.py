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
from methods.base import Clock, Cost, Method
from models.size import count_macs, count_params
from models.structured import scale_by_compression, structured_modules
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

    @property
    def features(self) -> int:
        """Width of the embedding."""
        return self.network.features  # type: ignore[return-value]

    @property
    def post_activation(self) -> bool:
        """Whether the stages end in a ReLU."""
        return self.network.post_activation  # type: ignore[return-value]

    @torch.no_grad()
    def __call__(self, x: Tensor) -> Tensor:
        """Logits."""
        return self.network(x)

    @torch.no_grad()
    def stages(self, x: Tensor, pre_activation: bool = False) -> list[Tensor]:
        """Feature maps after each stage, on request those before the ReLU that ends it."""
        return self.network.stages(x, pre_activation=pre_activation)  # type: ignore[operator]

    @torch.no_grad()
    def embed(self, last_map: Tensor) -> Tensor:
        """Embedding of the last map."""
        return self.network.embed(last_map)  # type: ignore[operator]

    @torch.no_grad()
    def classify(self, embedding: Tensor) -> Tensor:
        """Logits of an embedding."""
        return self.network.classify(embedding)  # type: ignore[operator]

    @torch.no_grad()
    def head(self, last_map: Tensor) -> Tensor:
        """Logits of the last map."""
        return self.network.head(last_map)  # type: ignore[operator]


class Builder:
    """What a method builds from (`methods.base.Build`): its cell's networks, on its cell's device."""

    def __init__(
        self, cell: Any, classes: int, device: torch.device, store: Store, labels: Tensor | None = None
    ) -> None:
        self.classes = classes
        self.epochs = cell.recipe["epochs"]
        self.image = catalog.entry("suite", cell.suite).cls.image
        self.labels = labels
        self.clock = Clock.start(device)
        self._cell, self._device, self._store = cell, device, store
        self._members = 0

    def network(self, architecture: str | None = None, conv: str | None = None) -> nn.Module:
        """A fresh network; the i-th one of a cell has the same initial weights under every method."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed_of("member", self._cell.seed, self._members))
            network = build_network(architecture or self._cell.architecture, conv or self._cell.conv, self.classes)
        self._members += 1
        self._scale_weight_decay(network, architecture or self._cell.architecture)
        return on_device(network, self._device)

    def teacher(self, copy: bool = False) -> Any:
        """The teacher cell's deployed network, frozen; with `copy` a trainable one."""
        assert self._cell.teacher, "the plan gives every method that needs one a teacher"
        loaded = load(self._store, self._cell.teacher)
        self._scale_weight_decay(loaded.network, loaded.cell["architecture"])
        network = on_device(loaded.network, self._device)
        return network.train().requires_grad_(True) if copy else Frozen(network)

    def cost(self, kind: Cost, network: nn.Module | None = None, *, conv: str | None = None) -> int:
        """Multiply-adds on an image, or parameters, of a network or of one that is only looked at."""
        if network is None:
            with torch.device("meta"):
                network = build_network(self._cell.architecture, conv or self._cell.conv, self.classes)
        return count_macs(network, self.image) if kind == "macs" else count_params(network)

    def blocks(self) -> int:
        """Number of blocks that the cell's architecture asks its conv for."""
        return count_blocks(self._cell.architecture, self.classes)

    def _scale_weight_decay(self, network: nn.Module, architecture: str) -> None:
        """Where the recipe scales the weight decay of structured parameters, tell the network's by how much."""
        if self._cell.recipe.get("weight_decay_scale") == "compression" and any(structured_modules(network)):
            scale_by_compression(network, standard_params(architecture, self.classes))


def standard_params(architecture: str, classes: int) -> int:
    """Parameters of an architecture with standard convolutions."""
    with torch.device("meta"):
        return count_params(catalog.parse("architecture", architecture).build(_standard_conv()(), classes))


def count_blocks(architecture: str, classes: int) -> int:
    """Number of blocks for each of which an architecture asks for a conv; 0 if it takes one conv for all."""
    counts = [0]

    class Asked(_standard_conv()):  # type: ignore[misc]
        """The standard conv, which remembers how many blocks there are."""

        def at_block(self, index: int, count: int) -> Any:
            counts.append(count)
            return self

    with torch.device("meta"):
        catalog.parse("architecture", architecture).build(Asked(), classes)
    return counts[-1]


def _standard_conv() -> Any:
    """The class of the conv that leaves a network as it is."""
    convs = [catalog.entry("conv", name).cls for name in catalog.names("conv")]
    return next(conv for conv in convs if conv.is_standard)


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
            body |= {part: getattr(trained, part) for part in ("architecture", "conv", "structure")}
            write_bytes(folder / "networks" / f"{trained.name}.pt", packed(body))


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
    architecture, conv = (body.get(part) or cell[part] for part in ("architecture", "conv"))
    network = build_network(architecture, conv, cell["classes"])
    if body["structure"] is not None:
        network = catalog.entry("method", cell["method"]).cls.rebuild(network, body["structure"])
    network.load_state_dict(body["weights"])
    normalisation = cell["recipe"]["normalisation"]
    return Loaded(
        network.eval(), tuple(normalisation["mean"]), tuple(normalisation["std"]), tuple(body["class_names"]), cell
    )
