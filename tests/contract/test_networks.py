"""What every registered architecture promises with every registered conv."""

import copy
import functools
import itertools

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from cheapconv import catalog
from cheapconv.models.meta import ShapesOnly, on_meta
from cheapconv.models.network import Network
from cheapconv.models.parts.rebuilt import materialise
from cheapconv.models.pixelwise import PixelwiseNetwork
from cheapconv.models.size import count_macs
from tests.models.examples import answer_shape, examples, one_thread, pairs, smallest_side

CLASSES = 10
# All tests of a pair one after the other, so that its network is made once.
every_pair = pytest.mark.parametrize(("architecture", "conv"), pairs(), scope="module")


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    with one_thread():
        yield


@functools.lru_cache(maxsize=2)
def made(architecture, conv, seed: int) -> Network:
    """The network of that seed, for copies: one of a library takes as long to build as a hundred passes."""
    return build_anew(architecture, conv, seed)


def build(architecture, conv, seed: int = 0) -> Network:
    """A copy of the network, or a skip where the pair is refused with a reason."""
    network = copy.deepcopy(made(architecture, conv, seed))
    torch.manual_seed(seed)
    return network


def build_anew(architecture, conv, seed: int = 0) -> Network:
    """As `build`, also on the meta device."""
    torch.manual_seed(seed)
    try:
        return architecture.build(conv, CLASSES)
    except ValueError as refusal:
        reason = str(refusal)
    assert catalog.canonical(conv) in reason
    pytest.skip(reason)


