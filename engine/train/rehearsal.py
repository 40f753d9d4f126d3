"""Wiring a cell's method before anything trains, so that what cannot be wired or run is a mistake of the plan.

The networks are built on the meta device, which takes neither memory nor the time of drawing weights; the teacher is a
fresh network, because its shapes are all that matters here. Each is run once on images of the suite's size.
"""

import functools
from pathlib import Path

import torch
from torch import nn

from cheapconv import catalog
from cheapconv.catalog.errors import reason
from cheapconv.catalog.foreign import explained, where
from cheapconv.engine.store.cell import Cell
from cheapconv.engine.store.runs import Store
from cheapconv.engine.train.builder import Builder
from cheapconv.engine.train.learner import require_parts
from cheapconv.engine.train.phases import stretches
from cheapconv.engine.train.promises import require_networks
from cheapconv.engine.train.teachers import Frozen
from cheapconv.methods.base import Method
from cheapconv.models.build import run_blank, unread_network
from cheapconv.models.meta import on_meta
from cheapconv.suites.base import Batch
from cheapconv.suites.place import Place
from cheapconv.suites.task import Task

SAMPLES = 2048  # labels for a method that asks for those of the training set

_refusals: dict[tuple[object, ...], str | None] = {}  # of networks that were run


class RehearsalBuilder(Builder):
    """Builds what is only looked at: the teacher is a fresh network of two texts, and nothing is read of a store."""

    def __init__(self, cell: Cell, teacher: tuple[str, str] | None, device: torch.device) -> None:
        labels = torch.arange(SAMPLES, device="cpu") % cell.classes  # real ones, not meta: methods count them
        super().__init__(cell, cell.classes, Place(device), Store(Path()), labels)
        self._teacher = teacher

    def network(self, architecture: str | None = None, conv: str | None = None) -> nn.Module:
        """A fresh network; ValueError if it cannot be run on the suite's images, in batches of the recipe's."""
        texts = architecture or self._cell.architecture, conv or self._cell.conv
        network = super().network(*texts)
        if refusal := refused(network, texts, self.classes, self.image, min(self._cell.recipe["batch"], 2)):
            raise ValueError(refusal)
        return network

    def weighted(self) -> nn.Module:
        """The network, whose weights are read: whether they fill it is known before anything is run."""
        with torch.random.fork_rng(devices=[]), torch.device("cpu"):
            return super().weighted()

    def teacher(self, copy: bool = False) -> nn.Module | Frozen:
        """A fresh network, frozen unless it is to be trained."""
        network = super().network(*self._taught_by())  # its own cell's rehearsal has run it
        return network if copy else Frozen(network)

    def pair(self) -> tuple[str, str]:
        """Labels of the two architectures."""
        teacher = catalog.label("architecture", catalog.parse("architecture", self._taught_by()[0]))
        return teacher, self._cell.architecture_label

    def _taught_by(self) -> tuple[str, str]:
        """The teacher's texts; ValueError of a method that has not said that it needs one."""
        if self._teacher is None:
            raise ValueError("it asks for a teacher, and its class does not say so: set needs_teacher = True")
        return self._teacher


def rehearse(cell: Cell, teacher: Cell | None) -> None:
    """ValueError, with the reason, if the cell's method cannot be wired to its networks."""
    refusal = _refusal(_Wiring(cell, (teacher.architecture, teacher.conv) if teacher else None))
    if refusal is not None:
        raise ValueError(refusal)


class _Wiring:
    """A cell's method, networks and teacher, equal for cells that are wired alike."""

    def __init__(self, cell: Cell, teacher: tuple[str, str] | None) -> None:
        self.cell, self.teacher = cell, teacher
        settings = repr(sorted(cell.method_config.items()))  # settings may be lists, which have no hash
        images = [repr(cell.recipe.get(field)) for field in ("mix", "smoothing", "augmentation")]
        ghosts = bool(cell.recipe.get("ghost_batches"))
        numbers = cell.epochs, cell.recipe["batch"] == 1, ghosts, *images
        self._identity = (cell.suite, cell.architecture, cell.conv, cell.method, settings, teacher, numbers)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Wiring) and other._identity == self._identity

    def __hash__(self) -> int:
        return hash(self._identity)


