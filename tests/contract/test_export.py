"""Networks leave PyTorch: torch.export gives the same logits. Some pairs by default, all under `slow`."""

import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import nn

from tests.models.examples import pairs, smallest_side

CLASSES = 10
ARCHITECTURE = "resnet_od"  # by default every conv in this one


def sampled(default: Any) -> list[Any]:
    """All pairs, those that `default(architecture, conv)` does not name marked as slow."""
    found = []
    for pair in pairs(sampled=False):
        architecture, conv = pair.values
        marks = [] if default(architecture, conv) else [pytest.mark.slow]
        found.append(pytest.param(architecture, conv, id=pair.id, marks=marks))
    return found


def is_exported(architecture: Any, conv: Any) -> bool:
    return architecture.registered_name == ARCHITECTURE


@pytest.fixture
def built(architecture: Any, conv: Any) -> tuple[nn.Module, torch.Tensor]:
    """A network in eval mode with statistics of its own, and two images; a skip where the pair is refused."""
    torch.manual_seed(0)
    try:
        network = architecture.build(conv, CLASSES)
    except ValueError as refusal:
        pytest.skip(str(refusal))
    side = max(16, smallest_side(architecture))
    images = torch.randn(2, 3, side, side)
    with torch.no_grad():
        network(torch.randn(4, 3, side, side))  # running statistics away from 0 and 1
    return network.eval(), images


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """The exporters warn about themselves."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.mark.parametrize(("architecture", "conv"), sampled(is_exported))
@torch.no_grad()
def test_exported_program_gives_the_same_logits(built):
    network, images = built
    program = torch.export.export(network, (images,))
    torch.testing.assert_close(program.module()(images), network(images), rtol=1e-4, atol=1e-5)
