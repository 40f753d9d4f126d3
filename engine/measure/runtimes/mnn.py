"""MNN: Alibaba's runtime for phones, which reads ONNX through its own converter. https://github.com/alibaba/MNN

The converter is called as the library's own command would, and not through its package MNN.tools, which installs
another package by pip and reports its use when it is imported.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from cheapconv.catalog import register
from cheapconv.engine.measure.runtimes.base import Job
from cheapconv.engine.measure.runtimes.exported import INPUT, OUTPUT
from cheapconv.engine.measure.runtimes.quiet import quiet_below
from cheapconv.engine.measure.runtimes.shipped import Shipped

if TYPE_CHECKING:
    from torch import Tensor

NAME = "network.mnn"


@register("runtime", "mnn")
@dataclass(frozen=True)
class Mnn(Shipped):
    """MNN on a CPU."""

    label: ClassVar[str] = "MNN"
    home: ClassVar[str] = "https://github.com/alibaba/MNN"
    packages: ClassVar[tuple[str, ...]] = ("MNN",)
    modules: ClassVar[tuple[str, ...]] = ("MNN", "_tools")

    def convert(self, source: Path, into: Path, job: Job) -> list[str]:
        import _tools

        files = ["--modelFile", str(source), "--MNNModel", str(into / NAME)]
        if not _tools.mnnconvert(["", "-f", "ONNX", "--bizCode", "cheapconv", *files]):
            raise ValueError("its converter has failed")
        return [NAME]

    def load(self, file: Path, job: Job) -> "Callable[[Tensor], Tensor]":
        import numpy
        import torch

        # "high": float32, where "normal" may be less.
        settings = {"backend": "CPU", "precision": "high", "numThread": job.threads}
        with quiet_below():  # it prints what it finds; stdout may be promised to one JSON document
            import MNN

            manager = MNN.nn.create_runtime_manager((settings,))
            network = MNN.nn.load_module_from_file(str(file), [INPUT], [OUTPUT], runtime_manager=manager)

        def answer(images: "Tensor") -> "Tensor":
            own = MNN.expr.const(images.contiguous().numpy(), [*images.shape], MNN.expr.NCHW, MNN.expr.float)
            (logits,) = network.forward([own])
            return torch.from_numpy(numpy.array(logits.read()))

        return answer
