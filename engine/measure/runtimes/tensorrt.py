"""TensorRT: NVIDIA's runtime, for its own GPUs alone. https://developer.nvidia.com/tensorrt

Registered so that it has an answer, which is why it is not run: runtimes are run on a CPU here.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, NoReturn

from cheapconv.catalog import register
from cheapconv.engine.measure.runtimes.base import Job, Runtime

if TYPE_CHECKING:
    from torch import nn


@register("runtime", "tensorrt")
@dataclass(frozen=True)
class TensorRt(Runtime):
    """TensorRT on a GPU: not run here."""

    label: ClassVar[str] = "TensorRT"
    home: ClassVar[str] = "https://developer.nvidia.com/tensorrt"
    packages: ClassVar[tuple[str, ...]] = ("tensorrt",)

    def missing(self) -> str:
        return f"{self.label} runs on NVIDIA's GPUs alone, and runtimes run on a CPU here: use its trtexec on ONNX."

    def prepared(self, network: "nn.Module", job: Job) -> NoReturn:
        raise AssertionError("it is missing")
