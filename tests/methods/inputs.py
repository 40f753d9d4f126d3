"""Inputs in float64 for checks against fixed numbers: sines and cosines of the flat index, the same on every machine.

B = 4 samples, C = 5 classes, maps of 4 x 4. Made for these tests; the numbers that the tests compare with were
computed from the formulas of the papers and, where there is any, with the code released with them.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor


def filled(function: Callable[[Tensor], Tensor], *shape: int) -> Tensor:
    """A tensor of `shape` whose elements are `function` of their flat index."""
    return function(torch.arange(math.prod(shape), dtype=torch.float64)).view(shape)


STUDENT = filled(lambda i: 2 * torch.sin(1 + 1.7 * i), 4, 5)  # logits (B, C)
TEACHER = filled(lambda i: 3 * torch.cos(0.5 + 1.3 * i), 4, 5)  # logits (B, C)
THIRD = filled(lambda i: 2.5 * torch.sin(0.3 + 0.9 * i), 4, 5)  # logits (B, C)
LABELS = torch.tensor([0, 2, 1, 4])  # (B,)

STUDENT_MAP = filled(lambda i: torch.sin(0.1 * i), 4, 3, 4, 4)  # (B, 3, H, W)
TEACHER_MAP = filled(lambda i: torch.cos(0.07 * i), 4, 6, 4, 4)  # (B, 6, H, W): a teacher may be wider
