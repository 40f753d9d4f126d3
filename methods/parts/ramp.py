"""The sigmoid-shaped ramp by which online methods let distillation in, as ONE, OKDDip and FFL use it.

w(e) = exp(-5 (1 - min(e, L) / L)^2) with L = 80 of 300 epochs. Here L is a share of the run, so that a short run has
the same shape. Deviation: w rises with every step, where the released codes raise it once an epoch.
"""

import torch
from torch import Tensor

PAPER_SHARE = 80 / 300


def ramp(progress: Tensor, share: float) -> Tensor:
    """Weight at a position (0-d, 0..1) of the run: exp(-5) at its start, 1 from `share` on; a share of 0 is no ramp."""
    if share == 0:
        return torch.ones_like(progress)
    return torch.exp(-5 * (1 - (progress / share).clamp(max=1)).square())
