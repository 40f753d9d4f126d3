"""One conv per block: how it is written, what it builds, BlockSwap's genotypes."""

import pytest
import torch
from torch import nn

from cheapconv import catalog
from cheapconv.catalog.errors import UserError
from cheapconv.models.architectures.wrn import WideResNet
from cheapconv.models.convs.bottleneck import BottleneckGroup
from cheapconv.models.convs.group import Group
from cheapconv.models.convs.mixed import Mixed
from cheapconv.models.convs.standard import Standard
from cheapconv.models.meta import on_meta
from cheapconv.models.parts.genotypes import GENOTYPES, translated
from cheapconv.models.size import count_params

catalog.load()
TEXT = 'mixed(S, "G(4)", "BG(2,M/8)")'
BLOCKS = ("standard", "group(groups=4)", "bottleneck_group(b=2, group_width=8)")


def parse(text: str) -> Mixed:
    return catalog.parse("conv", text)


@pytest.mark.parametrize(
    "text",
    [
        TEXT,
        'mixed(standard, "group(groups=4)", "BG(2,M/8)")',
        'mixed("S", G(4), "BG(2, M/8)")',
        "mixed(blocks=('S', 'G(4)', 'BG(2,M/8)'))",
        f"mixed(blocks={BLOCKS})",
    ],
)
def test_spellings_of_one_thing(text):
    assert parse(text) == Mixed(blocks=BLOCKS)
    assert catalog.canonical(parse(text)) == f"mixed(blocks={BLOCKS})"
    assert catalog.label("conv", parse(text)) == TEXT


def test_a_run_is_written_once():
    mixed = parse('mixed(S * 2, "G(4)" * 3, depthwise)')
    assert mixed.blocks == ("standard",) * 2 + ("group(groups=4)",) * 3 + ("group(group_width=1)",)
    assert catalog.label("conv", mixed) == 'mixed(S * 2, "G(4)" * 3, "G(N)")'
    assert parse(catalog.label("conv", mixed)) == mixed


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("mixed()", "blocks"),
        ("mixed(S, 4)", r"write name\(keyword=number"),
        ("mixed(S * 0)", r"write name\(keyword=number"),
        ("mixed(S * 1000000000)", r"write name\(keyword=number"),
        ("mixed(S * 100 * 100 * 100 * 100)", r"write name\(keyword=number"),
        ("mixed(S, blocks=('S',))", r"write name\(keyword=number"),
        ("mixed(blocks=())", "give a conv for each residual block"),
        ("mixed(S, Sx)", "unknown conv 'Sx'"),
        ('mixed(S, "G(0)")', "must be greater than or equal to 1, not 0"),
        (f"mixed(S, '{TEXT}')", "mixed cannot hold mixed"),
    ],
)
def test_mistakes_are_told(text, message):
    with pytest.raises(UserError, match=message):
        parse(text)


def test_each_block_has_its_conv_and_the_wrapper_of_that_conv():
    network = WideResNet(depth=10, width=2).build(parse(TEXT), 10)
    kernels = [
        [m.kernel_size[0] for m in stage[0].path.modules() if isinstance(m, nn.Conv2d)]
        for stage in network.stage_modules
    ]
    assert kernels == [[3, 3], [3, 1, 3, 1], [1, 3, 1]]


def test_equal_blocks_make_the_network_of_their_conv():
    texts = ["S", "G(4)", "B(2)"]
    for text in texts:
        torch.manual_seed(0)
        whole = WideResNet(depth=16, width=1).build(catalog.parse("conv", text), 10)
        torch.manual_seed(0)
        mixed = WideResNet(depth=16, width=1).build(parse(f'mixed("{text}" * 6)'), 10)
        for name, weight in whole.state_dict().items():
            assert torch.equal(weight, mixed.state_dict()[name]), name


@pytest.mark.parametrize("depth", [16, 22])
def test_another_number_of_blocks_is_refused_with_the_rule(depth):
    blocks = (depth - 4) // 2
    with pytest.raises(ValueError, match=rf"as many replaceable blocks as it has convs, 3, got {blocks}"):
        WideResNet(depth=depth, width=1).build(parse(TEXT), 10)


def test_a_layer_that_is_no_block_is_refused():
    with pytest.raises(ValueError, match="names a conv per residual block"):
        parse(TEXT).operator(16, 16)


def test_every_genotype_is_canonical_and_has_a_name():
    for name, blocks in GENOTYPES.items():
        assert len(blocks) == (16 if "imagenet" in name else 18)
        assert Mixed(blocks=blocks).blocks == blocks
        assert parse(f"mixed ({name})").blocks == blocks
        assert catalog.label("conv", Mixed(blocks=blocks)) == f"mixed ({name})"


def test_group_of_the_code_counts_groups_or_channels():
    assert catalog.parse("conv", translated("A8B2")) == BottleneckGroup(b=2, groups=8)
    assert catalog.parse("conv", translated("G8B2")) == BottleneckGroup(b=2, group_width=8)
    assert catalog.parse("conv", translated("DConvA2")) == Group(groups=2)
    assert catalog.parse("conv", translated("DConvG2")) == Group(group_width=2)
    assert catalog.parse("conv", translated("Conv")) == Standard()
    with pytest.raises(ValueError, match="'ConvX' is no conv of the BlockSwap code"):
        translated("ConvX")


def test_a_wrapper_per_group_would_be_another_network():
    """bs200k has 217,050 parameters with a wrapper per block, not the 301,210 of the released script."""
    with on_meta():
        network = WideResNet(depth=40, width=2).build(parse("mixed (bs200k)"), 10)
    assert count_params(network) == 217_050
