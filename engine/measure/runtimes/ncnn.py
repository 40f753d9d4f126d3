"""ncnn: Tencent's runtime for phones. Its converter, pnnx, reads ONNX and writes layers and weights in two files.

It knows no batch: of several images one is run after the other, as it would be there. float16 and bfloat16, which it
computes in where a processor has them, are off. https://github.com/Tencent/ncnn, https://github.com/pnnx/pnnx
"""

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from cheapconv.catalog import register
from cheapconv.engine.measure.runtimes.base import Job
from cheapconv.engine.measure.runtimes.shipped import Shipped

if TYPE_CHECKING:
    from torch import Tensor

NAMES = ["network.ncnn.param", "network.ncnn.bin"]
INPUT, OUTPUT = "in0", "out0"  # by which pnnx calls them


@register("runtime", "ncnn")
@dataclass(frozen=True)
class Ncnn(Shipped):
    """ncnn on a CPU."""

    label: ClassVar[str] = "ncnn"
    home: ClassVar[str] = "https://github.com/Tencent/ncnn"
    packages: ClassVar[tuple[str, ...]] = ("ncnn", "pnnx")
    modules: ClassVar[tuple[str, ...]] = ("ncnn", "pnnx")
    batched: ClassVar[bool] = False

    def convert(self, source: Path, into: Path, job: Job) -> list[str]:
        import pnnx

        shutil.copy(source, into / "network.onnx")  # it writes beside what it reads
        subprocess.run([pnnx.EXEC_PATH, "network.onnx", "fp16=0"], cwd=into, check=True, capture_output=True)
        _require_layers(into / NAMES[0])
        return NAMES

    def load(self, file: Path, job: Job) -> "Callable[[Tensor], Tensor]":
        import ncnn
        import numpy
        import torch

        network = ncnn.Net()
        network.opt.num_threads = job.threads
        for option in ("fp16_packed", "fp16_storage", "fp16_arithmetic", "bf16_storage"):
            setattr(network.opt, f"use_{option}", False)
        weights = file.with_name(NAMES[1])
        if network.load_param(str(file)) != 0 or network.load_model(str(weights)) != 0:
            raise OSError(f"{file.name} and {weights.name} are no network of its")

        def one(image: "Tensor") -> "Tensor":
            extractor = network.create_extractor()
            extractor.input(INPUT, ncnn.Mat(image.numpy()))
            failed, logits = extractor.extract(OUTPUT)
            assert failed == 0, f"status {failed}"
            return torch.from_numpy(numpy.array(logits))

        return lambda images: torch.stack([one(image) for image in images.contiguous()])


def _require_layers(parameters: Path) -> None:
    """ValueError for a layer that pnnx has passed through because ncnn has none: two lines of numbers, then layers."""
    import ncnn

    layers = {line.split()[0] for line in parameters.read_text().splitlines()[2:] if line.strip()}
    unknown = sorted(layer for layer in layers if ncnn.layer_to_index(layer) < 0)
    if unknown:
        raise ValueError(f"it has no {' and no '.join(unknown)}")
