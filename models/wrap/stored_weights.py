"""Weights from a file for a network of a library: a state dict in PyTorch's format or in safetensors.

A file that this suite has written (networks/*.pt of a run) is one too; so is a checkpoint that keeps its state dict
under "state_dict", "model" or "weights".
"""

import pickle
from collections.abc import Collection, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

_WRAPPERS = ("state_dict", "model", "weights")


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors of a file by name; ValueError if there is no such file or it holds no state dict."""
    if not path.is_file():
        raise ValueError(f"there is no file '{path}' of weights")
    try:
        body = _safetensors(path) if path.suffix == ".safetensors" else torch.load(path, "cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError, ValueError) as error:
        raise ValueError(f"'{path}' cannot be read as weights ({str(error).splitlines()[0]})") from error
    for key in _WRAPPERS:
        body = body[key] if isinstance(body, Mapping) and isinstance(body.get(key), Mapping) else body
    if not isinstance(body, Mapping) or not all(isinstance(value, Tensor) for value in body.values()):
        raise ValueError(f"'{path}' holds no state dict")
    return {str(name).removeprefix("module."): tensor for name, tensor in body.items()}


def load_weights(network: nn.Module, weights: Mapping[str, Tensor], may_differ: Collection[str] = ()) -> None:
    """Load all weights, except that layers named in `may_differ` stay fresh where the shapes are others.

    Raises ValueError with the first name that is missing, unknown or of another shape.
    """
    own = network.state_dict()
    other = [name for name in own if name in weights and weights[name].shape != own[name].shape]
    fresh = {name for name in other if name.rpartition(".")[0] in may_differ}
    wrong = sorted(own.keys() ^ weights.keys()) + [name for name in other if name not in fresh]
    if wrong:
        raise ValueError(f"the weights are of another network: {len(wrong)} entries differ, such as '{wrong[0]}'")
    network.load_state_dict({name: own[name] if name in fresh else weights[name] for name in own})


def _safetensors(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except SafetensorError as error:
        raise ValueError(str(error)) from error
