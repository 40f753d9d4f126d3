"""ExecuTorch: PyTorch's own runtime for devices, with XNNPACK for what that can take.

int8: XNNPACK's quantiser, symmetric, weights per output channel. https://docs.pytorch.org/executorch

Its threads are the process's, and a network that is loaded keeps hold of them: as long as one is there, others come by
the same number.
"""

import weakref
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from cheapconv.catalog import register
from cheapconv.engine.measure.runtimes.base import Job, Precision, Unsupported
from cheapconv.engine.measure.runtimes.calibrated import batches
from cheapconv.engine.measure.runtimes.exported import Format
from cheapconv.engine.measure.runtimes.quiet import quiet
from cheapconv.engine.measure.runtimes.shipped import Shipped

if TYPE_CHECKING:
    from torch import Tensor
    from torch.export import ExportedProgram

NAME = "network.pte"


@register("runtime", "executorch")
@dataclass(frozen=True)
class ExecuTorch(Shipped):
    """ExecuTorch with XNNPACK, on a CPU."""

    label: ClassVar[str] = "ExecuTorch"
    home: ClassVar[str] = "https://docs.pytorch.org/executorch"
    packages: ClassVar[tuple[str, ...]] = ("executorch",)
    modules: ClassVar[tuple[str, ...]] = ("executorch",)
    precisions: ClassVar[tuple[Precision, ...]] = ("fp32", "int8")
    source: ClassVar[Format] = "pt2"

    def convert(self, source: Path, into: Path, job: Job) -> list[str]:
        with quiet():
            import torch
            from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
            from executorch.exir import to_edge_transform_and_lower

            program = torch.export.load(source)
            if job.precision == "int8":
                program = _quantised(program, job)
            lowered = to_edge_transform_and_lower(program, partitioner=[XnnpackPartitioner()]).to_executorch()
        (into / NAME).write_bytes(lowered.buffer)
        return [NAME]

    def load(self, file: Path, job: Job) -> "Callable[[Tensor], Tensor]":
        with quiet():
            from executorch.runtime import Runtime

        _take_threads(job.threads)
        method = Runtime.get().load_program(file).load_method("forward")
        if method is None:
            raise OSError(f"{file.name} is no network of its")
        network = _Loaded(method.execute)
        _loaded.add(network)
        return network


class _Loaded:
    """A network that is loaded."""

    def __init__(self, execute: "Callable[[list[Tensor]], list[Tensor]]") -> None:
        self.execute = execute

    def __call__(self, images: "Tensor") -> "Tensor":
        return self.execute([images.contiguous()])[0].clone()  # its own memory


_loaded: "weakref.WeakSet[_Loaded]" = weakref.WeakSet()


def _take_threads(threads: int) -> None:
    """Compute by so many, from the next network on."""
    from executorch.extension.pybindings import portable_lib

    current = portable_lib._threadpool_get_thread_count()
    if current == threads:
        return
    if len(_loaded):
        raise Unsupported(
            f"ExecuTorch has networks on {current} threads in this process: let go of them before one on {threads}."
        )
    portable_lib._unsafe_reset_threadpool(threads)


def _quantised(program: "ExportedProgram", job: Job) -> "ExportedProgram":
    """The int8 form of a program, calibrated on the job's images."""
    import torch
    from executorch.backends.xnnpack.quantizer import xnnpack_quantizer
    from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e

    settings = xnnpack_quantizer.get_symmetric_quantization_config(is_per_channel=True)
    observed = prepare_pt2e(program.module(), xnnpack_quantizer.XNNPACKQuantizer().set_global(settings))
    with torch.no_grad():
        for batch in batches(job):
            observed(batch)
        return torch.export.export(convert_pt2e(observed), (job.images,))