def images(batch: int = 4, side: int = 8) -> torch.Tensor:
    return torch.randn(batch, 3, side, side, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(("architecture", "conv"), pairs(seldom={"timm", "torchvision", "module"}))
def test_pair_is_refused_with_a_reason_or_makes_logits(architecture, conv):
    with on_meta(), torch.no_grad(), ShapesOnly():
        network = build_anew(architecture, conv)
        x = torch.empty(2, 3, 32, 32)
        assert network.eval()(x).shape == answer_shape(network, x)


@every_pair
@pytest.mark.parametrize("side", [8, 16])
def test_maps_and_logits_have_the_announced_shapes(architecture, conv, side):
    network = build(architecture, conv).eval()
    x = images(2, side)
    maps = network.stages(x)
    assert [f.shape[1] for f in maps] == network.channels
    sides = [f.shape[2] for f in maps]
    assert side % sides[0] == 0
    narrower = [after in (before, before // 2) for before, after in itertools.pairwise(sides)]
    wider = [after == 2 * before for before, after in itertools.pairwise(sides)]
    encoder = network.encoder - 1 if isinstance(network, PixelwiseNetwork) else len(sides)
    assert all(narrower[:encoder])
    assert all(wider[encoder:])
    assert all(f.shape[2] == f.shape[3] for f in maps)
    dense = network.answers == "pixel"
    assert network.embed(maps[-1]).shape == (maps[-1].shape if dense else (2, network.features))
    assert network(x).shape == answer_shape(network, x)
    assert network.classes == CLASSES


@every_pair
def test_stages_can_be_entered_in_the_middle(architecture, conv):
    network = build(architecture, conv).eval()
    maps = network.stages(images())
    for start in range(1, len(maps)):
        for entered, whole in zip(network.stages(maps[start - 1], start=start), maps[start:], strict=True):
            assert torch.equal(entered, whole)
    assert torch.equal(network.head(maps[-1]), network(images()))


@every_pair
def test_maps_before_the_last_relu_are_those_that_it_makes(architecture, conv):
    network = build(architecture, conv).eval()
    x = images(side=smallest_side(architecture))
    maps, before = network.stages(x), network.stages(x, pre_activation=True)
    for f, linear in zip(maps, before, strict=True):
        assert torch.equal(f, linear.relu() if network.post_activation else linear)
    if network.post_activation:
        assert min(linear.min() for linear in before) < 0


@every_pair
def test_stages_leave_their_input_as_it_was(architecture, conv):
    network = build(architecture, conv)
    x = images()
    maps = network.stages(x)
    kept = [x.clone(), *(f.clone() for f in maps)]
    network.stages(maps[0], start=1)
    network.head(maps[-1])
    for now, before in zip([x, *maps], kept, strict=True):
        assert torch.equal(now, before)


@every_pair
def test_gradient_reaches_every_parameter(architecture, conv):
    network = build(architecture, conv)
    x = images(side=smallest_side(architecture))
    logits = network(x)
    labels = torch.arange(4).view(4, *[1] * (logits.dim() - 2)).expand(4, *logits.shape[2:])
    torch.nn.functional.cross_entropy(logits, labels).backward()
    for name, parameter in network.named_parameters():
        if name.startswith("encoder_head."):  # for trainings that begin with the encoder
            continue
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.abs().sum() > 0, name


@every_pair
def test_state_dict_makes_another_network_the_same(architecture, conv):
    network, other = build(architecture, conv, seed=0), build(architecture, conv, seed=1)
    x = images(side=smallest_side(architecture))
    network(x)
    assert not torch.equal(network.eval()(x), other.eval()(x))
    other.load_state_dict(network.state_dict())
    assert torch.equal(network(x), other(x))


@every_pair
def test_same_seed_makes_the_same_weights(architecture, conv):
    first, second = build(architecture, conv).state_dict(), build_anew(architecture, conv).state_dict()
    assert first.keys() == second.keys()
    for name, weight in first.items():
        assert torch.equal(weight, second[name]), name


@every_pair
def test_channels_last_computes_the_same(architecture, conv):
    network = build(architecture, conv).double()
    x = images().double()
    wide = copy.deepcopy(network).to(memory_format=torch.channels_last)
    torch.manual_seed(0)  # of a dropout
    maps = network.stages(x)
    torch.manual_seed(0)
    for expected, f in zip(maps, wide.stages(x.to(memory_format=torch.channels_last)), strict=True):
        assert f.is_contiguous(memory_format=torch.channels_last)
        torch.testing.assert_close(f, expected)


@every_pair
def test_bf16_autocast_trains(architecture, conv):
    network = build(architecture, conv)
    x = images(side=smallest_side(architecture))
    with torch.autocast("cpu", torch.bfloat16):
        logits = network(x)
        rounded = network.eval()(x).float()  # without the batch's statistics, which few pixels make sensitive
    assert logits.dtype == torch.bfloat16
    logits.float().square().sum().backward()
    gradients = [p.grad for name, p in network.named_parameters() if not name.startswith("encoder_head.")]
    assert all(gradient.dtype == torch.float32 and gradient.isfinite().all() for gradient in gradients)
    exact = network(x)
    torch.testing.assert_close(rounded, exact, rtol=0.1, atol=0.1 * exact.abs().max().item())


@every_pair
def test_two_independent_counters_agree_on_macs(architecture, conv):
    with on_meta(), torch.no_grad(), ShapesOnly():
        network = build_anew(architecture, conv)
        deployed = materialise(copy.deepcopy(network).eval())
        with FlopCounterMode(display=False) as counter:
            deployed(torch.empty(1, 3, 32, 32))
    assert count_macs(network, (3, 32, 32)) == counter.get_total_flops() / 2


@every_pair
def test_a_shared_stage_is_the_same_computation(architecture, conv):
    network, partner = build(architecture, conv, seed=0).eval(), build(architecture, conv, seed=1).eval()
    partner.stem, partner.stage_modules[0] = network.stem, network.stage_modules[0]
    trunk = network.stages(images())[0]
    assert torch.equal(partner.stages(trunk, start=1)[-1], partner.stages(images())[-1])


@pytest.mark.parametrize("kind", ["architecture", "conv"])
def test_every_spelling_is_one_thing(kind):
    for thing in examples(kind):
        assert thing.version >= 1
        assert catalog.parse(kind, catalog.canonical(thing)) == thing
        assert catalog.parse(kind, catalog.label(kind, thing)) == thing


def test_exactly_one_conv_is_the_standard_one():
    assert [catalog.canonical(conv) for conv in examples("conv") if conv.is_standard] == ["standard"]
