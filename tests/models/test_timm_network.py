"""timm(name=...): the same function as timm's network, its taps, substitution, stems and weights."""

import pytest
import timm
import torch
from torch import nn

from cheapconv import catalog
from cheapconv.catalog.errors import UserError
from cheapconv.models.architectures.timm_network import TimmNetwork
from cheapconv.models.convs.bottleneck import Bottleneck
from cheapconv.models.convs.group import Group
from cheapconv.models.convs.standard import Standard
from cheapconv.models.meta import on_meta
from cheapconv.models.size import count_macs, count_params
from cheapconv.models.weights.stored import Stored

catalog.load()
SMALL = ["test_resnet", "test_byobnet", "test_efficientnet"]
# One network each of another build: a plain row, skip connections past the taps, a 1x1 convolution as classifier.
OTHERS = ["mobilenetv3_small_050", "vgg11_bn", "xception41", "dla46_c", "resnetv2_50", "regnetx_002", "densenet121"]


def build(name: str, conv=None, seed: int = 0, **options):
    torch.manual_seed(seed)
    return TimmNetwork(name=name, **options).build(conv or Standard(), 10)


def plain(name: str, seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return timm.create_model(name, num_classes=10)


@pytest.mark.parametrize("name", [*SMALL, *(pytest.param(name, marks=pytest.mark.slow) for name in OTHERS)])
@torch.no_grad()
def test_it_is_the_library_network_bit_for_bit(name):
    network, expected = build(name), plain(name)
    x = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    assert count_params(network) == count_params(expected)
    assert torch.equal(network(x), expected(x))  # training mode, and once more with the statistics that it left
    network.eval(), expected.eval()
    maps = network.stages(x)
    assert torch.equal(network.head(maps[-1]), expected(x))
    assert network.embed(maps[-1]).shape == (2, network.features)


@pytest.mark.parametrize("name", SMALL)
@torch.no_grad()
def test_maps_are_those_of_the_feature_interface_of_timm(name):
    network = build(name).eval()
    x = torch.randn(2, 3, 64, 64)
    maps = network.stages(x)
    expected = plain(name).eval().forward_intermediates(x, intermediates_only=True)
    assert network.channels == [f.shape[1] for f in maps]
    assert len(maps) >= 4
    for own_map, timm_map in zip(maps, expected[-len(maps) :], strict=True):  # timm may tap the stem too
        assert torch.equal(own_map, timm_map)


def test_every_plain_convolution_but_the_stem_is_replaced():
    network = build("test_resnet", Group(group_width=1))
    left = {row.name: row.left for row in network.substitutions if row.left}
    assert {left[name] for name in left} == {"stem", "1x1"}
    assert [name for name, reason in left.items() if reason == "stem"] == ["conv1.0", "conv1.3", "conv1.6"]
    dense = [m for m in network.stage_modules.modules() if isinstance(m, nn.Conv2d) and m.groups == 1]
    assert {m.kernel_size for m in dense} == {(1, 1)}
    assert sum(bool(row.replaced_by) for row in network.substitutions) == 7


def test_a_cheap_conv_costs_what_its_formula_says():
    standard, cheap = build("test_resnet"), build("test_resnet", Bottleneck(b=2))
    shapes = [row.was.split()[1:] for row in cheap.substitutions if row.replaced_by]
    saved = sum(9 * int(ci) * int(co) - Bottleneck(b=2).params(int(ci), int(co)) for ci, _, co in shapes)
    assert count_params(standard) - count_params(cheap) == saved


def test_cifar_stem_keeps_the_side():
    network = build("resnet18", cifar_stem=True).eval()
    with torch.no_grad():
        assert [f.shape[2] for f in network.stages(torch.randn(1, 3, 32, 32))] == [32, 16, 8, 4]
    stem = next(m for m in network.stem.modules() if isinstance(m, nn.Conv2d))
    assert (stem.kernel_size, stem.stride, stem.padding, stem.bias) == ((3, 3), (1, 1), (1, 1), None)
    assert not any(isinstance(m, nn.MaxPool2d) for m in network.modules())
    assert count_params(network) == 11_173_962  # the ResNet-18 of the CIFAR literature
    assert count_macs(network, (3, 32, 32)) == 555_422_720 + 512 * 10 - 5_120


@pytest.mark.parametrize(
    ("name", "message"),
    [("test_resnet", "stems of one plain convolution only"), ("vgg11_bn", "the stem has stride 1 already")],
)
def test_a_stem_that_cannot_be_made_small_is_refused(name, message):
    with on_meta(), pytest.raises(ValueError, match=rf"standard in timm's {name}: cifar_stem .*{message}"):
        build(name, cifar_stem=True)


@pytest.mark.parametrize("name", ["vit_tiny_patch16_224", "mixer_s32_224"])
def test_what_is_no_cnn_is_refused(name):
    with on_meta(), pytest.raises(ValueError, match=f"timm's {name}: it is no CNN: no maps"):
        build(name)


def test_names_need_no_quotes_and_unknown_ones_are_told():
    assert catalog.parse("architecture", "timm(name=resnet34)") == TimmNetwork(name="resnet34")
    with pytest.raises(UserError, match=r"timm has no network 'resnet_34'; did you mean .*resnet34"):
        catalog.parse("architecture", "timm(name=resnet_34)")


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("resnet18.a1_in1k", "'resnet18.a1_in1k' here: leave the tag '.a1_in1k' out"),
        ("xception", "'xception': it is called legacy_xception now$"),
        ("tv_resnet34", "'tv_resnet34': it is called resnet34 now, and its weights 'tv_in1k'"),
    ],
)
def test_names_with_a_tag_and_names_of_earlier_releases_are_told_apart(name, advice):
    with pytest.raises(UserError, match=advice):
        catalog.parse("architecture", f"timm(name={name})")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("hiera_tiny_224", "its maps cannot be followed on images of 224 x 224"),
        ("repvit_m0_9", "it may have several heads"),
    ],
)
def test_what_is_in_the_way_of_a_network_is_said(name, reason):
    with on_meta(), pytest.raises(ValueError, match=reason):
        build(name)


