"""What is said of an exported network beside its file: for programs in network.json, for people in a README."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pydantic

from cheapconv.catalog.errors import UserError, reason
from cheapconv.engine.measure.runtimes.base import Precision
from cheapconv.engine.store.files import read_json

NAME = "network.json"
READING = {  # by form, of a file in the folder
    "onnx": """\
import onnxruntime

answer = onnxruntime.InferenceSession("{file}")
[logits] = answer.run(None, {{"images": images}})  # a numpy array
""",
    "pt2": """\
import torch

logits = torch.export.load("{file}").module()(images)  # a tensor
""",
}


@dataclass(frozen=True, kw_only=True)
class Sidecar:
    """What goes into a file, what comes out, and where it comes from."""

    format: str
    runtime: str  # who reads it
    files: tuple[str, ...]  # the one to load first
    batch: int  # images that are answered at once
    precision: Precision = "fp32"  # of weights and activations
    quantised_on: str = ""  # the images by which int8 was calibrated
    image: tuple[int, int, int]  # (C, H, W), RGB from 0 to 1; normalised inside
    framing: str = ""  # how a picture of another size becomes such an image
    class_names: tuple[str, ...]
    mean: tuple[float, ...]  # that are inside
    std: tuple[float, ...]
    suite: str
    suite_label: str
    terms: str  # under which its training images are to be had
    architecture: str
    conv: str
    method: str
    seed: int
    key: str  # of the cell
    warnings: str = ""  # why the cell's score means nothing, if that is so
    cheapconv: str  # version
    date: str

    def body(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


_sidecar = pydantic.TypeAdapter(Sidecar)


def beside(file: Path) -> Sidecar:
    """What is said of a file; a UserError where there is nothing, or nothing that can be used."""
    if not file.is_file():
        raise UserError(f"there is no file {file}: name one that `cheapconv export` has written.")
    return within(file.parent)


def within(folder: Path) -> Sidecar:
    """What is said of the network in a folder; a UserError as above."""
    path = folder / NAME
    if not path.is_file():
        raise UserError(f"{path} is not there: an exported network is read with the {NAME} beside it.")
    try:
        return _sidecar.validate_python(read_json(path))
    except (ValueError, pydantic.ValidationError) as error:
        raise UserError(f"{path} cannot be used ({reason(error)}): export the network again.") from error


def readme(of: Sidecar, folder: Path) -> str:
    """A page in Markdown."""
    channels, height, width = of.image
    classes = ", ".join(of.class_names)
    warned = f"\n**The score of its cell means nothing**: {of.warnings}.\n" if of.warnings else ""
    framed = f" Of a photograph that is {of.framing}." if of.framing else ""
    code = READING.get(of.format, "").format(file=of.files[0])
    read = f"\n```python\n{code}```\n" if code else ""
    small = f" They are in int8, by the quantiser of {of.runtime}, calibrated with {of.quantised_on}."
    return f"""# {of.architecture} with {of.conv}, trained by {of.method} on {of.suite_label}

`{of.files[0]}` is for {of.runtime}.
{read}{warned}
- In: `images`, float32 ({of.batch}, {channels}, {height}, {width}), RGB, numbers from 0 to 1. They are normalised
  inside: mean {list(of.mean)}, deviation {list(of.std)}.{framed}
- Out: `logits`, float32; the largest says the class. Classes, from 0: {classes}.
- Weights: batch norms are folded into the convolutions before them.{small if of.precision == "int8" else ""}
  Checked against PyTorch on test images when it was written.
- Training data: {of.suite_label} ({of.terms}).
- Where it comes from: cell {of.key}, seed {of.seed}, cheapconv {of.cheapconv}, {of.date}.

    cheapconv accuracy {folder / of.files[0]}
"""
