"""Small examples of every registered architecture and conv, so that tests over the catalog stay fast.

A registered thing whose parameters all have defaults is its own example. Others, and those whose defaults are large,
are listed here; `examples` fails for a required parameter without an example.
"""

import itertools
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch

from cheapconv import catalog
from cheapconv.models.network import Network

SMALL = {
    ("architecture", "wrn"): ["wrn(depth=10, width=2)"],
    ("architecture", "resnet"): ["resnet(depth=8)"],
    ("architecture", "resnet_od"): ["resnet_od(depth=8)"],
    ("architecture", "resnet_x4"): ["resnet_x4(depth=8)"],
    ("architecture", "resnet_bottleneck"): ["resnet_bottleneck(blocks=1, width=2)"],
    ("architecture", "resnet_c"): ["resnet_c(depth=18)"],
    ("architecture", "resnet_imagenet"): ["resnet_imagenet(depth=18, width=0.125)"],
    ("architecture", "shiftresnet"): ["shiftresnet(depth=8)"],
    ("architecture", "vgg"): ["vgg(depth=8)"],
    ("architecture", "vgg_5p"): ["vgg_5p(depth=8, hidden=1)"],
    ("architecture", "densenet"): ["densenet(depth=7, growth=8)"],
    ("architecture", "densenet_bc"): ["densenet_bc(depth=10, growth=8)"],
    ("architecture", "thin"): ["thin(base='wrn(depth=10, width=2)', width=0.5)"],
    ("architecture", "timm"): ["timm(name='test_efficientnet', cifar_stem=True)"],
    ("architecture", "torchvision"): ["torchvision(name='mnasnet0_5', cifar_stem=True)"],
    ("architecture", "module"): ["module(path='tests.models.own:build')"],
    ("conv", "group"): ["G(4)", "G(N/8)", "G(N)"],
    ("conv", "bottleneck"): ["B(2)"],
    ("conv", "bottleneck_group"): ["BG(2,4)", "BG(2,M/4)", "BG(4,M)"],
    ("conv", "od_shift"): ["shift(e=1)", "shift(e=3)"],
    ("conv", "low_rank"): ["Generic_0.25"],
    ("conv", "low_rank_tied"): ["LR_0.25"],
    ("conv", "cp"): ["CP_0.25"],
    ("conv", "hashed"): ["Hashed_0.05"],
    ("conv", "sep_hashed"): ["SepHashed_0.25"],
    ("conv", "tensor_train"): ["TensorTrain_0.50 (3 dims)"],
    ("conv", "tucker"): ["Tucker_0.50 (3 dims)"],
    ("conv", "shuffle"): ["Shuffle_4"],
    ("conv", "pointwise_group"): ["PG(4)"],
    ("conv", "pointwise_low_rank"): ["PLR_0.50"],
    ("conv", "acdc"): ["ACDC_3"],
    ("conv", "mixed"): ['mixed(S, "G(4)", "BG(2,4)")'],
}

# Convs that the whole contract is tried with by default, in all architectures but one, which meets every conv: one that
# leaves the network as it is and one of several layers, which in a residual block replaces two convolutions. The blocks
# that have their own place for a norm or a ReLU meet more. All pairs are tried under `slow`.
SAMPLE = ("S", "BG(2,M/4)")
MORE = (*SAMPLE, "G(N)", "shift(e=1)")
TRIED = {
    **dict.fromkeys(("resnet", "resnet_od", "shiftresnet"), MORE),
    **dict.fromkeys(("resnet_x4", "resnet_bottleneck", "resnet_c", "resnet_imagenet", "resnet_tiny"), SAMPLE),
    **dict.fromkeys(("vgg", "vgg_5p", "alexnet_c", "densenet", "densenet_bc", "timm", "module"), SAMPLE),
    **dict.fromkeys(("mobilenet_v2", "mobilenet_v2_half", "shufflenet_v1", "shufflenet_v2", "torchvision"), ("S",)),
    "erfnet": ("S", "G(N)"),
    "thin": ("S",),  # it takes no other
}

# Images whose last map is larger than a pixel, where they must be larger than 8x8.
SIDES = {"resnet_c": 16, "vgg": 32, "vgg_5p": 32, "alexnet_c": 32, "resnet_imagenet": 64, "mobilenet_v2": 64}
SIDES |= {"mobilenet_v2_half": 32, "shufflenet_v1": 16, "shufflenet_v2": 16, "timm": 16, "torchvision": 16}
SIDES |= {"erfnet": 16}


def examples(kind: str) -> list[Any]:
    """Parameter objects of every registered thing of `kind`."""
    catalog.load()
    texts = [text for name in catalog.names(kind) for text in SMALL.get((kind, name), [name])]
    return [catalog.parse(kind, text) for text in texts]


def answer_shape(network: Network, x: torch.Tensor) -> tuple[int, ...]:
    """Of the logits for images (B, 3, H, W): one answer an image, or one a pixel."""
    return (len(x), network.classes, *(x.shape[2:] if network.answers == "pixel" else ()))


def spatial_operators() -> list[Any]:
    """The convs that stand in for 3x3 convolutions; `mixed` is one per block."""
    return [conv for conv in examples("conv") if 3 in conv.kernel_sizes and conv.registered_name != "mixed"]


def pairs(seldom: Collection[str] = tuple(TRIED)) -> list[Any]:
    """Every example architecture with every example conv, as pytest parameters; those of a `seldom` tried architecture
    with another conv than is tried with it are slow."""
    return [
        pytest.param(
            architecture,
            conv,
            id=f"{catalog.canonical(architecture)}-{catalog.canonical(conv)}",
            marks=[pytest.mark.slow] if architecture.registered_name in seldom and _seldom(architecture, conv) else [],
        )
        for architecture, conv in itertools.product(examples("architecture"), examples("conv"))
    ]


def smallest_side(architecture: Any) -> int:
    """Side of images on which every parameter of the network matters."""
    return SIDES.get(architecture.registered_name, 8)


def _seldom(architecture: Any, conv: Any) -> bool:
    return catalog.label("conv", conv) not in TRIED[architecture.registered_name]


@contextmanager
def one_thread() -> Iterator[None]:
    """Networks as small as these lose more to the start of threads than they gain."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
