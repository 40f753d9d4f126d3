"""Thin networks: every width by one factor, the base's rule of initialisation, and what cannot be scaled."""

import pytest
import torch
from torch.nn import functional

from cheapconv import catalog
from cheapconv.catalog.errors import UserError
from cheapconv.models.build import filled
from cheapconv.models.meta import on_meta
from cheapconv.models.size import count_macs, count_params
from tests.models.examples import one_thread

TINY = "timm(name='test_efficientnet', cifar_stem=True)"
FAMILIES = [  # of networks whose maps are joined, split or shuffled, or that come from a library
    *("densenet(depth=10, growth=16)", "densenet_bc(depth=16, growth=18)", "shufflenet_v1", "shufflenet_v2", TINY),
    *(pytest.param(f"timm(name='{name}')", marks=pytest.mark.slow) for name in ("mobilenetv2_100", "efficientnet_b0")),
    *(pytest.param(f"timm(name='{name}')", marks=pytest.mark.slow) for name in ("convnext_atto", "regnety_002")),
    *(pytest.param(f"timm(name='{name}')", marks=pytest.mark.slow) for name in ("ghostnet_100", "resnetv2_50")),
    *(pytest.param(f"torchvision(name='{name}')", marks=pytest.mark.slow) for name in ("densenet121", "squeezenet1_0")),
    pytest.param("torchvision(name='mobilenet_v3_small')", marks=pytest.mark.slow),
    pytest.param("torchvision(name='shufflenet_v2_x1_0')", marks=pytest.mark.slow),
]


@pytest.fixture(autouse=True, scope="module")
def _one_thread():
    with one_thread():
        yield


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
    with pytest.raises(ValueError, match=r"thinner, but not wider, .* at most 1, or a wider network"):
        built("thin(base='shufflenet_v2', width=1.5)")
    with on_meta(), pytest.raises(ValueError, match=r"code is written for its own widths .*: use a smaller network"):
        built("thin(base='timm(name=test_mambaout)', width=0.4)")
    with pytest.raises(UserError, match="leave the base's weights out"):
        built("thin(base='timm(name=resnet18, weights=pretrained)', width=0.5)")
    with pytest.raises(UserError, match="cannot be thin itself"):
        built("thin(base=\"thin(base='WRN-10-1', width=0.5)\", width=0.5)")


def text(base: str, width: float) -> str:
    return f'thin(base="{base}", width={width})'


@pytest.mark.parametrize("base", FAMILIES)
def test_maps_that_are_joined_and_shuffled_get_thinner_together(base: str) -> None:
    whole, thin = built(base), built(text(base, 0.5))
    x = torch.randn(2, 3, 32, 32)
    maps = thin.stages(x)
    logits = thin.head(maps[-1])
    functional.cross_entropy(logits, torch.arange(2)).backward()
    assert logits.shape == (2, 10)
    assert all(p.grad is not None and p.grad.isfinite().all() for p in thin.parameters())
    assert [f.shape[1] for f in maps] == thin.channels != whole.channels
    assert thin.embed(maps[-1]).shape == (2, thin.features)
    ratio = count_macs(thin, (3, 64, 64)) / count_macs(whole, (3, 64, 64))
    assert 0.24 < ratio < 0.33  # the image keeps its channels, and no width falls below 8


@pytest.mark.parametrize("width", [0.3, 0.815])
@pytest.mark.parametrize("base", ["densenet_bc(depth=10, growth=30)", "shufflenet_v1", "shufflenet_v2"])
def test_a_width_that_does_not_divide_is_rounded_to_what_fits(base: str, width: float) -> None:
    with on_meta():
        thin, whole = built(text(base, width)), built(base)
        assert thin.eval()(torch.zeros(2, 3, 32, 32)).shape == (2, 10)
    for thinner, channels in zip(thin.channels, whole.channels, strict=True):
        assert abs(thinner - width * channels) < 0.15 * channels