@functools.lru_cache(maxsize=4096)
def _refusal(wiring: _Wiring) -> str | None:
    """Why it cannot be wired, if it cannot: said once, and of every cell that is wired alike."""
    try:
        _wire(wiring)
    except ValueError as error:
        return str(error)
    return None


def _wire(wiring: _Wiring) -> None:
    entry, task = catalog.entry("method", wiring.cell.method), catalog.parse("suite", wiring.cell.suite).task
    if task.answers not in entry.cls.answers:
        known = " or ".join(sorted(entry.cls.answers))
        raise ValueError(
            f"it is made for one answer for every {known}, and the suite asks for one for every {task.answers}"
        )
    _require_takes_images(wiring.cell, entry.cls, task)
    config = catalog.build("method", wiring.cell.method, wiring.cell.method_config)
    try:
        with explained(ValueError, RuntimeError), on_meta():
            # No weight is drawn and no teacher copied here: on the meta device there are shapes alone.
            builder = RehearsalBuilder(wiring.cell, wiring.teacher, torch.device("meta"))
            method = entry.cls(builder, config)
            require_networks(method)
            method.foresee()  # what is dear to find out is asked here alone
            if wiring.cell.recipe.get("ghost_batches"):
                require_parts(method, task, ghosts=True)
            if wiring.cell.recipe["batch"] == 1:
                _take_one_image(method, builder.image)  # a run of its own, which larger batches do not need
            stretches(method.phases(), wiring.cell.epochs)  # refuses phases without an epoch
    except RuntimeError as error:
        # A method that reads the values of weights cannot be wired without any: its cell says what is wrong, if it is.
        if not isinstance(error, NotImplementedError) and "meta tensor" not in str(error):
            place = where(error)
            raise ValueError(f"{reason(error)} ({place})" if place else reason(error)) from error


def _require_takes_images(cell: Cell, method: type[Method], task: Task) -> None:
    """ValueError if the recipe does to its images what the labels of the suite or the losses of the method cannot
    follow."""
    mix, views = cell.recipe.get("mix"), cell.recipe["augmentation"].get("views") or ()
    softens = f"mixes images ({mix['kind']})" if mix else cell.recipe.get("smoothing") and "smooths labels"
    # Strong views leave labels as they are, so only what has a label for every pixel cannot follow them.
    asked = softens or ("asks for strong views" if "strong" in views else None)
    if asked and task.answers != "image":
        raise ValueError(f"the recipe {asked}, which is made for one label an image: here every {task.answers} has one")
    if softens and not method.soft_labels:
        raise ValueError(f"its losses need one class for each image, and the recipe {softens}")


def _take_one_image(method: Method, image: tuple[int, int, int]) -> None:
    """ValueError if a method's own modules take no single image (C, H, W), as a batch norm of 1x1 maps does not."""
    x, zero = torch.zeros(1, *image), torch.zeros(1, dtype=torch.int64)
    try:
        method.train().losses(Batch(x, zero, zero, (x,) * method.views))
    except ValueError as error:
        raise ValueError(f"it cannot be trained on one image at a time ({reason(error).rstrip('.')})") from error
    except Exception:  # of the meta device, which has no numbers to train on
        return


def refused(
    network: nn.Module, texts: tuple[str, str], classes: int, image: tuple[int, int, int], samples: int
) -> str | None:
    """Why a network of these texts, on the meta device, cannot be run on images of that size (C, H, W); None if it can.

    What only the meta device cannot do is run on the CPU. Found out once.
    """
    asked = (*texts, classes, image, samples)
    if asked not in _refusals:
        try:
            run_blank(network, image, samples)
            _refusals[asked] = None
        except Exception:  # libraries raise what they like, and the meta device has its own complaints
            # With numbers, then, and without moving those of whoever asks.
            with torch.random.fork_rng(devices=[]), torch.device("cpu"):
                _refusals[asked] = _complaint(unread_network(*texts, classes), image, samples)
    return _refusals[asked]


def _complaint(network: nn.Module, image: tuple[int, int, int], samples: int) -> str | None:
    try:
        run_blank(network, image, samples)
    except Exception as error:  # the same
        height, width = image[1:]
        alone = ", one at a time" if samples == 1 else ""
        return f"this network cannot be trained on images of {height}x{width}{alone} ({reason(error).rstrip('.')})"
    return None
