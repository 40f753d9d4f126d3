"""The tiny suite's plugin for processes that compute in float64, where equal sums in another order show as equal."""

import torch

from tests import plugin

torch.set_default_dtype(torch.float64)

__all__ = ["plugin"]
