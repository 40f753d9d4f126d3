"""Convolutions whose weight is rebuilt: hashed, tensor train, Tucker, ACDC."""

import math

import pytest
import torch
from torch import nn

from cheapconv import catalog
from cheapconv.models.architectures.wrn import WideResNet
from cheapconv.models.convs.acdc import ACDCWeight, cosine_transform, riffle
from cheapconv.models.convs.hashed import Hashed
from cheapconv.models.convs.tensor_train import TensorTrainWeight
from cheapconv.models.convs.tucker import Tucker, TuckerWeight
from cheapconv.models.parts.hashed import HashedWeight, mixed_bits
from cheapconv.models.parts.rebuilt import RebuiltConv, materialise
from cheapconv.models.parts.tensor_train import decompose, feasible_ranks, folded, product

REBUILT = ["Hashed_0.05", "SepHashed_0.25", "HashedSeparable", "ACDC_3", "TensorTrain_0.50 (3 dims)"]
REBUILT += ["Tucker_0.50 (3 dims)"]
catalog.load()


@pytest.mark.parametrize("text", REBUILT)
def test_materialised_network_is_an_ordinary_one_that_computes_the_same(text):
    network = WideResNet(depth=10, width=1).build(catalog.parse("conv", text), 10).eval()
    x = torch.randn(2, 3, 8, 8)
    expected = network(x)
    assert any(isinstance(m, RebuiltConv) for m in network.modules())
    ordinary = materialise(network)
    assert not any(isinstance(m, RebuiltConv) for m in ordinary.modules())
    torch.testing.assert_close(ordinary(x), expected)


def test_a_rebuilt_convolution_itself_can_be_materialised():
    operator = Hashed(share=0.1).operator(4, 8, stride=2, dilation=2)
    x = torch.randn(1, 4, 7, 7)
    torch.testing.assert_close(materialise(operator)(x), operator(x))


@pytest.mark.parametrize(
    ("elements", "dimensions", "shape"),
    [(640 * 640, 3, [80, 80, 64]), (64, 3, [4, 4, 4]), (160 * 16, 3, [16, 16, 10]), (640 * 640, 4, [25, 32, 32, 16])],
)
def test_folding_of_a_weight(elements, dimensions, shape):
    assert folded(elements, dimensions) == shape
    assert math.prod(shape) == elements


def test_a_prime_number_folds_too():
    assert folded(13, 3) == [13, 1, 1]
    assert feasible_ranks([13, 1, 1]) == [1, 1]


def test_full_ranks_give_the_weight_back():
    dense = torch.randn(6, 10, dtype=torch.float64)
    shape = [4, 5, 3]
    ranks = feasible_ranks(shape)
    assert ranks == [4, 3]
    torch.testing.assert_close(product(decompose(dense, shape, ranks)).reshape(6, 10), dense)
    torch.testing.assert_close(TensorTrainWeight(dense, shape, ranks)().reshape(6, 10), dense)
    torch.testing.assert_close(TuckerWeight(dense, shape, shape, ranks)().reshape(6, 10), dense)


def test_truncation_keeps_what_it_can():
    """A weight of exactly the ranks survives; of another the relative error grows as the ranks shrink."""
    generator = torch.Generator().manual_seed(0)
    cores = [torch.randn(*s, generator=generator, dtype=torch.float64) for s in [(1, 4, 2), (2, 5, 2), (2, 3, 1)]]
    low = product(cores).reshape(6, 10)
    torch.testing.assert_close(TensorTrainWeight(low, [4, 5, 3], [2, 2])().reshape(6, 10), low)
    torch.testing.assert_close(TuckerWeight(low, [4, 5, 3], [2, 4, 2], [4, 2])().reshape(6, 10), low)
    dense = torch.randn(6, 10, generator=generator, dtype=torch.float64)
    sizes = [([4, 5, 3], [4, 3]), ([3, 4, 2], [4, 2]), ([2, 2, 1], [2, 1])]
    errors = [(TuckerWeight(dense, [4, 5, 3], *ranks)().reshape(6, 10) - dense).norm() for ranks in sizes]
    assert errors[0] < 1e-10 < errors[1] < errors[2] < dense.norm()


