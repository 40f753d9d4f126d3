"""Shipped: a runtime that reads files of its own, which are made from a file that PyTorch has written.

A converter is somebody else's program, and so is what reads its files: either may end the process that it runs in.
Unless a runtime is trusted not to, a process of its own converts, loads and answers once before this one loads.
"""

import tempfile
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from cheapconv.engine.measure.runtimes import exported, safely
from cheapconv.engine.measure.runtimes.base import Job, Prepared, Runtime, Unsupported, sentence

if TYPE_CHECKING:
    from torch import Tensor, nn


# Of logits: a convolution by Winograd's algorithm is right to 4 digits, and a wrong network is wrong in the first.
TOLERANCE, SMALLEST = 1e-2, 1e-4


class Shipped(Runtime):
    """A runtime with files of its own."""

    source: ClassVar[exported.Format] = "onnx"
    trusted: ClassVar[bool] = False
    batched: ClassVar[bool] = True  # else its files are those of one image, and it runs one after the other

    @abstractmethod
    def convert(self, source: Path, into: Path, job: Job) -> list[str]:
        """Write what is shipped into a folder; the names of the files, that of the one to load first."""

    @abstractmethod
    def load(self, file: Path, job: Job) -> "Callable[[Tensor], Tensor]":
        """What answers images (B, C, H, W) with logits (B, classes), from such files, converted for the same batch."""

    def prepared(self, network: "nn.Module", job: Job) -> Prepared:
        job.folder.mkdir(parents=True, exist_ok=True)
        try:
            source = exported.written(network, self.source, job if self.batched else replace(job, batch=1))
        except Unsupported as refusal:
            raise Unsupported(f"{self.label} cannot take this network: {refusal}") from refusal
        files = self.converted(source, job) if self.trusted else safely.converted(self, source, job)
        prepared = Prepared(self.loaded(files[0], job), files)
        self._require_same(prepared, network, job)
        return prepared

    def _require_same(self, prepared: Prepared, network: "nn.Module", job: Job) -> None:
        """Unsupported where the files are another network than the one that they were made from."""
        import torch

        with torch.no_grad():
            own, right = prepared(job.images), network(job.images)
        if own.shape != right.shape:
            reason = f"it has logits of shape {(*own.shape,)} for {(*right.shape,)}"
            raise Unsupported(f"{self.label} does not run this network as PyTorch does: {reason}.")
        off, largest = (own - right).abs().max().item(), right.abs().max().item()
        if job.precision == "fp32" and not off <= TOLERANCE * largest + SMALLEST:
            reason = f"its logits are off by {off:.2g} where the largest is {largest:.2g}"
            raise Unsupported(f"{self.label} does not run this network as PyTorch does: {reason}.")

    def converted(self, source: Path, job: Job) -> tuple[Path, ...]:
        """The files that are shipped, in a folder of this runtime; Unsupported where its converter fails."""
        folder = job.folder / f"{self.registered_name}-{job.stem}"
        folder.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=job.folder) as unfinished:
            try:
                names = self.convert(source, Path(unfinished), job)
            except Unsupported:
                raise
            except Exception as error:  # a converter fails in ways of its own
                raise Unsupported(sentence(self.label, "take", error)) from error
            return tuple((Path(unfinished) / name).replace(folder / name) for name in names)

    def loaded(self, file: Path, job: Job) -> "Callable[[Tensor], Tensor]":
        """`load`, whose failures are Unsupported."""
        try:
            return self.load(file, job)
        except Unsupported:
            raise
        except Exception as error:  # as above
            raise Unsupported(sentence(self.label, "load", error)) from error
