"""torchvision(name=...): the same function as torchvision's network, stages by resolution, substitution, weights."""

import copy
import re

import pytest
import torch
from torch import nn
from torchvision import models
from torchvision.models import _api

from cheapconv import catalog
from cheapconv.catalog.errors import UserError
from cheapconv.models.architectures.torchvision_network import TorchvisionNetwork
from cheapconv.models.convs.group import Group
from cheapconv.models.convs.standard import Standard
from cheapconv.models.meta import on_meta
from cheapconv.models.size import count_params

catalog.load()
CHANNELS = {
    "resnet18": [64, 128, 256, 512],
    "mnasnet0_5": [8, 16, 24, 48, 1280],
    "shufflenet_v2_x0_5": [48, 96, 1024],
    "mobilenet_v2": [16, 24, 32, 96, 1280],
    "densenet121": [128, 256, 512, 1024],
    "googlenet": [192, 480, 832, 1024],
    "regnet_x_400mf": [32, 64, 160, 400],
    "alexnet": [192, 256],
    "squeezenet1_1": [128, 256, 512],
}
QUICK = ("mnasnet0_5", "shufflenet_v2_x0_5")


def build(name: str, conv=None, **options):
    torch.manual_seed(0)
    return TorchvisionNetwork(name=name, **options).build(conv or Standard(), 10)


@pytest.mark.parametrize("name", [pytest.param(n, marks=[] if n in QUICK else pytest.mark.slow) for n in CHANNELS])
@torch.no_grad()
def test_it_is_the_library_network_bit_for_bit(name):
    network = build(name).eval()
    torch.manual_seed(0)
    expected = TorchvisionNetwork(name=name).create(10).eval()
    x = torch.randn(2, 3, 96, 96, generator=torch.Generator().manual_seed(0))
    maps = network.stages(x)
    assert [f.shape[1] for f in maps] == network.channels == CHANNELS[name]
    assert len({f.shape[2] for f in maps}) == len(maps)
    kept = maps[-1].clone()
    assert torch.equal(network.head(maps[-1]), expected(x))
    assert torch.equal(maps[-1], kept)
    assert torch.equal(network(x), expected(x))


def test_stages_of_a_resnet_are_its_layers():
    network = build("resnet18")
    blocks = [[name for name, _ in stage.named_children()] for stage in network.stage_modules]
    assert blocks == [[f"layer{i}_0", f"layer{i}_1"] for i in (1, 2, 3, 4)]
    assert count_params(network) == count_params(models.resnet18(num_classes=10))


def test_every_plain_convolution_but_the_stem_is_replaced():
    with on_meta():
        network = build("resnet18", Group(groups=4))
    rows = network.substitutions
    assert [row.name for row in rows if row.left == "stem"] == ["conv1"]
    assert {row.left for row in rows} == {None, "stem", "1x1"}
    assert sum(bool(row.replaced_by) for row in rows) == 16
    assert {m.groups for m in network.modules() if isinstance(m, nn.Conv2d) and m.kernel_size == (3, 3)} == {4}


def test_convolutions_in_a_row_of_layers_are_replaced_too():
    with on_meta():
        network = build("vgg11_bn", Group(group_width=1))
    assert sum(bool(row.replaced_by) for row in network.substitutions) == 7
    dense = [m for m in network.modules() if isinstance(m, nn.Conv2d) and m.groups == 1 and m.kernel_size == (3, 3)]
    assert [m.in_channels for m in dense] == [3]


@pytest.mark.parametrize(
    ("name", "conv", "message"),
    [
        ("mobilenet_v2", Group(groups=4), r"group\(groups=4\) in .*mobilenet_v2: .* replaces no convolution here"),
        (
            "mobilenet_v2",
            Group(groups=4),
            r"its 1x1 convolutions are .* made cheaper, by pointwise_group or pointwise_low_rank",
        ),
        ("swin_t", Standard(), "it is no CNN: no maps"),
    ],
)
def test_refusals_say_why(name, conv, message):
    with on_meta(), pytest.raises(ValueError, match=message):
        build(name, conv)


