"""Names of architectures: each means one network, also where the literature uses it for several."""

import re

import pytest

from cheapconv import catalog
from cheapconv.catalog.errors import UserError
from cheapconv.models.architectures.densenet import DenseNet
from cheapconv.models.architectures.densenet_bc import DenseNetBC
from cheapconv.models.architectures.resnet import ResNet
from cheapconv.models.architectures.resnet_bottleneck import ResNetBottleneck
from cheapconv.models.architectures.resnet_c import ResNetC
from cheapconv.models.architectures.resnet_imagenet import ResNetImageNet
from cheapconv.models.architectures.resnet_tiny import ResNetTiny
from cheapconv.models.architectures.resnet_x4 import ResNetX4
from cheapconv.models.architectures.vgg import VGG
from cheapconv.models.architectures.vgg_5p import VGG5P
from cheapconv.models.convs.standard import Standard
from cheapconv.models.size import count_params

catalog.load()


@pytest.mark.parametrize(
    ("name", "architecture"),
    [
        ("ResNet-32", ResNet(depth=32)),
        ("ResNet-34", ResNetImageNet(depth=34)),
        ("ResNet-34-ImageNet", ResNetImageNet(depth=34)),
        ("ResNet-18-0.5", ResNetImageNet(depth=18, width=0.5)),
        ("ResNet-34-C", ResNetC(depth=34)),
        ("ResNet-50", ResNet(depth=50)),
        ("ResNet-50-C", ResNetC(depth=50)),
        ("ResNet-32x4", ResNetX4(depth=32)),
        ("ResNet-8", ResNet(depth=8)),
        ("ResNet-8 (MLPerf Tiny)", ResNetTiny()),
        ("ResNet-110", ResNet(depth=110)),
        ("ResNet-110-B12", ResNetBottleneck(blocks=12)),
        ("ResNet-110-B18", ResNetBottleneck(blocks=18)),
        ("WRN-20-8-B", ResNetBottleneck(blocks=2, width=8)),
        ("VGG-16", VGG(depth=16)),
        ("VGG-16-5P", VGG5P()),
        ("VGG-16-3FC", VGG5P(hidden=2)),
        ("DenseNet-40-12", DenseNetBC(depth=40)),
        ("DenseNet-BC-40-12", DenseNetBC(depth=40)),
        ("DenseNet-40-12-plain", DenseNet(depth=40)),
    ],
)
def test_name_means_this_network(name, architecture):
    assert catalog.parse("architecture", name) == architecture


def forms() -> list[tuple[str, str]]:
    """Registered name and notation of every form."""
    return [
        (name, form) for name in catalog.names("architecture") for form in catalog.entry("architecture", name).notation
    ]


@pytest.mark.parametrize(("name", "form"), [(name, form) for name, form in forms() if "{" not in form])
def test_name_without_numbers_is_no_buildable_case_of_a_form_with_numbers(name, form):
    for other, template in forms():
        pattern = re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>\\d+)", re.escape(template)))
        found = pattern.fullmatch(form) if other != name else None
        if found:
            with pytest.raises(UserError):
                catalog.build("architecture", other, {key: int(value) for key, value in found.groupdict().items()})


def test_no_form_with_numbers_is_given_twice():
    templates = [re.sub(r"{\w+}", "{}", form) for _, form in forms()]
    assert sorted(templates) == sorted(set(templates))


def test_params_tell_the_networks_of_one_name_apart():
    def params(name: str) -> int:
        return count_params(catalog.parse("architecture", name).build(Standard(), 100))

    assert [params(f"ResNet-110{kind}") for kind in ("", "-B12", "-B18")] == [1736564, 1170868, 1727284]
    assert [params(f"DenseNet-40-12{kind}") for kind in ("", "-plain")] == [188092, 1100428]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("resnet_x4(depth=9)", r"6n \+ 2 .*not 9"),
        ("shiftresnet(depth=18)", r"6n \+ 2 .*not 18"),
        ("resnet_c(depth=101)", "depth must be 18, 34 or 50, not 101"),
        ("resnet_imagenet(depth=50)", "depth must be 18 or 34, not 50"),
        ("resnet_imagenet(depth=18, width=0.001)", "width must be greater than or equal to 0.0078125, not 0.001"),
        ("resnet_bottleneck(blocks=0)", "blocks must be greater than or equal to 1, not 0"),
        ("VGG-12", "depth must be 8, 11, 13, 16 or 19, not 12"),
        ("VGG-12-5P", "not 12"),
        ("vgg_5p(hidden=-1)", "hidden must be greater than or equal to 0, not -1"),
        ("DenseNet-41-12", r"6n \+ 4 .*not 41"),
        ("DenseNet-41-12-plain", r"3n \+ 4 .*not 41"),
        ("densenet(depth=40, growth=0)", "growth must be greater than or equal to 1, not 0"),
    ],
)
def test_impossible_numbers_are_refused_with_the_rule(text, message):
    with pytest.raises(UserError, match=message):
        catalog.parse("architecture", text)
