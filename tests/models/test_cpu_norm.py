"""Batch norm and ReLU in bf16 on a CPU by kernels, against the library's in float64."""

import copy

import pytest
import torch
from torch import Tensor, nn

from cheapconv.models.parts import cpu_norm
from cheapconv.models.parts.cpu_norm import NumbaBatchNorm2d, NumbaNormRelu, fits
from cheapconv.models.parts.layers import NormRelu, norm_relu
from cheapconv.models.quick import quicken

CPU, NHWC = torch.device("cpu"), torch.channels_last
ERRORS = [3e-3, 3e-3, 1e-5, 1e-5, 1e-5, 1e-5]  # of what is written in bf16, and of sums


@pytest.fixture(autouse=True)
def _any_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpu_norm, "SMALLEST", 1)


def pair(channels: int, relu: bool = True) -> tuple[nn.Sequential, nn.Sequential]:
    """Layers by the kernels, and the library's in float64."""
    layers = norm_relu(channels) if relu else nn.Sequential(nn.BatchNorm2d(channels))
    generator = torch.Generator().manual_seed(channels)
    with torch.no_grad():
        layers[0].weight.copy_(torch.rand(channels, generator=generator) + 0.1)
        layers[0].bias.copy_(torch.randn(channels, generator=generator))
    library = copy.deepcopy(layers).double()
    quicken(layers, CPU)
    return layers, library


def drawn(*shape: int, mean: float = 3.0) -> Tensor:
    generator = torch.Generator().manual_seed(shape[1] + int(mean))
    return (torch.randn(shape, generator=generator) + mean).bfloat16().contiguous(memory_format=NHWC)


def outcome(layers: nn.Sequential, x: Tensor, g: Tensor) -> list[Tensor]:
    """Output, gradients of input, weight and bias, and what the layer keeps."""
    norm, x = layers[0], x.clone().requires_grad_()
    y = layers(x)
    assert y.is_contiguous(memory_format=NHWC)
    assert y.dtype == x.dtype
    gradients = torch.autograd.grad(y, (x, norm.weight, norm.bias), g)
    return [y, *gradients, norm.running_mean.clone(), norm.running_var.clone()]


@pytest.mark.parametrize("relu", [True, False])
@pytest.mark.parametrize("shape", [(4, 16, 8, 8), (3, 5, 7, 3), (2, 300, 3, 3), (5, 1, 6, 6)])
def test_it_is_the_library_in_float64(relu, shape):
    layers, library = pair(shape[1], relu)
    for _ in range(2):  # running statistics of more than one batch
        x, g = drawn(*shape), drawn(*shape, mean=0)
        ours, theirs = outcome(layers, x, g), outcome(library, x.double(), g.double())
    for i, (found, right) in enumerate(zip(ours, theirs, strict=True)):
        assert (found.double() - right).norm() <= ERRORS[i] * right.norm(), i
    assert layers[0].num_batches_tracked == library[0].num_batches_tracked == 2


def test_threads_change_no_bit_of_several_chunks(monkeypatch):
    monkeypatch.setattr(cpu_norm, "CHUNK", 1024)
    x, g = drawn(9, 24, 11, 11), drawn(9, 24, 11, 11, mean=0)
    before = torch.get_num_threads()
    found = []
    try:
        for threads in (1, 3, 1):
            torch.set_num_threads(threads)
            found.append(outcome(pair(24)[0], x, g))
    finally:
        torch.set_num_threads(before)
    for one, other in zip(found[0] * 2, found[1] + found[2], strict=True):
        assert one.equal(other)


def test_a_mean_far_from_zero_cancels_no_digits():
    x = drawn(8, 16, 8, 8, mean=1000.0)
    layers, library = pair(16)
    layers(x.requires_grad_()), library(x.double())
    assert (layers[0].running_var.double() - library[0].running_var).abs().max() < 1e-6


def test_a_channel_of_one_value_has_no_variance():
    x = torch.full((2, 16, 4, 4), 7.25).bfloat16().contiguous(memory_format=NHWC).requires_grad_()
    layers, _ = pair(16)
    y = layers(x)
    y.sum().backward()
    assert y.grad_fn is not None
    assert y.grad_fn.name() == "_NormReluBackward"
    assert y.float().allclose(layers[0].bias.relu()[None, :, None, None].expand_as(y), atol=0.02)
    assert x.grad is not None
    assert x.grad.isfinite().all()


def test_what_is_no_number_is_not_hidden():
    x = drawn(2, 16, 4, 4)
    x[0, 3, 0, 1] = float("nan")
    x[1, 5, 0, 1] = float("inf")
    y = pair(16)[0](x.requires_grad_())
    assert y[:, 3].isnan().all()
    assert y[:, 5].isnan().any()
    assert y[:, 4].isfinite().all()


