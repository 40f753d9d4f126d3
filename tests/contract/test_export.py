"""Networks leave PyTorch: their deployed form and torch.export give the same logits. Some pairs by default, all under
`slow`."""

import copy
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import nn

from cheapconv import catalog
from cheapconv.models.deployed import deployed
from tests.models.examples import pairs, smallest_side

CLASSES = 10
ARCHITECTURE = "resnet_od"  # by default every conv in this one


def sampled(default: Any) -> list[Any]:
    """All pairs, those that `default(architecture, conv)` does not name marked as slow."""
    found = []
    for pair in pairs(seldom=()):
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


def is_deployed(architecture: Any, conv: Any) -> bool:
    return is_exported(architecture, conv) or catalog.label("conv", conv) == "BG(2,M/4)"


@pytest.mark.parametrize(("architecture", "conv"), sampled(is_deployed))
@torch.no_grad()
def test_the_deployed_form_gives_the_same_logits(built):
    network, images = built
    state = copy.deepcopy(network.state_dict())
    found, expected = deployed(network, images.shape[1:])(images), network(images)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5 * expected.abs().max().item())
    assert all(torch.equal(state[name], tensor) for name, tensor in network.state_dict().items())


@pytest.mark.parametrize(("architecture", "conv"), sampled(is_exported))
@torch.no_grad()
def test_exported_program_gives_the_same_logits(built):
    network, images = built
    program = torch.export.export(network, (images,))
    torch.testing.assert_close(program.module()(images), network(images), rtol=1e-4, atol=1e-5)
