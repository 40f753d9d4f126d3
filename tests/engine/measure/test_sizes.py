"""Sizes of a network as it is built, whatever computes its layers in training."""

import pytest
import torch

from cheapconv import catalog
from cheapconv.engine.measure.sizes import sizes
from cheapconv.models.build import build_network, to_train_on
from cheapconv.models.network import Network

SHAPE = (3, 32, 32)
CONVS = ["standard", "G(4)", "G(N)", "BG(2,M/8)", "od_shift"]


def built(conv: str) -> Network:
    catalog.load()
    return build_network("wrn(depth=16, width=2)", conv, 10)


@pytest.mark.parametrize("conv", CONVS)
@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def test_a_network_in_training_has_the_sizes_of_the_one_that_was_built(conv: str, device: str) -> None:
    assert sizes(to_train_on(built(conv), torch.device(device)), SHAPE) == sizes(built(conv), SHAPE)