def test_a_network_that_takes_its_own_size_alone_is_looked_at_with_that():
    with on_meta():
        network = build("botnet26t_256")
    assert network.channels == [256, 512, 1024, 2048]


def test_parameters_of_the_network_itself_go_with_the_stage_that_reads_them():
    with on_meta():
        network = build("visformer_tiny")
    names = {name for name, _ in network.named_parameters()}
    assert {"stem.pos_embed1", "stage_modules.1.pos_embed2"} & names
    assert len(names) == len([*plain("visformer_tiny").parameters()])


def test_building_on_the_meta_device_reads_no_weights():
    with on_meta():
        network = build("test_resnet", weights="/nowhere/weights.pt")
    assert all(p.is_meta for p in network.parameters())


def test_weights_of_a_file_are_loaded_except_a_classifier_of_other_classes(tmp_path):
    source = timm.create_model("test_resnet", num_classes=7)
    torch.save({"state_dict": source.state_dict()}, tmp_path / "seven.pt")
    network = build("test_resnet", weights=str(tmp_path / "seven.pt"))
    assert torch.equal(network.stem.conv1[0].weight, source.conv1[0].weight)
    assert network.classifier.fc.weight.shape == (10, 96)
    cheap = build("test_resnet", Group(groups=4), weights=str(tmp_path / "seven.pt"))
    assert torch.equal(cheap.stem.conv1[0].weight, source.conv1[0].weight)


def test_safetensors_and_files_of_a_run_are_loaded(tmp_path):
    from safetensors.torch import save_file

    source = plain("test_resnet", seed=1)
    save_file(source.state_dict(), tmp_path / "plain.safetensors")
    x = torch.randn(1, 3, 32, 32)
    network = build("test_resnet", weights=str(tmp_path / "plain.safetensors")).eval()
    assert torch.equal(network(x), source.eval()(x))
    trained = build("test_resnet", Group(groups=4), seed=2).eval()
    torch.save({"weights": trained.state_dict(), "headline": True}, tmp_path / "run.pt")
    assert torch.equal(build("test_resnet", Group(groups=4), weights=str(tmp_path / "run.pt")).eval()(x), trained(x))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "there is no file"),
        (b"nonsense", "cannot be read as weights"),
        ({"epoch": 3}, "holds no state dict"),
        (
            {"weights": {"conv1.0.weight": torch.zeros(1)}},
            "of another network: .* entries differ, such as 'bn1.bias' is missing",
        ),
    ],
)
def test_wrong_weights_are_refused_in_one_sentence(tmp_path, content, message):
    path = tmp_path / "weights.pt"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        torch.save(content, path)
    with pytest.raises(ValueError, match=rf"standard in timm's test_resnet: .*{message}"):
        build("test_resnet", weights=str(path))


def test_pretrained_without_the_net_is_one_sentence(monkeypatch):
    def offline(*args, **kwargs):
        raise OSError("no route to host")

    monkeypatch.setattr(TimmNetwork, "download", offline)
    with pytest.raises(ValueError, match=r"no pretrained weights to be had \(no route to host\); give weights='FILE'"):
        build("test_resnet", weights="pretrained")


def test_pretrained_weights_go_into_a_network_of_other_classes(monkeypatch):
    source = timm.create_model("test_resnet")
    monkeypatch.setattr(TimmNetwork, "download", lambda self: Stored(source.state_dict()))
    assert torch.equal(build("test_resnet", weights="pretrained").stem.conv1[0].weight, source.conv1[0].weight)


def test_a_map_that_is_kept_is_not_overwritten():
    network = build("test_resnet").eval()
    maps = network.stages(torch.randn(1, 3, 32, 32))
    kept = [f.clone() for f in maps]
    network.head(maps[-1])
    assert all(torch.equal(a, b) for a, b in zip(maps, kept, strict=True))


@pytest.mark.parametrize("error", [ImportError("no module 'x'"), OSError("no file"), KeyError("k"), AssertionError()])
def test_whatever_the_library_raises_is_one_sentence(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def create(self: TimmNetwork, classes: int) -> nn.Module:
        raise error

    monkeypatch.setattr(TimmNetwork, "create", create)
    with pytest.raises(ValueError, match=r"^standard in timm's resnet18: timm cannot make it \(.+\)$"):
        build("resnet18")
