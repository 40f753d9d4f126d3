"""In which precision losses are computed."""

import torch
from torch import Tensor


def wide(x: Tensor) -> Tensor:
    """float32 for the half-width types, unchanged otherwise (float64 in tests)."""
    return x.float() if x.dtype in (torch.bfloat16, torch.float16) else x
