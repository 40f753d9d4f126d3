"""Wiring a cell's method before anything trains, so that what cannot be wired is a mistake of the plan.

The networks are built on the meta device, which takes neither memory nor the time of drawing weights; the teacher is a
fresh network, because its shapes are all that matters here.
"""

import functools
from pathlib import Path

import torch
from torch import nn

from cheapconv import catalog
from cheapconv.engine.store.cell import Cell
from cheapconv.engine.store.runs import Store
from cheapconv.engine.train.builder import Builder, Frozen
from cheapconv.models.meta import on_meta
from cheapconv.suites.place import Place

SAMPLES = 2048  # labels for a method that asks for those of the training set


class UntrainedBuilder(Builder):
    """A builder without a store: the teacher is a fresh network of the two texts."""

    def __init__(self, cell: Cell, teacher: tuple[str, str] | None, device: torch.device) -> None:
        labels = torch.arange(SAMPLES, device="cpu") % cell.classes  # real ones, not meta: methods count them
        super().__init__(cell, cell.classes, Place(device), Store(Path()), labels)
        self._teacher = teacher

    def teacher(self, copy: bool = False) -> nn.Module | Frozen:
        """A fresh network, frozen unless it is to be trained."""
        assert self._teacher is not None, "the plan gives every method that needs one a teacher"
        network = self.network(*self._teacher)
        return network if copy else Frozen(network)

    def pair(self) -> tuple[str, str]:
        """Labels of the two architectures."""
        assert self._teacher is not None, "the plan gives every method that needs one a teacher"
        teacher = catalog.label("architecture", catalog.parse("architecture", self._teacher[0]))
        return teacher, self._cell.architecture_label


def rehearse(cell: Cell, teacher: Cell | None) -> None:
    """ValueError, with the reason, if the cell's method cannot be wired to its networks."""
    _wire(_Wiring(cell, (teacher.architecture, teacher.conv) if teacher else None))


class _Wiring:
    """A cell's method, networks and teacher, equal for cells that are wired alike."""

    def __init__(self, cell: Cell, teacher: tuple[str, str] | None) -> None:
        self.cell, self.teacher = cell, teacher
        settings = repr(sorted(cell.method_config.items()))  # settings may be lists, which have no hash
        self._identity = (cell.suite, cell.architecture, cell.conv, cell.method, settings, teacher)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Wiring) and other._identity == self._identity

    def __hash__(self) -> int:
        return hash(self._identity)


@functools.lru_cache(maxsize=4096)
def _wire(wiring: _Wiring) -> None:
    entry = catalog.entry("method", wiring.cell.method)
    config = catalog.build("method", wiring.cell.method, wiring.cell.method_config)
    try:
        with on_meta():
            entry.cls(UntrainedBuilder(wiring.cell, wiring.teacher, torch.device("meta")), config)
    except RuntimeError as error:
        # A method that reads the values of weights cannot be wired without any: its cell says what is wrong, if it is.
        if not isinstance(error, NotImplementedError) and "meta tensor" not in str(error):
            raise ValueError(str(error).splitlines()[0]) from error
