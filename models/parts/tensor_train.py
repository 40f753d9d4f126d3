"""Tensor trains of a weight matrix: the shape that it is folded into, the decomposition, the product of the cores.

Oseledets, "Tensor-Train Decomposition", SIAM J. Sci. Comput. 2011, algorithm 1, with ranks given beforehand.
A core has the shape (r_left, d, r_right); the outer ranks are 1.
"""

from collections.abc import Sequence
from itertools import accumulate, pairwise
from operator import mul

import torch
from torch import Tensor


def folded(elements: int, dimensions: int) -> list[int]:
    """`dimensions` factors of `elements`, as equal as the code of Separable Layers makes them.

    The root e of `elements` each, if it is a whole number; else the smallest divisor of what remains that is at least
    round(e) for each dimension but the last, which takes the rest.
    """
    root = round(elements ** (1 / dimensions))
    if root**dimensions == elements:
        return [root] * dimensions
    shape, rest = [], elements
    for _ in range(dimensions - 1):
        shape.append(next(d for d in range(min(root, rest), rest + 1) if rest % d == 0))
        rest //= shape[-1]
    return [*shape, rest]


def feasible_ranks(shape: Sequence[int]) -> list[int]:
    """Largest useful rank between dimensions j and j + 1: the smaller product of the dimensions on either side."""
    left = list(accumulate(shape, mul))
    return [min(before, left[-1] // before) for before in left[:-1]]


def train_params(shape: Sequence[int], ranks: Sequence[int]) -> int:
    """Elements of the cores: sum of r_{j-1} * d_j * r_j."""
    return sum(left * d * right for d, (left, right) in zip(shape, pairwise([1, *ranks, 1]), strict=True))


@torch.no_grad()
def decompose(weight: Tensor, shape: Sequence[int], ranks: Sequence[int]) -> list[Tensor]:
    """Cores of `weight` folded into `shape`, truncated to `ranks`; all but the last are orthogonal."""
    cores, left, rest = [], 1, weight.detach().reshape(shape)
    for d, right in zip(shape[:-1], ranks, strict=True):
        u, s, v = torch.linalg.svd(rest.reshape(left * d, -1), full_matrices=False)
        assert right <= s.shape[0], "ranks are feasible"
        cores.append(u[:, :right].reshape(left, d, right).contiguous())
        left, rest = right, s[:right, None] * v[:right]
    return [*cores, rest.reshape(left, shape[-1], 1).contiguous()]


def product(cores: Sequence[Tensor]) -> Tensor:
    """The flat tensor that the cores are a train of, prod(d_j) elements."""
    whole = cores[0].flatten(0, 1)  # (d_1, r_1)
    for core in cores[1:]:
        whole = (whole @ core.flatten(1)).reshape(-1, core.shape[2])  # (d_1 ... d_j, r_j)
    return whole.flatten()


def scaled_rank(share: float, size: int) -> int:
    """`share` of `size`, at least 1, rounded half to even as the code of Separable Layers does."""
    return max(1, round(share * size))
