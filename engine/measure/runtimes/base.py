"""Runtime: what takes a trained network over and runs it where it is deployed, and the contract that each one keeps.

A network comes in two steps: `convert` writes the files that would be shipped, `load` makes them answer. PyTorch itself
writes no file. No module of this folder imports a library before it is used: each can be asked whether it is there.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from cheapconv.engine.store.operators import Operator

if TYPE_CHECKING:
    from torch import Tensor, nn

Precision = Literal["fp32", "int8"]


class Unsupported(ValueError):
    """A runtime cannot take a network, or cannot be used here; its text is one sentence with name and reason."""


@dataclass(frozen=True)
class Job:
    """How a network is to run: on `batch` images of `shape` (C, H, W), by exactly `threads` threads.

    `folder` belongs to one network alone: what is written there for one runtime serves others too. `calibration` are
    images (N, C, H, W), by which a quantiser learns the ranges of activations.
    """

    shape: tuple[int, int, int]
    batch: int
    folder: Path
    threads: int = 1
    precision: Precision = "fp32"
    calibration: "Tensor | None" = None

    def __post_init__(self) -> None:
        assert self.batch >= 1
        assert self.threads >= 1
        assert self.calibration is None or tuple(self.calibration.shape[1:]) == self.shape

    @property
    def stem(self) -> str:
        """Of the names of its files, without a runtime's suffix."""
        return f"{self.precision}-b{self.batch}"

    @property
    def images(self) -> "Tensor":
        """Random ones (B, C, H, W), the same each time."""
        import torch

        return torch.rand((self.batch, *self.shape), generator=torch.Generator().manual_seed(0))


@dataclass(frozen=True)
class Prepared:
    """A network in a runtime: float32 images (B, C, H, W) on the CPU to logits (B, classes), B as it was told."""

    answer: "Callable[[Tensor], Tensor]"
    files: tuple[Path, ...] = ()  # what is shipped, the one that names the others first

    def __call__(self, images: "Tensor") -> "Tensor":
        return self.answer(images)

    @property
    def file(self) -> Path | None:
        """What is shipped, or the first of several files; None where there is none."""
        return self.files[0] if self.files else None

    @property
    def size_bytes(self) -> int | None:
        """Of all that is shipped."""
        return sum(file.stat().st_size for file in self.files) if self.files else None


class Runtime(ABC):
    """What runs a network. A subclass is a frozen dataclass without fields, registered under its name."""

    registered_name: ClassVar[str]
    label: ClassVar[str]  # in the head of a column
    home: ClassVar[str]  # where its library comes from
    packages: ClassVar[tuple[str, ...]] = ()  # as pip calls them, the one whose version is the runtime's first
    modules: ClassVar[tuple[str, ...]] = ()  # that have to be there
    precisions: ClassVar[tuple[Precision, ...]] = ("fp32",)

    def missing(self) -> str | None:
        """Why it cannot be used here, in one sentence with the fix; None if it can."""
        lacking = [name for name in self.modules if find_spec(name) is None]
        if not lacking:
            return None
        return f"{self.label} is not installed ({', '.join(lacking)}): pip install {' '.join(self.packages)}"

    @property
    def version(self) -> str | None:
        """Of its library, if that is installed."""
        try:
            return version(self.packages[0]) if self.packages else None
        except PackageNotFoundError:
            return None

    def prepare(self, network: "nn.Module", job: Job) -> Prepared:
        """A network in eval mode, in the form that is deployed, ready for its job; raises Unsupported where this
        runtime cannot."""
        if (reason := self.missing()) is not None:
            raise Unsupported(reason)
        if job.precision not in self.precisions:
            raise Unsupported(f"{self.label} has no {job.precision} here: it has {' and '.join(self.precisions)}.")
        if job.precision == "int8" and (job.calibration is None or not len(job.calibration)):
            raise Unsupported(f"{self.label} needs images to calibrate int8 with.")
        assert not network.training
        return self.prepared(network, job)

    @abstractmethod
    def prepared(self, network: "nn.Module", job: Job) -> Prepared:
        """`prepare`, of what this runtime has."""

    def operators(self, prepared: Prepared, job: Job) -> tuple[Operator, ...] | None:
        """What each kind of operator takes of a batch, by this runtime's own profile of a network that it has prepared
        for that job, and whose files are still there; the dearest first. None: it has no such profile."""
        return None


def sentence(label: str, verb: str, error: BaseException) -> str:
    """What went wrong in a runtime, on one line: the innermost cause of an error says it."""
    from cheapconv.catalog.foreign import said

    while (cause := error.__cause__) is not None:
        error = cause
    return f"{label} cannot {verb} this network ({said(error)})."
