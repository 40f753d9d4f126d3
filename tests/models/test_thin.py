"""Thin networks: every width by one factor, the base's rule of initialisation, and what cannot be scaled."""

import pytest
import torch

from cheapconv import catalog
from cheapconv.catalog.errors import UserError
from cheapconv.models.size import count_params


def built(text: str, conv: str = "standard"):
    catalog.load()
    torch.manual_seed(0)
    return catalog.parse("architecture", text).build(catalog.parse("conv", conv), 10)


@pytest.mark.parametrize(
    ("base", "same"), [("WRN-16-2", "WRN-16-1"), ("ResNet-8x4", None), ("VGG-8", None), ("MobileNetV2-half", None)]
)
def test_half_of_every_width(base: str, same: str | None) -> None:
    whole, thin = built(base), built(f"thin(base={base!r}, width=0.5)")
    assert thin.channels == [max(8, c // 2) for c in whole.channels]
    x = torch.randn(2, 3, 16, 16)
    assert [m.shape[1] for m in thin.eval().stages(x)] == thin.channels
    assert thin.embed(thin.stages(x)[-1]).shape == (2, thin.features)
    if same:  # whose stem keeps its 16 channels
        assert thin.channels == built(same).channels
        assert count_params(thin) < count_params(built(same))


def test_a_width_of_one_is_the_base() -> None:
    assert count_params(built("thin(base='WRN-10-2', width=1.0)")) == count_params(built("WRN-10-2"))


def test_weights_are_drawn_for_the_new_width() -> None:
    thin = built("thin(base='WRN-16-4', width=0.5)")
    weight = thin.stage_modules[2][1].path[2].weight  # 128 -> 128, Normal(0, sqrt(2 / (9 * 128)))
    assert weight.std().item() == pytest.approx((2 / (9 * 128)) ** 0.5, rel=0.02)
    assert not thin.classifier.bias.any()


def test_two_spellings_are_one_network() -> None:
    catalog.load()
    a, b = (
        catalog.parse("architecture", f"thin(base='{base}', width=0.5)")
        for base in ("WRN-10-1", "wrn(depth=10,width=1)")
    )
    assert catalog.canonical(a) == catalog.canonical(b)
    assert catalog.parse("architecture", catalog.canonical(a)) == a


def test_what_it_refuses() -> None:
    with pytest.raises(ValueError, match="standard convolutions"):
        built("thin(base='WRN-10-1', width=0.5)", "G(4)")
    with pytest.raises(ValueError, match="joins or splits"):
        built("thin(base='densenet_bc(depth=40, growth=12)', width=0.5)")
    with pytest.raises(UserError, match="cannot be thin itself"):
        built("thin(base=\"thin(base='WRN-10-1', width=0.5)\", width=0.5)")