def test_unknown_names_are_told():
    with pytest.raises(UserError, match="torchvision has no network 'resnet17'; did you mean resnet1"):
        catalog.parse("architecture", "torchvision(name=resnet17)")


def test_cifar_stem_removes_stride_and_pooling():
    with on_meta():
        network = build("resnet18", cifar_stem=True).eval()
        assert [f.shape[2] for f in network.stages(torch.empty(1, 3, 32, 32))] == [32, 16, 8, 4]


class Published:
    """A stand-in for the download: files of the published layout, with random numbers, by address."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.files: dict[str, dict[str, torch.Tensor]] = {}
        monkeypatch.setattr(_api, "load_state_dict_from_url", lambda url, **options: copy.copy(self.files[url]))

    def add(self, name: str, **options: bool) -> dict[str, torch.Tensor]:
        """The file of a network: without counters and versions, DenseNet's names as they were."""
        torch.manual_seed(1)
        state = models.get_model(name, weights=None, **options).state_dict()
        old = re.compile(r"(denselayer\d+\.(?:norm|relu|conv))([12])\.")
        plain = {old.sub(r"\1.\2.", key): t for key, t in state.items() if not key.endswith("num_batches_tracked")}
        self.files[models.get_model_weights(name).DEFAULT.url] = plain if name != "mnasnet0_5" else state
        return plain


@pytest.fixture
def published(monkeypatch):
    return Published(monkeypatch)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("mnasnet0_5", {}),
        ("resnet18", {}),
        pytest.param("densenet121", {}, marks=pytest.mark.slow),
        pytest.param("googlenet", {"aux_logits": True, "init_weights": False}, marks=pytest.mark.slow),
        pytest.param("inception_v3", {"aux_logits": True, "init_weights": False}, marks=pytest.mark.slow),
    ],
)
@torch.no_grad()
def test_pretrained_is_what_the_library_makes_of_its_file(name, options, published):
    published.add(name, **options)
    x = torch.randn(2, 3, 96, 96)
    expected = models.get_model(name, weights="DEFAULT").eval()(x)
    assert torch.equal(TorchvisionNetwork(name=name, weights="pretrained").build(Standard(), 1000).eval()(x), expected)


def test_fetching_weights_moves_no_random_number(published):
    published.add("mnasnet0_5")
    torch.manual_seed(0)
    TorchvisionNetwork(name="mnasnet0_5", weights="pretrained").fetch()
    drawn = torch.rand(1)
    torch.manual_seed(0)
    assert drawn == torch.rand(1)


def test_pretrained_weights_without_auxiliary_classifiers(published):
    published.add("inception_v3", aux_logits=True, init_weights=False)
    fetched = TorchvisionNetwork(name="inception_v3", weights="pretrained").fetch().tensors
    assert fetched.keys() == TorchvisionNetwork(name="inception_v3").create(1000).state_dict().keys()


@pytest.mark.parametrize(("weights", "version", "anew"), [("pretrained", 3, True), (None, 1, False)])
def test_the_input_is_normalised_anew_where_the_weights_are_the_library_s(weights, version, anew):
    architecture = TorchvisionNetwork(name="googlenet", weights=weights)
    assert architecture.version == version
    for network in (architecture, architecture.unread()):  # also where it is rebuilt for weights of a run
        with on_meta():
            assert network.create(10).transform_input == anew
    assert TorchvisionNetwork(name="resnet18", weights=weights).version == (1 if weights is None else 2)


def test_a_network_that_is_rebuilt_reads_no_weights():
    unread = TorchvisionNetwork(name="mnasnet0_5", weights="/nowhere/weights.pt").unread()
    assert unread.build(Standard(), 10).classifier is not None


def test_published_files_are_loaded_from_a_path(tmp_path, published):
    weights = published.add("mnasnet0_5")
    torch.save(weights, tmp_path / "mnasnet.pth")
    network = build("mnasnet0_5", weights=str(tmp_path / "mnasnet.pth"))
    assert torch.equal(network.stem.layers_0.weight, weights["layers.0.weight"])
