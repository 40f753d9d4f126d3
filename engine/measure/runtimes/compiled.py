"""PyTorch's compiler: Inductor writes C++ for the whole network, merged into few loops, and compiles it beforehand.

Beforehand (`aoti_compile_and_package`) and not when it first runs, as torch.compile does: what comes out is a file that
runs without Python, and two networks of one class do not share a compiler's memory of either. The number of threads is
compiled in.
"""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from cheapconv.catalog import register
from cheapconv.engine.measure.runtimes.base import Job
from cheapconv.engine.measure.runtimes.exported import Format
from cheapconv.engine.measure.runtimes.shipped import Shipped
from cheapconv.engine.measure.runtimes.torch_threads import torch_threads

if TYPE_CHECKING:
    from torch import Tensor

NAME = "network.pt2"


@register("runtime", "compile")
@dataclass(frozen=True)
class Compiled(Shipped):
    """PyTorch's compiler, Inductor, ahead of time."""

    label: ClassVar[str] = "PyTorch Inductor"
    home: ClassVar[str] = "https://docs.pytorch.org/docs/stable/torch.compiler_aot_inductor.html"
    packages: ClassVar[tuple[str, ...]] = ("torch",)
    source: ClassVar[Format] = "pt2"

    def missing(self) -> str | None:
        compiler = os.environ.get("CXX", "g++")
        if shutil.which(compiler):
            return None
        return f"{self.label} needs a C++ compiler, and there is no {compiler}: install g++, or name another in CXX."

    def convert(self, source: Path, into: Path, job: Job) -> list[str]:
        import torch

        settings = {"cpp.threads": job.threads}
        with torch_threads(job.threads), torch.no_grad():
            program = torch.export.load(source)
            path = str(into / NAME)
            torch._inductor.aoti_compile_and_package(program, package_path=path, inductor_configs=settings)
        return [NAME]

    def load(self, file: Path, job: Job) -> "Callable[[Tensor], Tensor]":
        import torch

        network = torch._inductor.aoti_load_package(str(file))

        def answer(images: "Tensor") -> "Tensor":
            with torch_threads(job.threads), torch.inference_mode():
                logits: Tensor = network(images.contiguous())
                return logits

        return answer
