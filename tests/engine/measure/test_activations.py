"""Peak activation memory, against sums made by hand: what is alive at the worst moment of a forward pass."""

import gc

import pytest
import torch
from torch import Tensor, nn

from cheapconv.engine.measure.activations import activation_bytes

SHAPE = (3, 8, 8)
MAP = 4 * 8 * 8  # bytes of one channel in float32


def conv(inputs: int, outputs: int, **options: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, padding=1, bias=False, **options)


class Residual(nn.Module):
    """relu(b(a(x)) + a(x)): the shortcut is alive while the path is computed."""

    def __init__(self, inplace: bool) -> None:
        super().__init__()
        self.a, self.b, self.relu, self.inplace = conv(3, 8), conv(8, 8), nn.ReLU(inplace), inplace

    def forward(self, x: Tensor) -> Tensor:
        x = self.a(x)
        y = self.b(x)
        y = y.add_(x) if self.inplace else y + x
        return self.relu(y)


class View(nn.Module):
    """A view keeps its storage alive when the tensor itself is gone."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = conv(3, 8)

    def forward(self, x: Tensor) -> Tensor:
        half = self.conv(x)[:, :4]
        return half * 2


class Hoarder(nn.Module):
    """Keeps every map to the end, and returns them together."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = conv(3, 8), conv(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        first = self.a(x)
        return torch.cat([first, self.b(first)], dim=1)


@pytest.mark.parametrize(
    ("network", "expected"),
    [
        pytest.param(conv(3, 8), 8 * MAP, id="one map; input and weights do not count"),
        pytest.param(nn.Sequential(conv(3, 8), nn.ReLU()), 16 * MAP, id="ReLU into a new map"),
        pytest.param(nn.Sequential(conv(3, 8), nn.ReLU(inplace=True)), 8 * MAP, id="ReLU in place"),
        pytest.param(nn.Sequential(conv(3, 8), nn.BatchNorm2d(8), nn.ReLU(True)), 16 * MAP, id="BN into a new map"),
        pytest.param(nn.Sequential(conv(3, 8), conv(8, 4), conv(4, 16)), 20 * MAP, id="only neighbours are alive"),
        pytest.param(nn.Sequential(conv(3, 8), conv(8, 16, stride=2)), (8 + 4) * MAP, id="stride 2"),
        pytest.param(Residual(inplace=False), 24 * MAP, id="shortcut, path and their sum"),
        pytest.param(Residual(inplace=True), 16 * MAP, id="shortcut, and a path that becomes the sum"),
        pytest.param(View(), (8 + 4) * MAP, id="half a map by a view, then its double"),
        pytest.param(Hoarder(), (8 + 8 + 16) * MAP, id="two maps and their concatenation"),
        pytest.param(nn.Sequential(nn.Flatten(), nn.Linear(192, 10)), 40, id="a view of the input is the input"),
        pytest.param(
            nn.Sequential(conv(3, 8), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 10)),
            8 * MAP + 32,
            id="the worst moment is not the last",
        ),
    ],
)
def test_the_peak_is_that_of_the_sum_by_hand(network, expected):
    assert activation_bytes(network, SHAPE) == expected


def test_the_peak_is_the_same_every_time():
    """Whatever the allocator does with the storages of earlier passes."""
    network = nn.Sequential(conv(3, 8), nn.ReLU(), Residual(inplace=False).b, nn.ReLU())
    found = set()
    for _ in range(3):
        found.add(activation_bytes(network, SHAPE))
        gc.collect()
    assert found == {16 * MAP}


@pytest.mark.parametrize("training", [True, False])
def test_measuring_changes_nothing(training):
    network = nn.Sequential(conv(3, 8), nn.BatchNorm2d(8)).train(training)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    activation_bytes(network, SHAPE)
    assert all(module.training == training for module in network.modules())
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())
    assert all(p.grad is None for p in network.parameters())


def test_a_larger_image_needs_more():
    network = nn.Sequential(conv(3, 8), nn.ReLU())
    assert activation_bytes(network, (3, 16, 16)) == 4 * activation_bytes(network, SHAPE)


def test_a_failing_network_is_left_in_its_mode():
    network = nn.Sequential(conv(4, 8)).train()
    with pytest.raises(RuntimeError, match="channels"):
        activation_bytes(network, SHAPE)
    assert network.training


@pytest.mark.gpu
def test_the_peak_on_cuda_is_the_same():
    network = nn.Sequential(conv(3, 8), Residual(inplace=False).b, nn.ReLU(inplace=True))
    assert activation_bytes(network.cuda(), SHAPE) == 16 * MAP
