"""Weights from a file: a state dict in PyTorch's format or in safetensors, and how their images were normalised.

A file that this suite has written (networks/*.pt of a run) is one too; so is a checkpoint that keeps its state dict
under one of `_WRAPPERS`. Where `mean` and `std` stand beside it, as in files of this suite, they are those of the
images that the weights were trained with. Nothing is read that could run code. What the libraries themselves make fit
when they load a file fits here: names behind a prefix of PyTorch's wrappers or Lightning, the names of published
DenseNet files, missing counters of batch norms.
"""

import pickle
import re
import string
import zipfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from cheapconv.catalog.errors import some
from cheapconv.models.input import Normalised

_WRAPPERS = ("state_dict_ema", "model_ema", "state_dict", "model", "weights")  # an average first, as timm has it
_PREFIXES = ("module.", "_orig_mod.", "model.")  # of DataParallel, torch.compile and Lightning
_AVERAGES = "n_averaged"  # the counter of torch.optim.swa_utils.AveragedModel
_COUNTER = ".num_batches_tracked"  # of a batch norm; absent from files of before PyTorch 0.4.1
_OLD_DENSENET = re.compile(r"(denselayer\d+\.(?:norm|relu|conv))\.([12])\.")  # norm.1, which is norm1 today
_FOREIGN = re.compile(
    r"(?:GLOBAL |Unsupported class |type )([\w.]+\w)"
)  # in what torch says of a class that it refuses
_LOOKED_AT = 512  # bytes in which a text shows that it is one, and an old archive of PyTorch that it is none
_PAGES = ("<!doctype", "<html", "<?xml")
_LFS = "version https://git-lfs"


@dataclass(frozen=True)
class Stored:
    """Weights by name, and the normalisation of the images that they were trained with, where it is known."""

    tensors: Mapping[str, Tensor]
    normalisation: Normalised | None = None


def read_weights(path: Path) -> Mapping[str, Tensor]:
    """The tensors of a file by name; ValueError if there is no such file or it holds no state dict."""
    return read_stored(path).tensors


def read_stored(path: Path) -> Stored:
    """What a file holds; ValueError if there is no such file or it holds no state dict."""
    if not path.is_file():
        raise ValueError(f"there is no file '{path}' of weights")
    try:
        _refuse_others(path)
        body = _safetensors(path) if path.suffix == ".safetensors" else torch.load(path, "cpu", weights_only=True)
    except pickle.UnpicklingError as error:  # what torch says advises to run whatever the file holds
        raise ValueError(f"'{path}' {_what_it_holds(path, str(error))}") from error
    except (OSError, RuntimeError, EOFError, ValueError, LookupError) as error:
        reason = str(error).partition("\n")[0].rstrip(". ") or "it ends too early"
        raise ValueError(f"'{path}' cannot be read as weights ({reason})") from error
    said = _normalisation(body)
    for key in _WRAPPERS:
        body = body[key] if isinstance(body, Mapping) and isinstance(body.get(key), Mapping) else body
    if not isinstance(body, Mapping) or not body or not all(isinstance(value, Tensor) for value in body.values()):
        raise ValueError(f"'{path}' holds no state dict")
    return Stored(_plainly_named({str(name): tensor for name, tensor in body.items()}), said)


def picked(
    weights: Mapping[str, Tensor], layers: Collection[str], outputs: Sequence[int] | None
) -> Mapping[str, Tensor]:
    """The weights with these rows alone of the entries of `layers`, in this order; all rows without `outputs`.

    ValueError for a row that is not there.
    """
    if outputs is None:
        return weights
    chosen = {name: tensor for name, tensor in weights.items() if name.rpartition(".")[0] in layers}
    rows = min((len(tensor) for tensor in chosen.values()), default=0)
    if max(outputs) >= rows:
        raise ValueError(f"outputs lists class {max(outputs)}, but the weights are of {rows} classes, from 0 on")
    return {**weights, **{name: tensor[list(outputs)] for name, tensor in chosen.items()}}


