"""Forms in which a network is exported, and what reads them here: `pt2` of PyTorch, and the files of each runtime."""

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from cheapconv import catalog
from cheapconv.catalog.errors import UserError, nearest, short
from cheapconv.engine.measure.runtimes import exported
from cheapconv.engine.measure.runtimes.base import Job, Precision
from cheapconv.engine.measure.runtimes.shipped import Shipped
from cheapconv.engine.run.sidecar import NAME, Sidecar

Answer = Callable[[Tensor], Tensor]  # images (B, C, H, W) -> logits
FRIENDS = {"onnx": "onnxruntime"}  # a form that has a name of its own: the runtime that reads it here


@dataclass(frozen=True)
class Format:
    """A form by its name, and the runtime that reads it; PyTorch itself if None."""

    name: str
    runtime: Shipped | None
    precision: Precision = "fp32"

    @property
    def label(self) -> str:
        """Who reads it."""
        return self.runtime.label if self.runtime else "PyTorch"

    def written(self, network: nn.Module, job: Job) -> tuple[tuple[Path, ...], Answer]:
        """Its files in the job's folder, and how they answer; raises Unsupported."""
        if self.runtime is not None:
            prepared = self.runtime.prepare(network, job)
            return prepared.files, prepared
        path = exported.written(network, "pt2", job)
        file = path.replace(path.with_name("network.pt2"))
        return (file,), self.read(file, job)

    def read(self, file: Path, job: Job) -> Answer:
        """How a file answers; raises Unsupported."""
        if self.runtime is not None:
            return self.runtime.loaded(file, job)
        program = torch.export.load(file).module()
        return torch.no_grad()(program)

    def marked(self, file: Path, sidecar: Sidecar) -> bytes:
        """The file with what is said of it inside, where its form has a place for that."""
        said = sidecar.body()
        if self.name == "pt2":
            with io.BytesIO() as whole:
                torch.export.save(torch.export.load(file), whole, extra_files={NAME: json.dumps(said)})
                return whole.getvalue()
        if self.name == "onnx":
            import onnx

            model = onnx.load(file)
            onnx.helper.set_model_props(model, {name: json.dumps(value) for name, value in said.items()})
            return model.SerializeToString()
        return file.read_bytes()


def known(name: str, precision: Precision = "fp32") -> Format:
    """The form of a name; a UserError names those that there are, what is not installed, and what has no such
    precision."""
    catalog.load()
    runtimes = {each: catalog.entry("runtime", each).cls for each in catalog.names("runtime")}
    shipped = {each: cls for each, cls in runtimes.items() if issubclass(cls, Shipped)}
    if name == "pt2":
        if precision != "fp32":
            raise UserError(f"{name} has no {precision} here: name a --format that has, see `list runtimes`.")
        return Format(name, None)
    found = shipped.get(FRIENDS.get(name, name))
    if found is None:
        names = {*FRIENDS, "pt2", *shipped} - {*FRIENDS.values()}
        raise UserError(f"unknown format '{short(name)}'{nearest(name, names)}.")
    runtime = found()
    if (missing := runtime.missing()) is not None:
        raise UserError(f"{missing}.")
    if precision not in runtime.precisions:
        raise UserError(f"{name} has no {precision} here: name a --format that has, see `list runtimes`.")
    return Format(next((friend for friend, own in FRIENDS.items() if own == name), name), runtime, precision)
