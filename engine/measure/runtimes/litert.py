"""LiteRT, which was TensorFlow Lite: Google's runtime for devices, with XNNPACK on a CPU. https://ai.google.dev/edge/litert

Its converter (litert-torch) reads PyTorch's own program and lays images out channels last inside. int8: its quantiser,
weights and activations, as `static_wi8_ai8` of its recipes says.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from cheapconv.catalog import register
from cheapconv.engine.measure.runtimes.base import Job, Precision
from cheapconv.engine.measure.runtimes.calibrated import batches
from cheapconv.engine.measure.runtimes.exported import Format
from cheapconv.engine.measure.runtimes.quiet import quiet
from cheapconv.engine.measure.runtimes.shipped import Shipped

if TYPE_CHECKING:
    from torch import Tensor

NAME = "network.tflite"


@register("runtime", "litert")
@dataclass(frozen=True)
class LiteRt(Shipped):
    """LiteRT on a CPU."""

    label: ClassVar[str] = "LiteRT"
    home: ClassVar[str] = "https://ai.google.dev/edge/litert"
    packages: ClassVar[tuple[str, ...]] = ("ai-edge-litert", "litert-torch", "ai-edge-quantizer")
    modules: ClassVar[tuple[str, ...]] = ("ai_edge_litert", "litert_torch", "ai_edge_quantizer")
    precisions: ClassVar[tuple[Precision, ...]] = ("fp32", "int8")
    source: ClassVar[Format] = "pt2"

    def missing(self) -> str | None:
        reason = super().missing()
        return reason and f"{reason}, in an environment of its own: litert-torch 0.10 asks for a torch before 2.15"

    def convert(self, source: Path, into: Path, job: Job) -> list[str]:
        with quiet():
            import litert_torch
            import torch

            program = torch.export.load(source).module()
            litert_torch.convert(program, (job.images,)).export(str(into / NAME))
            if job.precision == "int8":
                _quantise(into / NAME, job)
        return [NAME]

    def load(self, file: Path, job: Job) -> "Callable[[Tensor], Tensor]":
        import torch
        from ai_edge_litert.interpreter import Interpreter

        interpreter = Interpreter(str(file), num_threads=job.threads)
        interpreter.allocate_tensors()
        (image,), (logits,) = interpreter.get_input_details(), interpreter.get_output_details()

        def answer(images: "Tensor") -> "Tensor":
            interpreter.set_tensor(image["index"], images.contiguous().numpy())
            interpreter.invoke()
            return torch.from_numpy(interpreter.get_tensor(logits["index"]))

        return answer


def _quantise(file: Path, job: Job) -> None:
    """Turn a file into its int8 form, calibrated on the job's images."""
    from ai_edge_litert.interpreter import Interpreter
    from ai_edge_quantizer import qtyping, quantizer, recipe

    ((signature, names),) = Interpreter(str(file)).get_signature_list().items()
    (name,) = names["inputs"]
    tool = quantizer.Quantizer(str(file), recipe.static_wi8_ai8())
    for end in (qtyping.TFLOperationName.INPUT, qtyping.TFLOperationName.OUTPUT):  # images and logits stay float32
        tool.update_quantization_recipe(".*", end, algorithm_key=quantizer.AlgorithmName.NO_QUANTIZE)
    seen = tool.calibrate({signature: [{name: batch.numpy()} for batch in batches(job)]})
    tool.quantize(seen).export_model(str(file), overwrite=True)
