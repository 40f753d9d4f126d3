"""Closed forms of params and MACs of every conv against operators that are built and counted."""

import itertools

import pytest

from cheapconv import catalog
from cheapconv.models.conv import Conv
from cheapconv.models.convs.mixed import Mixed
from cheapconv.models.meta import on_meta
from cheapconv.models.size import count_macs, count_params
from tests.models.examples import examples

OTHERS = ["S-2x2", "Sep-k7", "separable(inner_norm=True)", "factorised(share=0.5, inner_norm=True)", "Ghost_3"]
OTHERS += [
    "SepHashedDecimate",
    "TensorTrain_0.30 (4 dims)",
    "Tucker_0.25 (4 dims)",
    "Shuffle_3",
    "ACDC_2",
    "Octave_0.40",
]
catalog.load()
CONVS = [c for c in examples("conv") if not isinstance(c, Mixed)] + [catalog.parse("conv", text) for text in OTHERS]
every_conv = pytest.mark.parametrize("conv", CONVS, ids=catalog.canonical)


@every_conv
@pytest.mark.parametrize("kernel_size", [1, 3, 5])
@pytest.mark.parametrize(("in_channels", "out_channels"), [(16, 16), (16, 48), (48, 16), (24, 36)])
def test_params_and_macs(conv, kernel_size, in_channels, out_channels):
    for stride, side in itertools.product((1, 2), (6, 7)):
        try:
            with on_meta():
                operator = conv.operator(in_channels, out_channels, stride, kernel_size)
        except ValueError as refusal:
            reason = str(refusal)
            pytest.skip(reason)
        assert conv.params(in_channels, out_channels, kernel_size) == count_params(operator)
        macs = count_macs(operator, (in_channels, side, side))
        assert conv.macs(in_channels, out_channels, side, stride, kernel_size) == macs


@every_conv
def test_every_conv_has_closed_forms_of_its_own(conv):
    assert type(conv).params is not Conv.params
    assert type(conv).macs is not Conv.macs


def test_a_conv_without_closed_forms_is_counted():
    standard = catalog.parse("conv", "S")
    assert Conv.params(standard, 8, 16) == 9 * 8 * 16
    assert Conv.macs(standard, 8, 16, 7, 2) == 9 * 8 * 16 * 4 * 4


@pytest.mark.parametrize("alpha", [0.25, 0.5])
def test_macs_of_octave_are_those_of_its_paper(alpha):
    octave, standard = catalog.parse("conv", f"Octave_{alpha}"), catalog.parse("conv", "S")
    factor = 1 - 0.75 * alpha * (2 - alpha)
    assert octave.macs(16, 32, 8, 1) == factor * standard.macs(16, 32, 8, 1)
