"""What happens to an image before a network's stem: it is brought to the form in which the network takes it.

A batch comes at the suite's size and normalised by the recipe. A network whose weights were trained elsewhere may take
images of another side and another mean and standard deviation:

    x_t = (x std_r + mean_r - mean_t) / std_t,    folded into one product and one sum.
"""

from typing import NamedTuple, Self

import torch
from torch import Tensor, nn
from torch.nn import functional


class Normalised(NamedTuple):
    """How images are normalised: mean and standard deviation by channel, in units of the [0, 1] pixel range."""

    mean: tuple[float, ...]
    std: tuple[float, ...]


class Input(nn.Module):
    """Images (B, 3, H, W) as a network takes them.

    `side` resizes them to side x side: bilinear, corners not aligned, low-pass filtered where they shrink (as PIL and
    torchvision do). `taken` is the normalisation that the weights know; None is whatever the images have. Nothing of it
    is in a state dict: it follows from the network's text and its weights.
    """

    scale: Tensor | None  # (3, 1, 1)
    shift: Tensor | None  # (3, 1, 1)

    def __init__(self) -> None:
        super().__init__()
        self.side: int | None = None
        self.taken: Normalised | None = None
        self.register_buffer("scale", None, persistent=False)
        self.register_buffer("shift", None, persistent=False)

    def given(self, images: Normalised) -> Self:
        """Images come so normalised from now on."""
        self.scale = self.shift = None
        if self.taken is not None and self.taken != images:
            mean_r, std_r, mean_t, std_t = (
                torch.tensor(row, dtype=torch.float64, device="cpu").view(-1, 1, 1) for row in (*images, *self.taken)
            )
            self.scale = (std_r / std_t).float()
            self.shift = ((mean_r - mean_t) / std_t).float()
        return self

    def forward(self, x: Tensor) -> Tensor:
        if self.side is not None and x.shape[2:] != (self.side, self.side):
            x = functional.interpolate(x, (self.side, self.side), mode="bilinear", antialias=True)
        return x if self.scale is None or self.shift is None else x * self.scale + self.shift
