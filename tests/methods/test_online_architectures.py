"""Online methods on the families of the papers: finite losses, a gradient everywhere, networks of the plain size.

And what all of them share: the first network starts as it would alone, and copies of the batch change no loss.
"""

import pytest
import torch

from cheapconv.methods.base import Method
from cheapconv.models.build import build_network
from cheapconv.models.meta import on_meta
from cheapconv.models.size import count_params
from cheapconv.suites.base import Batch
from tests.methods.fixed import total
from tests.methods.online import PlainBuild, at_the_end, built
from tests.methods.world import World

NETWORKS = [
    ("resnet_od(depth=8)", "od_shift(expansion=1)"),
    ("resnet(depth=8)", "od_depthwise"),
    ("wrn(depth=10, width=1)", "G(4)"),
    ("vgg(depth=8)", "G(N)"),
    ("vgg_5p(depth=8, hidden=2)", "standard"),
    ("densenet_bc(depth=10)", "standard"),
    ("mobilenet_v2_half", "standard"),
    ("alexnet_c", "standard"),
]
METHODS = {
    "od": {"students": 2},
    "dml": {},
    "one": {"branches": 2},
    "cl_ilr": {"heads": 2},
    "okddip": {"peers": 2},
    "ffl": {},
    "mcod": {"partners": ["ResNet-8"], "schedule": "fixed", "ensemble": "gated"},
}


def images() -> Batch:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(4, 3, 32, 32, generator=generator)
    return Batch(x, torch.arange(4), torch.arange(4), (x,))


def make(name: str, architecture: str, conv: str) -> Method:
    torch.manual_seed(0)
    return at_the_end(built(name, PlainBuild(architecture, conv), **METHODS[name]))


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize(("architecture", "conv"), NETWORKS)
def test_it_trains_every_family(name: str, architecture: str, conv: str) -> None:
    method = make(name, architecture, conv)
    loss = total(method.losses(images()))
    loss.backward()
    assert loss.isfinite()
    for parameter_name, parameter in method.named_parameters():
        assert parameter.grad is not None, parameter_name
        assert parameter.grad.isfinite().all(), parameter_name


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize(("architecture", "conv"), NETWORKS)
def test_what_is_deployed_is_the_plain_network(name: str, architecture: str, conv: str) -> None:
    with on_meta():
        deployed = [t for t in make(name, architecture, conv).networks() if t.headline]
        plain = build_network(architecture, conv, 10)
    assert {count_params(t.network) for t in deployed} == {count_params(plain)}
    assert all(t.network.state_dict().keys() == plain.state_dict().keys() for t in deployed)


@pytest.mark.parametrize("name", ["dml", "kdcl", "one", "cl_ilr", "okddip", "ffl", "mcod", "ind"])
def test_the_first_network_starts_as_the_one_trained_alone(world: World, name: str) -> None:
    first, alone = world.method(name).networks()[0], world.method("scratch").networks()[0]
    assert first.headline
    for a, b in zip(first.network.parameters(), alone.network.parameters(), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("name", METHODS)
def test_the_batch_size_does_not_change_a_weight(name: str) -> None:
    """Every sample twice: the same statistics in BN, the same loss."""
    method, once = make(name, "resnet(depth=8)", "standard"), images()
    x = torch.cat([once.x, once.x])
    twice = Batch(x, once.y.repeat(2), torch.arange(8), (x,))
    terms, doubled = method.losses(once), method.losses(twice)
    for term, expected in terms.items():
        torch.testing.assert_close(doubled[term], expected, rtol=1e-4, atol=1e-5)