def test_bf16_is_rounded_to_the_nearest_and_ties_to_even():
    bits = torch.arange(0, 2**16).to(torch.uint16)
    exact = bits.view(torch.bfloat16).float()
    number = exact.isfinite()
    kernels = cpu_norm._kernels()
    ones, zeros = torch.ones(1).numpy(), torch.zeros(1).numpy()
    for scale in (1.0, 1 + 2.0**-8, 1 + 3 * 2.0**-9, 1 - 2.0**-9):  # halfway between two numbers, and not
        to = torch.empty_like(bits)
        given = bits.reshape(-1, 1).numpy(), to.reshape(-1, 1).numpy(), ones * ones.dtype.type(scale), zeros
        kernels.transform(*given, zeros.dtype.type(cpu_norm.NONE), (2**16, 0, 1))
        right = (exact * scale).to(torch.bfloat16)
        assert to.view(torch.bfloat16)[number].equal(right[number])
        assert to.view(torch.bfloat16)[exact.isnan()].isnan().all()


@pytest.mark.parametrize("relu", [True, False])
def test_it_can_be_differentiated_twice(relu):
    x = drawn(3, 4, 5, 5)
    found = []
    for layers, of in zip(pair(4, relu), (x, x.double()), strict=True):
        of = of.clone().requires_grad_()
        y = layers(of)
        (g,) = torch.autograd.grad(y.pow(3).sum(), of, create_graph=True)
        found.append(torch.autograd.grad(g.pow(2).sum(), of)[0].double())
    assert (found[0] - found[1]).norm() <= 0.03 * found[1].norm()


def test_a_map_that_is_changed_afterwards_is_noticed():
    x = drawn(2, 16, 4, 4).requires_grad_()
    h = x * 1
    y = pair(16)[0](h)
    h.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_the_library_does_what_does_not_fit(monkeypatch):
    norm, x = NumbaBatchNorm2d(16), drawn(2, 16, 4, 4)
    assert fits(norm, x)
    assert not fits(norm, x.double())
    assert not fits(norm, x.float())
    assert not fits(norm, x.half())
    assert not fits(norm, x.contiguous(memory_format=torch.contiguous_format))
    assert not fits(norm, drawn(1, 16, 1, 1))
    assert not fits(norm, x[:, :8])
    assert not fits(NumbaBatchNorm2d(16, affine=False), x)
    assert not fits(NumbaBatchNorm2d(16, momentum=None), x)
    assert not fits(NumbaBatchNorm2d(16, track_running_stats=False), x)
    assert not fits(NumbaBatchNorm2d(16).eval(), x)
    assert not fits(NumbaBatchNorm2d(16).double(), x)
    monkeypatch.setattr(cpu_norm, "normalised", None)  # would fail if it were called
    with torch.no_grad():
        assert norm(x).isfinite().all()
    monkeypatch.setattr(cpu_norm, "installed", lambda: False)
    assert norm(x).isfinite().all()
    monkeypatch.undo()
    assert x.numel() < cpu_norm.SMALLEST
    assert norm(x).grad_fn.name() != "_NormReluBackward"


def test_a_network_changes_its_layers_and_not_its_state():
    network = nn.Sequential(norm_relu(16), nn.BatchNorm2d(16), nn.Sequential(nn.BatchNorm2d(16), nn.ReLU()))
    state = {name: value.clone() for name, value in network.state_dict().items()}
    quicken(network, CPU)
    assert [type(layer) for layer in network] == [NumbaNormRelu, NumbaBatchNorm2d, nn.Sequential]
    assert type(network[0][0]) is type(network[2][0]) is NumbaBatchNorm2d
    assert state.keys() == network.state_dict().keys()
    assert all(value.equal(state[name]) for name, value in network.state_dict().items())
    assert type(copy.deepcopy(network)[0]) is NumbaNormRelu


def test_another_layer_in_its_place_is_asked():
    layers = norm_relu(16)
    quicken(layers, CPU)
    layers[1] = nn.ReLU6()
    x = 9 * drawn(2, 16, 4, 4)
    assert layers(x).max() <= 6
    assert layers[:1](x).equal(layers[0](x))
    layers[0] = nn.Identity()
    assert layers(x).equal(nn.functional.relu6(x))
    assert isinstance(layers, NormRelu)


def test_who_looks_between_the_two_layers_sees_what_is_there():
    layers, seen = pair(16)[0], []
    layers[0].register_forward_hook(lambda layer, given, made: seen.append(made.clone()))
    y = layers(drawn(2, 16, 4, 4))
    assert seen[0].min() < 0
    assert y.equal(seen[0].relu())
    layers = pair(16)[0]
    layers[1].inplace = False  # with which torch takes no such hook
    layers[1].register_full_backward_pre_hook(lambda layer, gradients: seen.append(gradients[0]))
    layers(drawn(2, 16, 4, 4).requires_grad_()).sum().backward()
    assert seen[1].eq(1).all()
