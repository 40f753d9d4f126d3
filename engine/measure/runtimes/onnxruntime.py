"""ONNX Runtime: reads ONNX, merges what can be merged, runs the rest by its own kernels (MLAS on a CPU).

int8: its own static quantiser, unsigned activations and weights of 7 bits per output channel, inserted as pairs of
quantise and dequantise (QDQ) that its optimiser turns into int8 kernels. Ranges of activations are the least and
greatest values that the calibration images bring.
https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from cheapconv.catalog import register
from cheapconv.engine.measure.runtimes import onnxruntime_profile
from cheapconv.engine.measure.runtimes.base import Job, Precision, Prepared
from cheapconv.engine.measure.runtimes.calibrated import batches
from cheapconv.engine.measure.runtimes.exported import INPUT
from cheapconv.engine.measure.runtimes.quiet import quiet
from cheapconv.engine.measure.runtimes.shipped import Shipped
from cheapconv.engine.store.operators import Operator

if TYPE_CHECKING:
    import onnxruntime
    from torch import Tensor

NAME = "network.onnx"
ERRORS_ONLY = 3  # of its levels of logging


@register("runtime", "onnxruntime")
@dataclass(frozen=True)
class OnnxRuntime(Shipped):
    """ONNX Runtime on a CPU."""

    label: ClassVar[str] = "ONNX Runtime"
    home: ClassVar[str] = "https://onnxruntime.ai"
    packages: ClassVar[tuple[str, ...]] = ("onnxruntime", "onnx", "onnxscript")
    modules: ClassVar[tuple[str, ...]] = ("onnxruntime", "onnx", "onnxscript")
    precisions: ClassVar[tuple[Precision, ...]] = ("fp32", "int8")
    trusted: ClassVar[bool] = True

    def convert(self, source: Path, into: Path, job: Job) -> list[str]:
        if job.precision == "fp32":
            (into / NAME).write_bytes(source.read_bytes())
        else:
            _quantise(source, into / NAME, job)
        return [NAME]

    def load(self, file: Path, job: Job) -> "Callable[[Tensor], Tensor]":
        import onnxruntime
        import torch

        session = onnxruntime.InferenceSession(file, _options(job), providers=["CPUExecutionProvider"])
        name = session.get_inputs()[0].name

        def answer(images: "Tensor") -> "Tensor":
            return torch.from_numpy(session.run(None, {name: images.contiguous().numpy()})[0])

        return answer

    def operators(self, prepared: Prepared, job: Job) -> tuple[Operator, ...]:
        assert prepared.file is not None
        return onnxruntime_profile.operators(prepared.file, job, _options(job))


def _options(job: Job) -> "onnxruntime.SessionOptions":
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = job.threads
    options.inter_op_num_threads = 1
    options.log_severity_level = ERRORS_ONLY
    # Else its threads keep cores busy for a while after each answer, which slows whatever is measured next.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    return options


def _quantise(source: Path, target: Path, job: Job) -> None:
    """Write the int8 form of a network, calibrated on the job's images."""
    from onnxruntime import quantization
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(quantization.CalibrationDataReader):
        """Gives the images, batch by batch, until there are no more."""

        def __init__(self) -> None:
            self.batches = batches(job)

        def get_next(self) -> "dict[str, object] | None":
            batch = next(self.batches, None)
            return None if batch is None else {INPUT: batch.numpy()}

    merged = target.with_name("merged.onnx")  # where a convolution and what follows it are one, they get one range
    with quiet():
        quant_pre_process(source, merged, skip_symbolic_shape=True)  # every shape is known
        quantization.quantize_static(
            merged,
            target,
            Reader(),
            quant_format=quantization.QuantFormat.QDQ,
            per_channel=True,
            # Signed ones leave convolutions behind a ReLU, whose range has a zero point of its own, in float32.
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
            reduce_range=True,  # else sums of products overflow on processors without VNNI
        )
