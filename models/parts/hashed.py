"""A weight whose elements are shared at random: HashedNets.

Chen et al., "Compressing Neural Networks with the Hashing Trick", ICML 2015, arXiv:1504.04788. As there, which element
takes which value is a hash of its position, so the assignment costs nothing to store and is the same in every network;
the code of Separable Layers draws it once and stores it. Deviation: that code never uses the last of its values.
"""

import torch
from torch import Tensor, nn


class HashedWeight(nn.Module):
    """As many trained values as `budget`, spread over the elements of `dense`, of whose first ones they start."""

    index: Tensor

    def __init__(self, dense: Tensor, budget: int) -> None:
        super().__init__()
        assert 1 <= budget <= dense.numel()
        self.shared = nn.Parameter(dense.detach().flatten()[:budget].clone())
        positions = torch.arange(dense.numel(), device=dense.device)
        self.register_buffer("index", (mixed_bits(positions) % budget).int(), persistent=False)

    def forward(self) -> Tensor:
        return self.shared.index_select(0, self.index)


def mixed_bits(numbers: Tensor) -> Tensor:
    """A 32-bit hash of numbers below 2^32 (int64): the integer hash triple32 of C. Wellons (hash-prospector)."""
    x = numbers
    for shift, factor in ((17, 0xED5AD4BB), (11, 0xAC4C1B51), (15, 0x31848BAB)):
        x = x ^ (x >> shift)
        x = _times(x, factor)
    return x ^ (x >> 14)


def _times(x: Tensor, factor: int) -> Tensor:
    """x * factor modulo 2^32 for 32-bit numbers in int64, without overflow."""
    low, high = x & 0xFFFF, x >> 16
    return (low * factor + (((high * factor) & 0xFFFF) << 16)) & 0xFFFFFFFF
