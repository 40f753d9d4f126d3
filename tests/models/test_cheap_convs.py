"""The cheap convs beyond Moonshine's and OD's: names, layers, semantics, refusals."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from cheapconv import catalog
from cheapconv.catalog.errors import UserError
from cheapconv.models.convs.factorised import Factorised
from cheapconv.models.convs.ghost import Ghost
from cheapconv.models.convs.low_rank_tied import LowRankTied
from cheapconv.models.convs.octave import Octave, OctaveModule, pooled
from cheapconv.models.convs.partial import Partial
from cheapconv.models.convs.shuffle import Shuffle
from tests.models.test_convs import layers

catalog.load()


@pytest.mark.parametrize(
    ("spellings", "label"),
    [
        (["Sep", "separable", "separable(inner_norm=False)"], "Sep"),
        (["Sep-k7", "separable(kernel=7)"], "Sep-k7"),
        (["Generic_0.10", "Generic_0.1", "low_rank(share=0.1)"], "Generic_0.10"),
        (["LR_0.03", "low_rank_tied(share=0.03)"], "LR_0.03"),
        (["LR_0.125", "low_rank_tied(share=0.125)"], "LR_0.125"),
        (["LR_0.00001", "low_rank_tied(share=1e-5)"], "LR_0.00001"),
        (["Generic_1", "low_rank(share=1)", "low_rank(share=1.0)"], "Generic_1.00"),
        (["HashedDecimate", "Hashed_0.10", "hashed(share=0.1)"], "HashedDecimate"),
        (["SepHashedDecimate", "sep_hashed(share_of_full=0.1)"], "SepHashedDecimate"),
        (["SepHashed_0.10", "sep_hashed(share=0.1)"], "SepHashed_0.10"),
        (["HashedSeparable", "hashed_separable"], "HashedSeparable"),
        (["TensorTrain_0.26 (3 dims)", "tensor_train(share=0.26)"], "TensorTrain_0.26 (3 dims)"),
        (["Tucker_0.40 (4 dims)", "tucker(share=0.4, dimensions=4)"], "Tucker_0.40 (4 dims)"),
        (["Shuffle_4", "shuffle(groups=4)"], "Shuffle_4"),
        (["ACDC_12", "acdc"], "ACDC_12"),
        (["Ghost_2", "ghost"], "Ghost_2"),
        (["Octave_0.25", "octave"], "Octave_0.25"),
        (["PConv(1/4)", "partial"], "PConv(1/4)"),
        (["Fire(8)", "fire"], "Fire(8)"),
        (["BSConv-U", "blueprint"], "BSConv-U"),
        (["CSC(e=1)", "csc"], "CSC(e=1)"),
        (["CP_0.25", "cp(share=0.25)"], "CP_0.25"),
        (["Factorised_1.00", "factorised"], "Factorised_1.00"),
    ],
)
def test_spellings_mean_one_conv(spellings, label):
    convs = {catalog.parse("conv", text) for text in spellings}
    assert len(convs) == 1
    assert catalog.label("conv", convs.pop()) == label


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Sep", ["3x3/2 g8", "1x1/1"]),
        ("Sep-k5", ["5x5/2 g8", "1x1/1"]),
        ("separable(inner_norm=True)", ["3x3/2 g8", "BatchNorm2d", "ReLU", "1x1/1"]),
        ("Generic_0.25", ["3x3/2 g8", "1x1/1", "1x1/1"]),
        ("CP_0.25", ["1x1/1", "3x1/2 g4", "1x3/1 g4", "1x1/1"]),
        ("Factorised_0.50", ["1x3/1", "3x1/2"]),
        ("Shuffle_2", ["1x1/1 g2", "3x3/2 g4", "1x1/1 g2"]),
        ("BSConv-U", ["1x1/1", "3x3/2 g16"]),
        ("CSC(e=2)", ["1x1/1", "BatchNorm2d", "ReLU", "Shift", "1x1/2"]),
        ("PConv(1/4)", ["3x3/1", "1x1/2"]),
        ("Fire(8)", ["1x1/1", "BatchNorm2d", "ReLU", "1x1/2", "3x3/2"]),
        ("Ghost_2", ["3x3/2", "BatchNorm2d", "ReLU", "3x3/1 g8"]),
    ],
)
def test_order_of_layers_and_place_of_the_stride(text, expected):
    assert layers(catalog.parse("conv", text).operator(8, 16, stride=2)) == expected


@pytest.mark.parametrize("axis", [0, 1])
def test_factorised_strides_along_both_axes(axis):
    operator = Factorised().operator(4, 4, stride=2)
    assert operator(torch.randn(1, 4, 9, 9)).shape == (1, 4, 5, 5)
    assert operator[axis].stride == ((1, 2), (2, 1))[axis]


def test_rank_one_kernels_are_what_factorised_convolutions_compute():
    pair = Factorised().operator(1, 1)
    row, column = (layer.weight[0, 0] for layer in pair)  # (1, 3) and (3, 1)
    x = torch.randn(1, 1, 6, 6)
    torch.testing.assert_close(pair(x), functional.conv2d(x, (column @ row)[None, None], padding=1))


def test_tied_pair_is_a_symmetric_map_of_the_repeated_input():
    tied = LowRankTied(share=0.5).operator(4, 8, kernel_size=1)
    w = tied.down.weight[:, :, 0, 0]  # (R, co)
    assert w.shape == (4, 8)
    x = torch.randn(4)
    torch.testing.assert_close(tied(x.reshape(1, 4, 1, 1)).flatten(), w.T @ w @ x.repeat(2))


def test_shuffle_takes_fewer_groups_where_they_do_not_divide():
    first, *_, last = [m for m in Shuffle(groups=8).operator(12, 48).modules() if isinstance(m, nn.Conv2d)]
    assert (first.groups, last.groups) == (6, 6)
    assert layers(Shuffle(groups=5).operator(16, 28)) == ["1x1/1", "3x3/1 g7", "1x1/1"]


def test_ghosts_are_made_of_the_first_half():
    module = Ghost().operator(4, 7).eval()
    x = torch.randn(1, 4, 5, 5)
    y = module(x)
    assert y.shape[1] == 7
    p = module.primary(x)
    torch.testing.assert_close(y[:, :4], p)
    torch.testing.assert_close(y[:, 4:], module.ghosts(p)[:, :3])


def test_partial_convolution_leaves_the_other_channels():
    spatial = Partial().operator(8, 8)[0]
    x = torch.randn(1, 8, 5, 5)
    assert torch.equal(spatial(x)[:, 2:], x[:, 2:])
    assert not torch.equal(spatial(x)[:, :2], x[:, :2])


def octave_step(module: OctaveModule, high: torch.Tensor, low: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The paper's octave convolution, with low maps of half the side."""
    up = functional.interpolate(module.low_high(low), scale_factor=2)
    return module.high_high(high) + up, module.low_low(low) + module.high_low(pooled(high))


