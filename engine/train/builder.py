"""What a method builds its world from: fresh networks of its cell, and its frozen teacher."""

from dataclasses import replace

import torch
from torch import Tensor, nn

from cheapconv import catalog
from cheapconv.catalog.errors import UserError
from cheapconv.engine.store.cell import Cell, recipe_of
from cheapconv.engine.store.networks import Loaded, load
from cheapconv.engine.store.runs import Store
from cheapconv.engine.train.teachers import Frozen, Teachers
from cheapconv.methods.base import Clock, Cost, Method
from cheapconv.models.build import (
    build_network,
    count_blocks,
    give,
    left_fresh,
    on_device,
    standard_params,
    to_train_on,
    unread_network,
)
from cheapconv.models.meta import on_meta
from cheapconv.models.size import count_macs, count_params
from cheapconv.models.structured import scale_by_compression, structured_modules
from cheapconv.suites.place import Place, Randomness, seed_of
from cheapconv.suites.task import Task


class BadTeacherError(Exception):
    """A teacher's network is missing or not what its training has left."""


class Builder:
    """What a method builds from (`methods.base.Build`): its cell's networks, on its cell's place. `randomness` is the
    method's own: its constructor draws from it, and its training goes on from there."""

    def __init__(
        self,
        cell: Cell,
        classes: int,
        place: Place,
        store: Store,
        labels: Tensor | None = None,
        task: Task | None = None,
        teachers: Teachers | None = None,
    ) -> None:
        self.classes = classes
        self.epochs = cell.epochs
        suite = catalog.parse("suite", cell.suite)
        self.image = suite.image
        self.loss = (task or suite.task).loss
        self.labels = labels
        self.clock = Clock.start(place.device)
        self.place, self.randomness = place, Randomness(place.device, seed_of("method", cell.seed))
        self._cell, self._store, self._teachers = cell, store, teachers
        self._members = 0

    def network(self, architecture: str | None = None, conv: str | None = None) -> nn.Module:
        """A fresh network; the i-th one of a cell has the same initial weights under every method."""
        cpu = replace(self.place, device=torch.device("cpu"))  # where weights are drawn, whatever trains them
        with cpu.in_use(Randomness(cpu.device, seed_of("member", self._cell.seed, self._members))):
            network = build_network(architecture or self._cell.architecture, conv or self._cell.conv, self.classes)
        self._give(network)
        self._members += 1  # also of networks that are asked for by other texts
        self._scale_weight_decay(network, architecture or self._cell.architecture)
        return on_device(network, self.place.device)

    def weighted(self) -> nn.Module:
        """The cell's network as its weights have it, all of it; ValueError where a part would be fresh."""
        network = self.network()
        if catalog.parse("architecture", self._cell.architecture).weights is None:
            raise ValueError("it has no weights, and is not trained here: give the architecture weights=...")
        if fresh := left_fresh(network):
            raise ValueError(
                f"its weights do not fill '{fresh[0]}': of weights of other classes, outputs=(...) picks the"
                " suite's, and for a conv other than standard they must have been trained with it"
            )
        return network

    def teacher(self, copy: bool = False) -> nn.Module | Frozen:
        """The teacher cell's deployed network, frozen, and with those who learn from it too where they share it; with
        `copy` a trainable one."""
        assert self._cell.teacher, "the plan gives every method that needs one a teacher"
        if copy or self._teachers is None:
            loaded, frozen = self._loaded(self._cell.teacher), None
        else:
            loaded, frozen = self._teachers.get(self._cell.teacher, lambda: self._loaded(self._cell.teacher or ""))
        # Drawn and dropped: a method's own modules are drawn behind its teacher's, in every result that there is.
        unread_network(loaded.architecture, loaded.conv, self.classes)
        if copy:
            return loaded.network.train().requires_grad_(True)
        return frozen or Frozen(loaded.network)

    def _loaded(self, key: str) -> Loaded:
        """The first headline network of a cell, on the device, told of the images here and its weight decay scaled."""
        try:
            loaded = load(self._store, key)
        except UserError as error:  # the student's failure, and not the end of the sweep
            raise BadTeacherError(f"{error} To train the teacher again, remove its folder.") from error
        self._scale_weight_decay(loaded.network, loaded.architecture)
        self._give(loaded.network)  # it may have been trained by another recipe
        return replace(loaded, network=on_device(loaded.network, self.place.device))

    def pair(self) -> tuple[str, str]:
        """Labels of the architectures of the teacher's cell and of this one."""
        assert self._cell.teacher, "the plan gives every method that needs one a teacher"
        teacher = self._store.run(self._cell.teacher).cell()
        return teacher.architecture_label if teacher else "", self._cell.architecture_label

    def cost(self, kind: Cost, network: nn.Module | None = None, *, conv: str | None = None) -> int:
        """Multiply-adds on an image, or parameters, of a network or of one that is only looked at."""
        if network is None:
            with on_meta():  # shapes only: no weights are drawn, which would move the random numbers on
                network = build_network(self._cell.architecture, conv or self._cell.conv, self.classes)
        return count_macs(network, self.image) if kind == "macs" else count_params(network)

    def blocks(self) -> int:
        """Number of blocks that the cell's architecture asks its conv for."""
        return count_blocks(self._cell.architecture, self.classes)

    def _give(self, network: nn.Module) -> None:
        """Tell a network how the cell's images are normalised."""
        images = recipe_of(self._cell).normalisation
        give(network, images.mean, images.std)

    def _scale_weight_decay(self, network: nn.Module, architecture: str) -> None:
        """Where the recipe scales the weight decay of structured parameters, tell the network's by how much."""
        if self._cell.recipe.get("weight_decay_scale") == "compression" and any(structured_modules(network)):
            scale_by_compression(network, standard_params(architecture, self.classes))


def build_method(cell: Cell, builder: Builder) -> Method:
    """The cell's method, wired and on the builder's place."""
    entry = catalog.entry("method", cell.method)
    config = catalog.build("method", cell.method, cell.method_config)
    with builder.place.in_use(builder.randomness):  # of the method's own modules; networks have their own seeds
        method = entry.cls(builder, config)
    return to_train_on(method, builder.place.device)