def test_tucker_keeps_unreachable_ranks_of_its_train():
    """The cores' ranks come from the whole weight, so the first may exceed its factor's, as in the authors' code."""
    assert Tucker(share=0.25)._shape(640, 640) == ([80, 80, 64], [20, 20, 16], [80, 16])


def triple32(x: int) -> int:
    x ^= x >> 17
    x = x * 0xED5AD4BB & 0xFFFFFFFF
    x ^= x >> 11
    x = x * 0xAC4C1B51 & 0xFFFFFFFF
    x ^= x >> 15
    x = x * 0x31848BAB & 0xFFFFFFFF
    return x ^ (x >> 14)


def test_hash_is_the_published_one():
    numbers = [0, 1, 2, 3, 1000, 2**31 - 1, 2**32 - 1]
    assert mixed_bits(torch.tensor(numbers)).tolist() == [triple32(n) for n in numbers]


def test_hash_uses_every_value_about_equally_often():
    weight = HashedWeight(torch.randn(100, 100), 50)
    counts = torch.bincount(weight.index, minlength=50)
    assert counts.sum() == 10_000
    assert 140 < counts.min() < counts.max() < 260  # 200 expected, standard deviation 14
    assert set(weight().tolist()) == set(weight.shared.tolist())


def test_hashed_weight_starts_as_the_first_values_and_stores_nothing_else():
    dense = torch.randn(4, 4)
    weight = HashedWeight(dense, 5)
    assert torch.equal(weight.shared, dense.flatten()[:5])
    assert list(weight.state_dict()) == ["shared"]


def test_shared_values_collect_the_gradient_of_their_elements():
    weight = HashedWeight(torch.randn(4, 4), 3)
    weight().sum().backward()
    assert weight.shared.grad is not None
    assert torch.equal(weight.shared.grad, torch.bincount(weight.index, minlength=3).float())


def test_cosine_transform_is_orthonormal():
    c = cosine_transform(7)
    torch.testing.assert_close(c @ c.T, torch.eye(7))
    assert torch.allclose(c[0], torch.full((7,), 7**-0.5))


def test_riffle_puts_even_columns_first():
    assert riffle(torch.arange(5)[None]).tolist() == [[0, 2, 4, 1, 3]]


def acdc_square(weight: ACDCWeight) -> torch.Tensor:
    """The square product of layers, written out."""
    total, c = torch.eye(weight.cosines.shape[0]), weight.cosines
    for a, d in zip(weight.before[:, :, 0], weight.between, strict=True):
        total = total @ riffle(riffle(torch.diag(a) @ c) @ torch.diag(d) @ torch.linalg.inv(c))
    return total


def test_acdc_repeats_inputs_and_sums_outputs():
    wide, narrow, even = ACDCWeight(4, 12, 2), ACDCWeight(12, 4, 2), ACDCWeight(6, 6, 2)
    x = torch.randn(12)
    torch.testing.assert_close(even() @ x[:6], acdc_square(even) @ x[:6])
    torch.testing.assert_close(wide() @ x[:4], acdc_square(wide) @ x[:4].repeat(3), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(narrow() @ x, (acdc_square(narrow) @ x).reshape(3, 4).sum(0), rtol=1e-4, atol=1e-5)


def test_acdc_widens_inputs_to_a_divisor_by_copying_the_first():
    weight = ACDCWeight(4, 10, 1)
    x = torch.randn(4)
    widened = torch.cat([x, x[:1]]).repeat(2)  # 5 divides 10
    torch.testing.assert_close(weight() @ x, acdc_square(weight) @ widened, rtol=1e-4, atol=1e-5)


def test_parameters_of_a_rebuilt_layer_are_float_and_few():
    operator = Hashed(share=0.01).operator(64, 64)
    assert sum(p.numel() for p in operator.parameters()) == 368 + 64
    assert isinstance(operator, RebuiltConv)
    assert isinstance(operator.bias, nn.Parameter)