def test_a_chain_of_octave_operators_is_an_octave_network():
    """Low maps that are held upsampled come back exactly, also from behind a ReLU."""
    first, second = Octave().operator(8, 8).double(), Octave().operator(8, 8).double()
    x = torch.randn(2, 8, 8, 8, dtype=torch.float64)
    high, low = octave_step(first, x[:, :6], pooled(x[:, 6:]))
    high, low = octave_step(second, high.relu(), low.relu())
    y = second(first(x).relu())
    torch.testing.assert_close(y[:, :6], high)
    torch.testing.assert_close(pooled(y[:, 6:]), low)


def test_octave_strides_by_averaging():
    module = Octave().operator(8, 8, stride=2)
    x = torch.randn(1, 8, 8, 8)
    module.stride = 1
    expected = module(functional.avg_pool2d(x, 2))
    module.stride = 2
    torch.testing.assert_close(module(x), expected)


@pytest.mark.parametrize(
    ("text", "in_channels", "out_channels", "message"),
    [
        ("LR_0.50", 8, 12, r"low_rank_tied\(share=0.5\) needs output channels divisible by 8, got 12"),
        ("Generic_0.01", 16, 16, r"low_rank\(share=0.01\) leaves none of 16 channels: .* at least 1/16"),
        ("Hashed_0.01", 3, 3, r"hashed\(share=0.01\) leaves none of 81 weights"),
        ("HashedSeparable_0.05", 2, 64, r"hashed_separable\(share=0.05\) leaves no value for 18 depthwise"),
        ("sep_hashed(share_of_full=0.9)", 8, 8, r"leaves 446 values for the 64 weights of the 1x1"),
        ("Shuffle_2", 8, 3, r"shuffle\(groups=2\) needs at least 4 output channels, got 3"),
        ("Ghost_4", 8, 3, r"ghost\(ratio=4, ghost_kernel=3\) needs at least 4 output channels, got 3"),
        ("PConv(1/4)", 3, 8, r"partial\(ratio=4\) needs at least 4 channels, got 3"),
        ("Fire(8)", 8, 4, r"fire\(squeeze=8\) needs at least 8 output channels, got 4"),
        ("Octave_0.25", 3, 8, r"octave\(alpha=0.25\) leaves 0 of 3 channels at half the resolution"),
    ],
)
def test_channels_that_do_not_fit_are_refused_with_the_rule(text, in_channels, out_channels, message):
    with pytest.raises(ValueError, match=message):
        catalog.parse("conv", text).operator(in_channels, out_channels)


@pytest.mark.parametrize(
    "text",
    [
        *("low_rank(share=0)", "low_rank(share=1.5)", "cp(share=-1)", "hashed(share=2)", "factorised(share=0)"),
        *("sep_hashed", "sep_hashed(share=0.1, share_of_full=0.1)", "tucker(share=0.5, dimensions=1)"),
        *("acdc(layers=1)", "shuffle(groups=0)", "ghost(ratio=1)", "ghost(ghost_kernel=2)", "octave(alpha=1.0)"),
        *("partial(ratio=1)", "fire(squeeze=1)", "csc(expansion=0)", "separable(kernel=4)", "G(0.5)", "LR_.5"),
    ],
)
def test_impossible_parameters_are_refused(text):
    with pytest.raises(UserError):
        catalog.parse("conv", text)
