"""Which parameters are structured, and the scale of their weight decay."""

import copy

import pytest
import torch
from torch import nn

from cheapconv import catalog
from cheapconv.models.architectures.wrn import WideResNet
from cheapconv.models.convs.standard import Standard
from cheapconv.models.size import count_params
from cheapconv.models.structured import scale_by_compression, structured_modules, weight_decay_scales
from tests.models.examples import spatial_operators

OPERATORS = spatial_operators()


def marked(module: nn.Module) -> set[str]:
    """Names of the parameters below marked modules."""
    inside = {id(p) for m in structured_modules(module) for p in m.parameters()}
    return {name for name, p in module.named_parameters() if id(p) in inside}


@pytest.mark.parametrize("conv", OPERATORS, ids=catalog.canonical)
def test_a_conv_marks_parameters_exactly_if_its_policy_is_compression(conv):
    assert conv.weight_decay_scale in (1, "compression")
    assert bool(marked(conv.operator(16, 16))) == (conv.weight_decay_scale == "compression")


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("S", set()),
        ("Sep", set()),
        ("Hashed_0.10", set()),
        ("SepHashed_0.25", set()),
        ("HashedSeparable", set()),
        ("Generic_0.25", {"1.0.weight", "1.1.weight"}),
        ("LR_0.25", {"1.down.weight"}),
        ("Shuffle_4", {"0.weight", "2.weight", "3.weight"}),
        ("ACDC_3", {"1.source.before", "1.source.between"}),
        ("TensorTrain_0.50 (3 dims)", {f"1.source.cores.{i}" for i in range(3)}),
        ("Tucker_0.50 (3 dims)", {f"1.source.{kind}.{i}" for kind in ("cores", "factors") for i in range(3)}),
        ("factorised(inner_norm=True)", {"0.weight", "2.weight"}),
    ],
)
def test_the_depthwise_part_is_not_structured(text, names):
    assert marked(catalog.parse("conv", text).operator(16, 16)) == names


def network(conv: str) -> nn.Module:
    return WideResNet(depth=10, width=1).build(catalog.parse("conv", conv), 10)


def test_scale_is_the_compression_ratio_of_the_network():
    cheap, standard = network("Generic_0.25"), count_params(WideResNet(depth=10, width=1).build(Standard(), 10))
    assert weight_decay_scales(cheap) == {}
    scale_by_compression(cheap, standard)
    scales = weight_decay_scales(cheap)
    assert set(scales.values()) == {count_params(cheap) / standard}
    assert {id(p) for p in scales} == {id(p) for m in structured_modules(cheap) for p in m.parameters()}


def test_scales_survive_a_copy_and_a_move():
    cheap = network("Shuffle_4")
    scale_by_compression(cheap, 10 * count_params(cheap))
    moved = copy.deepcopy(cheap).double().to(memory_format=torch.channels_last)
    assert [p.shape for p in weight_decay_scales(moved)] == [p.shape for p in weight_decay_scales(cheap)]
    assert set(weight_decay_scales(moved).values()) == {0.1}


def test_mixed_networks_scale_the_structured_blocks():
    cheap = network('mixed(S, "Generic_0.25", "Hashed_0.10")')
    scale_by_compression(cheap, count_params(cheap))
    assert len(weight_decay_scales(cheap)) == 4  # two pairs in the middle block