def load_weights(
    network: nn.Module, weights: Mapping[str, Tensor], may_differ: Collection[str] = ()
) -> tuple[str, ...]:
    """Load all weights, except that layers named in `may_differ` stay fresh where the shapes are others: their names.

    Counters of batches that the weights lack begin at 0, as PyTorch has them. Raises ValueError with a name that is
    missing, one that is unknown, or one of another shape.
    """
    own = network.state_dict()
    counters = {name: torch.zeros_like(own[name]) for name in own.keys() - weights.keys() if name.endswith(_COUNTER)}
    given = {**weights, **counters}
    missing, unknown = sorted(own.keys() - given.keys()), sorted(given.keys() - own.keys())
    other = [name for name in own if name in given and given[name].shape != own[name].shape]
    fresh = {name for name in other if name.rpartition(".")[0] in may_differ}
    wrong = [name for name in other if name not in fresh]
    if missing or unknown or wrong:
        examples = [
            f"'{names[0]}' {what}" for names, what in ((missing, "is missing"), (unknown, "is unknown")) if names
        ]
        examples += [f"'{name}' has shape {_shape(given[name])} for {_shape(own[name])}" for name in wrong[:1]]
        count = len(missing) + len(unknown) + len(wrong)
        raise ValueError(f"the weights are of another network: {count} entries differ, such as {', '.join(examples)}")
    # In the network's own state dict, which carries the versions of its modules: some refuse one without.
    loaded = network.state_dict()
    loaded.update({name: given[name] for name in own if name not in fresh})
    network.load_state_dict(loaded)
    return tuple(dict.fromkeys(name.rpartition(".")[0] for name in own if name in fresh))


def _normalisation(body: object) -> Normalised | None:
    """The mean and standard deviation of three channels that a file names; None if it does not."""
    if not isinstance(body, Mapping):
        return None
    found: list[tuple[float, ...]] = []
    for row in (body.get(name) for name in Normalised._fields):
        if isinstance(row, list | tuple) and len(row) == 3 and all(isinstance(value, float | int) for value in row):
            found.append(tuple(map(float, row)))
    return Normalised(*found) if len(found) == len(Normalised._fields) else None


def _plainly_named(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """The weights by the names that their network gave them."""
    averaged = {name: tensor for name, tensor in weights.items() if name != _AVERAGES}
    for prefix in _PREFIXES * 2:  # they may stand in either order
        if all(name.startswith(prefix) for name in averaged):
            weights = averaged = {name.removeprefix(prefix): tensor for name, tensor in averaged.items()}
    return {_OLD_DENSENET.sub(r"\1\2.", name): tensor for name, tensor in weights.items()}


def _refuse_others(path: Path) -> None:
    """ValueError for what is often met in place of weights: nothing, a page or a pointer, a program."""
    with path.open("rb") as file:
        start = file.read(_LOOKED_AT)
    if not start:
        raise ValueError("it is empty")
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            if any(name.endswith("constants.pkl") for name in archive.namelist()):
                raise ValueError("it is a TorchScript program; save the state dict of its network")
    text = start.decode("ascii", errors="replace")
    if set(text) <= set(string.printable):
        what = "it is a text"
        if text.startswith(_LFS):
            what = "it is a pointer of Git LFS, in place of the file that `git lfs pull` fetches"
        elif text.lstrip().lower().startswith(_PAGES):
            what = "it is a web page, saved in place of the file"
        raise ValueError(f"{what}; it begins with '{text.lstrip().splitlines()[0][:40]}'")


def _what_it_holds(path: Path, said: str) -> str:
    """The end of a sentence on a file that torch does not read without running what it holds."""
    try:
        foreign = sorted(torch.serialization.get_unsafe_globals_in_checkpoint(path))
    except (RuntimeError, ValueError, pickle.UnpicklingError):  # of PyTorch's old format
        foreign = _FOREIGN.findall(said)
    if not foreign:
        return "cannot be read as weights (it is damaged, or no file of PyTorch's)"
    return (
        f"holds {some(foreign, 3)}, but only tensors are read, as other things may run code:"
        " save the state dict alone, with torch.save(network.state_dict(), FILE)"
    )


def _shape(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "()"


def _safetensors(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except SafetensorError as error:
        raise ValueError(str(error)) from error
