"""What a method returns is looked at before it is used: what is wrong with it is a sentence."""

from typing import Any

import pytest
import torch
from torch import nn

from cheapconv.engine.train.promises import require_networks, require_terms
from cheapconv.methods.base import Trained


class Said:
    """A method of which no more is known than what it returns."""

    def __init__(self, networks: Any = None) -> None:
        self._networks = networks

    def networks(self) -> Any:
        return self._networks


LOSS = torch.ones((), requires_grad=True)
PER_SAMPLE = torch.ones(4, requires_grad=True)


def test_terms_that_teach_are_taken():
    require_terms(Said(), {"ce": LOSS, "kd": 0.0 * LOSS})
    require_terms(Said(), {"ce": LOSS.double()})


@pytest.mark.parametrize(
    ("terms", "complaint"),
    [
        (None, "returns NoneType from losses(), not its terms by name"),
        (LOSS, "returns Tensor from losses(), not its terms by name"),
        ({}, "returns {} from losses(), not its terms by name"),
        ({"ce": LOSS, "kd": 0.5}, "'kd' that is a float, not a tensor"),
        ({"ce": PER_SAMPLE}, "'ce' of shape (4,): take its mean"),
        ({"ce": PER_SAMPLE[:1]}, "'ce' of shape (1,): take its mean"),
        ({"ce": LOSS.bfloat16()}, "'ce' of torch.bfloat16: compute it in float32"),
        ({"ce": LOSS, "kd": LOSS.detach()}, "'kd' without a gradient, from which nothing learns"),
        ({"ce": LOSS, "kd": torch.tensor(LOSS.item())}, "'kd' without a gradient, from which nothing learns"),
    ],
)
def test_terms_that_would_be_a_riddle_later_are_refused(terms, complaint):
    with pytest.raises(ValueError, match=r"^Said returns ") as refused:
        require_terms(Said(), terms)
    assert complaint in str(refused.value)


@pytest.mark.parametrize(
    ("networks", "complaint"),
    [
        (None, "no list of Trained: NoneType"),
        ([nn.Identity()], "no list of Trained: list"),
        ([], "none with headline=True"),
        ([Trained("ensemble", nn.Identity(), "ensemble", headline=False)], "none with headline=True"),
        (
            [Trained("student", nn.Identity()), Trained("student", nn.Identity())],
            "two networks that are called 'studen",
        ),
    ],
)
def test_networks_that_cannot_be_told_apart_or_scored_are_refused(networks, complaint):
    with pytest.raises(ValueError, match=r"^Said returns ") as refused:
        require_networks(Said(networks))
    assert complaint in str(refused.value)
