"""What a method promises the trainer (methods/base.py), looked at before the first step of a phase: a broken promise is
one sentence, and not what the library says some lines later."""

from collections import Counter

import torch
from torch import Tensor

from cheapconv.methods.base import Method, Trained


def require_networks(method: Method) -> None:
    """ValueError unless a method names its networks, each otherwise, and at least one student that counts."""
    found = method.networks()
    if not isinstance(found, list) or not all(isinstance(one, Trained) for one in found):
        raise ValueError(f"{type(method).__name__} returns from networks() no list of Trained: {type(found).__name__}")
    if twice := [name for name, count in Counter(one.name for one in found).items() if count > 1]:
        raise ValueError(f"{type(method).__name__} returns two networks that are called '{twice[0]}'")
    if not any(one.headline for one in found):
        raise ValueError(
            f"{type(method).__name__} returns from networks() none with headline=True, whose score is its result"
        )


def require_terms(method: Method, terms: dict[str, Tensor]) -> None:
    """ValueError unless losses are terms by name: 0-d, of 32 bits or more, each with a gradient, for one without it
    would be logged and teach nothing."""
    if not isinstance(terms, dict) or not terms:
        said = "{}" if terms == {} else type(terms).__name__
        raise ValueError(
            f"{type(method).__name__} returns {said} from losses(), not its terms by name such as {{'ce': ...}}"
        )
    for name, term in terms.items():
        if complaint := _complaint(term):
            raise ValueError(f"{type(method).__name__} returns a loss term '{name}' {complaint}")


def _complaint(term: Tensor) -> str | None:
    if not isinstance(term, Tensor):
        return f"that is a {type(term).__name__}, not a tensor"
    if term.dim():
        return f"of shape {tuple(term.shape)}: take its mean, a term is a 0-d tensor"
    if term.dtype not in (torch.float32, torch.float64):
        return f"of {term.dtype}: compute it in float32, as those of methods/losses.py do"
    if not term.requires_grad:
        return "without a gradient, from which nothing learns: is all that it is made of detached, or read by item()?"
    return None
