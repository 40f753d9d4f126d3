"""Sizes of a network as it is built, whatever computes its layers in training."""

from typing import Any

import pytest
import torch
from torch import nn

from cheapconv import catalog
from cheapconv.engine.measure.sizes import sizes
from cheapconv.models.build import build_network, to_train_on
from cheapconv.models.quick import QUICK, quicken

SHAPE = (3, 32, 32)
# Convolutions whose layers have kernels of their own on a GPU: multiply-adds of WRN-16-2, as in tests/golden.
MACS = {"G(4)": 36_029_696, "G(N)": 14_832_896, "BG(2,M/8)": 13_223_168}


def kinds(network: nn.Module) -> list[type]:
    return [type(layer) for layer in network.modules()]


@pytest.fixture(autouse=True)
def loaded() -> None:
    catalog.load()


@pytest.mark.parametrize("conv", MACS)
@pytest.mark.parametrize("kind", QUICK)
def test_layers_that_are_quick_in_training_are_counted_as_the_librarys(
    conv: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = build_network("wrn(depth=16, width=2)", conv, 10)
    expected = sizes(network, SHAPE)
    assert expected.macs == MACS[conv]
    quicken(network, torch.device(kind))
    before = kinds(network)

    def unseen(*_: Any) -> None:
        raise AssertionError("by a kernel, which no counter sees")

    for layer in {quick for layers in QUICK.values() for quick in layers.values()}:
        monkeypatch.setattr(layer, "_conv_forward" if issubclass(layer, nn.Conv2d) else "forward", unseen)
    assert sizes(network, SHAPE) == expected
    assert kinds(network) == before  # it is trained further


@pytest.mark.gpu
@pytest.mark.parametrize("conv", MACS)
def test_they_are_the_same_on_a_gpu(conv: str) -> None:
    network = build_network("wrn(depth=16, width=2)", conv, 10)
    expected = sizes(network, SHAPE)
    assert sizes(to_train_on(network, torch.device("cuda")), SHAPE) == expected