def test_parameters_of_a_thin_mobilenet_by_hand() -> None:
    """Every width of MobileNetV2's table by two, and 640 features."""
    table = [(1, 8, 1), (6, 12, 2), (6, 16, 3), (6, 32, 4), (6, 48, 3), (6, 80, 3), (6, 160, 1)]
    params, read = 27 * 16 + 2 * 16, 16  # the stem and its norm
    for expansion, width, blocks in table:
        for _ in range(blocks):
            inner = expansion * read
            params += (read * inner + 2 * inner if expansion > 1 else 0) + 9 * inner + 2 * inner
            params += inner * width + 2 * width
            read = width
    params += 160 * 640 + 2 * 640 + 640 * 10 + 10
    with on_meta():
        thin = built("thin(base='timm(name=mobilenetv2_100)', width=0.5)")
    assert count_params(thin) == params
    assert (thin.channels, thin.features) == ([8, 12, 16, 48, 160], 640)
    assert not hasattr(thin, "substitutions")  # the base's


def test_sizes_of_a_thin_densenet_by_hand() -> None:
    """Growth 12 becomes 8, the stem's 24 become 12, bottlenecks of 48 24, the transitions' 18 and 15 become 9 and 8."""
    thin = built("thin(base='densenet_bc(depth=10, growth=12)', width=0.5)")
    assert thin.channels == [12 + 8, 9 + 8, 8 + 8]
    layers = [2 * read + read * 24 + 2 * 24 + 9 * 24 * 8 for read in (12, 9, 8)]  # BN, 1x1, BN, 3x3
    transitions = [2 * 20 + 20 * 9, 2 * 17 + 17 * 8]  # BN, 1x1
    assert count_params(thin) == 27 * 12 + sum(layers) + sum(transitions) + 2 * 16 + 16 * 10 + 10 == 6998


def test_weights_keep_the_variance_that_the_base_gives() -> None:
    whole, thin = built("shufflenet_v2"), built("thin(base='shufflenet_v2', width=0.5)")
    before, now = (network.neck[0].weight for network in (whole, thin))  # 464 -> 1024 and 232 -> 512
    assert now.shape == (512, 232, 1, 1)
    torch.testing.assert_close(now, before[:512, :232] * 2**0.5)
    assert torch.equal(thin.stem[0].weight, whole.stem[0].weight[:12])  # of the image, which keeps its channels


def test_a_thin_network_is_rebuilt_from_its_weights() -> None:
    trained = built(text(TINY, 0.5))
    x = torch.randn(2, 3, 32, 32)
    trained(x)
    found = filled(lambda: built(text(TINY, 0.5)), trained.state_dict())
    assert torch.equal(found.eval()(x), trained.eval()(x))


def test_its_version_is_that_of_its_base() -> None:
    catalog.load()
    versions = [
        catalog.parse("architecture", text(base, 0.5)).version for base in ("WRN-10-1", "timm(name=ghostnet_100)")
    ]
    assert versions == [1, 2]


@pytest.mark.parametrize("width", [0.39, 0.5, 1.0, 2.0, 0.123456789, 1e-05])
@pytest.mark.parametrize("base", ["WRN-16-2", "ResNet-18-0.25", "timm(name=resnet18)"])
def test_is_named_by_its_base_and_factor_and_found_by_that_name(base: str, width: float) -> None:
    thin = catalog.parse("architecture", f"thin(base='{base}', width={width})")
    named = catalog.label("architecture", thin)
    assert named.endswith(f"-x{width:.9f}".rstrip("0") if width % 1 else f"-x{width}")
    assert catalog.parse("architecture", named) == thin


def test_what_else_is_said_of_it_is_in_its_name() -> None:
    thin = catalog.parse("architecture", "thin(base='WRN-16-2', width=0.5, side=64)")
    assert catalog.label("architecture", thin) == "thin(base='wrn(depth=16, width=2)', width=0.5, side=64)"


@pytest.mark.parametrize(
    "text", ["WRNN-16-2-x0.5", "WRN-16-2-x", "WRN-16-2-x0.5-x0.5", "-x0.5", "WRN-16-2" + "-x1" * 900]
)
def test_a_base_that_there_is_not_is_named(text: str) -> None:
    with pytest.raises(UserError):
        catalog.parse("architecture", text)
