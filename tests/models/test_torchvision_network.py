"""torchvision(name=...): the same function as torchvision's network, stages by resolution, substitution, weights."""

import pytest
import torch
from torch import nn
from torchvision import models

from cheapconv import catalog
from cheapconv.catalog.errors import UserError
from cheapconv.models.architectures.torchvision_network import TorchvisionNetwork
from cheapconv.models.convs.group import Group
from cheapconv.models.convs.standard import Standard
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
    with torch.device("meta"):
        network = build("resnet18", Group(groups=4))
    rows = network.substitutions
    assert [row.name for row in rows if row.left == "stem"] == ["conv1"]
    assert {row.left for row in rows} == {None, "stem", "1x1"}
    assert sum(bool(row.replaced_by) for row in rows) == 16
    assert {m.groups for m in network.modules() if isinstance(m, nn.Conv2d) and m.kernel_size == (3, 3)} == {4}


def test_convolutions_in_a_row_of_layers_are_replaced_too():
    with torch.device("meta"):
        network = build("vgg11_bn", Group(group_width=1))
    assert sum(bool(row.replaced_by) for row in network.substitutions) == 7
    dense = [m for m in network.modules() if isinstance(m, nn.Conv2d) and m.groups == 1 and m.kernel_size == (3, 3)]
    assert [m.in_channels for m in dense] == [3]


@pytest.mark.parametrize(
    ("name", "conv", "message"),
    [
        ("mobilenet_v2", Group(groups=4), r"group\(groups=4\) in .*mobilenet_v2: .* replaces no convolution here"),
        ("mobilenet_v2", Group(groups=4), r"its 1x1 convolutions are .* made cheaper, by PG\(4\) or PLR_0.25"),
        ("swin_t", Standard(), "it is no CNN: no maps"),
    ],
)
def test_refusals_say_why(name, conv, message):
    with torch.device("meta"), pytest.raises(ValueError, match=message):
        build(name, conv)


def test_unknown_names_are_told():
    with pytest.raises(UserError, match="torchvision has no network 'resnet17'; did you mean resnet1"):
        catalog.parse("architecture", "torchvision(name=resnet17)")


def test_cifar_stem_removes_stride_and_pooling():
    with torch.device("meta"):
        network = build("resnet18", cifar_stem=True).eval()
        assert [f.shape[2] for f in network.stages(torch.empty(1, 3, 32, 32))] == [32, 16, 8, 4]


def test_pretrained_weights_without_auxiliary_classifiers(monkeypatch):
    class Best:
        @staticmethod
        def get_state_dict(progress: bool):
            assert not progress
            return {
                "conv1.weight": torch.ones(1),
                "aux1.fc.weight": torch.ones(1),
                "AuxLogits.fc.weight": torch.ones(1),
            }

    monkeypatch.setattr(models, "get_model_weights", lambda name: type("Weights", (), {"DEFAULT": Best}))
    assert list(TorchvisionNetwork(name="googlenet").fetch()) == ["conv1.weight"]
