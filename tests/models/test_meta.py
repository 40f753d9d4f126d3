"""Networks that are only looked at: what is left out there changes no shape and hides no mistake."""

import pytest
import torch
from torch import nn

from cheapconv import catalog
from cheapconv.models.build import build_network, run_blank
from cheapconv.models.meta import ShapesOnly, on_meta
from cheapconv.models.size import count_macs

catalog.load()
IMAGE = (3, 8, 8)


def test_batch_norms_are_left_out_on_the_meta_device_alone() -> None:
    real = nn.BatchNorm2d(4)
    with torch.no_grad(), ShapesOnly():
        real(torch.ones(2, 4, 3, 3))
        assert nn.BatchNorm2d(4).to("meta")(torch.ones(2, 4, 3, 3, device="meta")).shape == (2, 4, 3, 3)
    assert real.running_mean is not None
    assert real.running_mean.tolist() == pytest.approx([0.1] * 4)


@pytest.mark.parametrize(("channels", "samples", "side"), [(5, 2, 8), (4, 1, 1)], ids=["channels", "one number"])
def test_a_batch_norm_that_cannot_be_is_still_a_mistake(channels: int, samples: int, side: int) -> None:
    with on_meta():
        network = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(channels))
        with pytest.raises((ValueError, RuntimeError)):
            run_blank(network, (3, side, side), samples)


def test_gradients_are_followed_through_them() -> None:
    norm = nn.BatchNorm2d(4).to("meta")
    with ShapesOnly():
        assert norm(torch.ones(2, 4, 3, 3, device="meta")).grad_fn is not None


@pytest.mark.parametrize(
    ("architecture", "conv"), [("WRN-10-1", "G(4)"), ("mobilenet_v2", "S"), ("densenet(depth=10)", "S")]
)
def test_a_network_without_numbers_has_the_multiply_adds_of_a_real_one(architecture: str, conv: str) -> None:
    with on_meta():
        blank = build_network(architecture, conv, 10)
    assert count_macs(blank, IMAGE) == count_macs(build_network(architecture, conv, 10), IMAGE)
