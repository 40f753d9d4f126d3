"""Substitution by name: what is replaced, what stays and why, and that geometry, bias and report are right."""

import pytest
import torch
from torch import nn

from cheapconv import catalog
from cheapconv.models.size import count_macs, count_params
from cheapconv.models.wrap.substitute import Bias, Substitution, substitute

catalog.load()


def conv(text: str):
    return catalog.parse("conv", text)


def network() -> nn.Module:
    """One convolution of every kind, by name."""
    return nn.ModuleDict(
        {
            "stem": nn.Conv2d(3, 8, 3, padding=1),
            "plain": nn.Conv2d(8, 16, 3, stride=2, padding=1, bias=False),
            "dilated": nn.Conv2d(16, 16, 3, padding=2, dilation=2, bias=False),
            "large": nn.Conv2d(16, 16, 5, padding=2, bias=False),
            "pointwise": nn.Conv2d(16, 16, 1),
            "grouped": nn.Conv2d(16, 16, 3, padding=1, groups=2),
            "valid": nn.Conv2d(16, 16, 3),
            "even": nn.Conv2d(16, 16, 2, stride=2),
            "mirrored": nn.Conv2d(16, 16, 3, padding=1, padding_mode="reflect"),
            "wide": nn.Conv2d(16, 16, (1, 7), padding=(0, 3)),
            "own": OwnConvolution(16, 16, 3, padding=1),
            "odd": nn.Conv2d(6, 6, 3, padding=1),
        }
    )


class OwnConvolution(nn.Conv2d):
    """A library's own kind, which may do more than convolve."""


def test_every_convolution_is_in_the_report_with_what_became_of_it():
    rows = {row.name: row for row in substitute(network(), conv("G(4)"), {"stem"})}
    assert rows["plain"] == Substitution("plain", "3x3/2 8 -> 16", replaced_by="group(groups=4)")
    assert rows["dilated"] == Substitution("dilated", "3x3/1 16 -> 16 dilation 2", replaced_by="group(groups=4)")
    assert {name: row.left for name, row in rows.items() if row.left} == {
        "stem": "stem",
        "pointwise": "1x1",
        "grouped": "grouped already",
        "valid": "its padding does not keep the size of the map",
        "even": "its padding does not keep the size of the map",
        "mirrored": "its padding does not keep the size of the map",
        "wide": "not square",
        "own": "a OwnConvolution, no plain convolution",
        "odd": "refused: group(groups=4) needs channels divisible by 4, got 6",
    }
    assert list(rows) == list(network())


def test_what_is_left_is_the_same_object():
    net = network()
    before = dict(net.items())
    rows = substitute(net, conv("G(4)"), {"stem"})
    assert {name for name in before if net[name] is not before[name]} == {r.name for r in rows if r.replaced_by}


@pytest.mark.parametrize("text", ["G(4)", "B(2)", "shift(e=1)", "S-2x2"])
@pytest.mark.parametrize(("name", "side"), [("plain", 9), ("plain", 8), ("dilated", 8), ("large", 8)])
def test_shape_of_the_map_stays(text, name, side):
    net = network()
    x = torch.randn(2, net[name].in_channels, side, side)
    shape = net[name](x).shape
    substitute(net, conv(text), {"stem"})
    assert net[name](x).shape == shape


def test_kernel_stride_and_dilation_are_kept():
    net = network()
    substitute(net, conv("G(4)"), {"stem"})
    spatial = {name: net[name][0] for name in ("plain", "dilated", "large")}
    geometry = {n: (m.kernel_size[0], m.stride[0], m.dilation[0], m.padding[0]) for n, m in spatial.items()}
    assert geometry == {"plain": (3, 2, 1, 1), "dilated": (3, 1, 2, 2), "large": (5, 1, 1, 2)}


