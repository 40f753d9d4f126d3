"""How a network leaves PyTorch: the two files that runtimes are made from, each written once and shared by them.

They have a fixed batch: a runtime knows every shape beforehand, as on a device, and may choose its kernels by it.
"""

import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from cheapconv.engine.measure.runtimes.base import Job, Unsupported, sentence
from cheapconv.engine.measure.runtimes.quiet import quiet

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

Format = Literal["onnx", "pt2"]
LABELS: dict[Format, str] = {"onnx": "ONNX", "pt2": "torch.export"}
INPUT, OUTPUT = "images", "logits"


def written(network: "nn.Module", form: Format, job: Job) -> Path:
    """The file of a network in eval mode, in the job's folder; Unsupported where it has an operator that cannot be in
    one."""
    path = job.folder / f"b{job.batch}.{form}"
    if not path.exists():
        with tempfile.TemporaryDirectory(dir=job.folder) as unfinished, quiet():
            try:
                _WRITERS[form](network, job.images, Path(unfinished) / path.name)
            except Exception as error:  # the exporters pass on whatever the network's code raises
                raise Unsupported(sentence(LABELS[form], "hold", error)) from error
            (Path(unfinished) / path.name).replace(path)
    return path


def any_batch(network: "nn.Module", job: Job) -> Path:
    """The ONNX file of a network in eval mode for as many images as there are; Unsupported as above."""
    import torch

    path = job.folder / "any.onnx"
    with quiet():
        try:
            # Of one image the exporter would take the batch for a constant.
            _onnx(network, replace(job, batch=2).images, path, ({0: torch.export.Dim("batch")},))
        except Exception as error:  # as above
            raise Unsupported(sentence(f"{LABELS['onnx']} for any batch", "hold", error)) from error
    return path


def _onnx(
    network: "nn.Module", images: "Tensor", path: Path, dynamic: "tuple[dict[int, torch.export.Dim], ...] | None" = None
) -> None:
    import torch

    torch.onnx.export(
        network,
        (images,),
        path,
        input_names=[INPUT],
        output_names=[OUTPUT],
        dynamo=True,
        external_data=False,
        verbose=False,
        dynamic_shapes=dynamic,
    )


def _program(network: "nn.Module", images: "Tensor", path: Path) -> None:
    import torch

    with torch.no_grad():  # else the program is one that could be trained
        torch.export.save(torch.export.export(network, (images,)), path)


_WRITERS: "dict[Format, Callable[[nn.Module, Tensor, Path], None]]" = {"onnx": _onnx, "pt2": _program}
