"""OpenVINO: reads ONNX, merges and lays out what it reads for Intel's processors (oneDNN on a CPU).

float32 is asked for by name, because it computes in bfloat16 where a processor has that. int8: NNCF's post-training
quantisation, with its defaults, on all calibration images. Both libraries report their use to their makers unless told
otherwise; here they are told. https://docs.openvino.ai, https://github.com/openvinotoolkit/nncf
"""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar

from cheapconv.catalog import register
from cheapconv.engine.measure.runtimes import openvino_profile
from cheapconv.engine.measure.runtimes.base import Job, Precision, Prepared, Unsupported
from cheapconv.engine.measure.runtimes.calibrated import batches
from cheapconv.engine.measure.runtimes.quiet import quiet
from cheapconv.engine.measure.runtimes.shipped import Shipped
from cheapconv.engine.store.operators import Operator

if TYPE_CHECKING:
    from types import ModuleType

    import openvino
    from torch import Tensor

NAMES = ["network.xml", "network.bin"]


@register("runtime", "openvino")
@dataclass(frozen=True)
class OpenVino(Shipped):
    """OpenVINO on a CPU."""

    label: ClassVar[str] = "OpenVINO"
    home: ClassVar[str] = "https://docs.openvino.ai"
    packages: ClassVar[tuple[str, ...]] = ("openvino", "nncf")
    modules: ClassVar[tuple[str, ...]] = ("openvino",)
    precisions: ClassVar[tuple[Precision, ...]] = ("fp32", "int8")
    trusted: ClassVar[bool] = True

    def convert(self, source: Path, into: Path, job: Job) -> list[str]:
        openvino = _imported()
        model = openvino.Core().read_model(source)
        if job.precision == "int8":
            try:
                with quiet():
                    import nncf
            except ImportError as error:
                raise Unsupported(f"{self.label} has int8 by NNCF, which is not installed: pip install nncf") from error
            with quiet():
                images = [batch.numpy() for batch in batches(job)]
                model = nncf.quantize(model, nncf.Dataset(images), subset_size=len(images))
        openvino.save_model(model, into / NAMES[0], compress_to_fp16=False)
        return NAMES

    def load(self, file: Path, job: Job) -> "Callable[[Tensor], Tensor]":
        import torch

        request = _compiled(file, job).create_infer_request()

        def answer(images: "Tensor") -> "Tensor":
            return torch.from_numpy(request.infer({0: images.contiguous().numpy()})[0].copy())  # its own memory

        return answer

    def operators(self, prepared: Prepared, job: Job) -> tuple[Operator, ...]:
        assert prepared.file is not None
        return openvino_profile.operators(_compiled(prepared.file, job, {"PERF_COUNT": True}), job)


def _compiled(file: Path, job: Job, more: Mapping[str, bool] = MappingProxyType({})) -> "openvino.CompiledModel":
    """A network that computes as it is told to, by whatever else is wanted of it."""
    settings = {
        "INFERENCE_NUM_THREADS": job.threads,
        "NUM_STREAMS": 1,
        "ENABLE_HYPER_THREADING": True,  # else it takes no more threads than there are whole cores
        "INFERENCE_PRECISION_HINT": "f32",
        "ENABLE_CPU_PINNING": False,  # else it moves the thread that calls
        **more,
    }
    return _imported().Core().compile_model(file, "CPU", settings)


def _imported() -> "ModuleType":
    """The library, without the one that it would report its use by."""
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # None: as if it were not installed
    import openvino

    return openvino