def test_a_bias_stays_unless_a_norm_follows():
    net = nn.Sequential(
        nn.Conv2d(8, 16, 3, padding=1),
        nn.BatchNorm2d(16),
        nn.Conv2d(16, 16, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(16, 16, 3, padding=1, bias=False),
    )
    substitute(net, conv("G(N)"), {})
    kept = [i for i in (0, 2, 4) if any(isinstance(module, Bias) for module in net[i].modules())]
    assert kept == [2]
    assert torch.equal(net[2][-1].bias, torch.zeros(16))
    x = torch.randn(1, 16, 4, 4)
    net[2][-1].bias.data += torch.arange(16.0)
    torch.testing.assert_close(net[2](x), net[2][0](x) + torch.arange(16.0)[:, None, None])


def test_the_standard_conv_changes_nothing():
    net = network()
    before = dict(net.items())
    rows = substitute(net, conv("S"), {"stem"})
    assert all(net[name] is module for name, module in before.items())
    assert not any(row.replaced_by for row in rows)


def test_a_conv_that_replaces_nothing_is_refused_with_all_reasons():
    net = nn.Sequential(nn.Conv2d(3, 6, 3, padding=1), nn.Conv2d(6, 6, 3, padding=1), nn.Conv2d(6, 6, 1))
    with pytest.raises(ValueError, match=r"group\(groups=4\) replaces no .*1 x stem; 1 x refused: .* got 6; 1 x 1x1"):
        substitute(net, conv("G(4)"), {"0"})


def test_a_conv_that_is_about_the_inside_of_a_residual_block_is_refused():
    """Its width would be left out, and two convs be one network."""
    with pytest.raises(ValueError, match=r"shift\(expansion=3\) replaces no .* refused: .* widens the inside of a"):
        substitute(network(), conv("shift(e=3)"), {"stem"})
    assert any(row.replaced_by for row in substitute(network(), conv("shift(e=1)"), {"stem"}))


def test_a_pointwise_conv_takes_the_1x1_convolutions_and_no_others():
    net = network()
    net["gate"], net["last"] = nn.Conv2d(16, 16, 1), nn.Conv2d(16, 16, 1)
    rows = substitute(net, conv("PG(4)"), {"stem"}, "last", {"gate"})
    assert [row.name for row in rows if row.replaced_by] == ["pointwise"]
    left = {row.name: row.left for row in rows}
    assert (left["plain"], left["large"]) == ("3x3", "5x5")
    assert (left["gate"], left["last"]) == ("sees one pixel", "classifier")
    x = torch.zeros(1, 16, 1, 1)
    x[0, 0] = 1.0  # the first group of inputs reaches one channel of each group of the next layer
    reached = net["pointwise"][0](x).flatten().nonzero().flatten()
    assert reached.tolist() == [0, 4, 8, 12]


def test_where_only_1x1_convolutions_are_left_what_can_be_done_is_said():
    net = nn.Sequential(nn.Conv2d(8, 8, 3, padding=1, groups=8), nn.Conv2d(8, 16, 1))
    with pytest.raises(
        ValueError, match=r"1 x grouped already; 1 x 1x1\): .* made cheaper, by pointwise_group or pointwise_low_rank"
    ):
        substitute(net, conv("G(4)"), {})
    assert [row.replaced_by for row in substitute(net, conv("PLR_0.25"), {})][1] == "pointwise_low_rank(share=0.25)"


@pytest.mark.parametrize("text", ["PG(4)", "PLR_0.50"])
def test_a_pointwise_conv_is_none_for_larger_kernels(text):
    with pytest.raises(ValueError, match="stands in for 1x1 convolutions, and not for 3x3"):
        conv(text).operator(16, 16, kernel_size=3)


def test_a_mixed_conv_gives_each_convolution_its_own():
    net = nn.Sequential(*(nn.Conv2d(8, 8, 3, padding=1, bias=False) for _ in range(3)))
    rows = substitute(net, conv('mixed(S, "G(4)", "G(N)")'), {})
    assert [row.replaced_by for row in rows] == [None, "group(groups=4)", "group(group_width=1)"]
    with pytest.raises(ValueError, match="mixed"):
        substitute(nn.Sequential(nn.Conv2d(8, 8, 3, padding=1)), conv('mixed(S, "G(4)", "G(N)")'), {})


def test_new_weights_have_the_deviation_of_the_libraries():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(64, 64, 3, padding=1), nn.BatchNorm2d(64))
    substitute(net, conv("G(4)"), {})
    assert net[0][0].weight.std().item() == pytest.approx((2 / (9 * 64)) ** 0.5, rel=0.05)


@pytest.mark.parametrize(
    ("architecture", "text", "params", "macs"),
    [
        ("shufflenet_v1", "PG(2)", 24 * 54 // 2, 24 * 54 // 2 * 32**2),  # its one 1x1 without groups, beside the stem
        ("shufflenet_v1", "PLR_0.25", 6 * (24 + 54), 6 * (24 + 54) * 32**2),
    ],
)
def test_the_one_1x1_convolution_of_a_shufflenet_v1_by_hand(architecture, text, params, macs):
    whole, cheap = (catalog.parse("architecture", architecture).build(conv(c), 10) for c in ("S", text))
    assert count_params(whole) - count_params(cheap) == 24 * 54 - params
    assert count_macs(whole, (3, 32, 32)) - count_macs(cheap, (3, 32, 32)) == 24 * 54 * 32**2 - macs
    assert [row.left for row in cheap.substitutions].count("grouped already") == 2 * 16 - 1


def test_the_1x1_convolutions_of_a_mobilenet_by_hand():
    rows = [(1, 8, 1), (6, 12, 2), (6, 16, 3), (6, 32, 4), (6, 48, 3), (6, 80, 3), (6, 160, 1)]
    weights, read = 160 * 1280, 16  # the neck
    for expansion, width, blocks in rows:
        for _ in range(blocks):
            weights += expansion * read * (read + width)
            read = width
    whole, cheap = (catalog.parse("architecture", "mobilenet_v2_half").build(conv(c), 10) for c in ("S", "PG(4)"))
    assert count_params(whole) - count_params(cheap) == weights * 3 // 4
    assert isinstance(cheap.classifier, nn.Linear)
    assert cheap.stem[0][0].groups == 1
    assert cheap(torch.randn(2, 3, 32, 32)).shape == (2, 10)


def test_new_weights_of_a_shufflenet_are_drawn_as_its_own():
    torch.manual_seed(0)
    network = catalog.parse("architecture", "shufflenet_v2").build(conv("PG(2)"), 10)
    weight = network.neck[0][0].weight  # uniform within 1 / sqrt(fan-in), the default of PyTorch
    assert weight.shape == (1024, 232, 1, 1)
    assert weight.abs().max().item() == pytest.approx(232**-0.5, rel=0.01)
