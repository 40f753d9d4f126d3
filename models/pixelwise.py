"""Pixelwise network: a `Network` that answers at every pixel, for segmentation.

Its stages are those of encoder and decoder, one after the other, and its head gives logits (B, classes, H, W) of the
last map instead of pooling it.
"""

from collections.abc import Sequence
from typing import ClassVar, Literal

from torch import Tensor, nn

from cheapconv.models.network import Network


class PixelwiseNetwork(Network):
    """Stages and a head for images (B, 3, H, W); `forward` gives logits (B, classes, H, W).

    The first `encoder` stages end in the smallest map, which those that follow bring back to the size of the image;
    `encoder_head` makes logits of it, for trainings that begin with the encoder, and is no part of `forward`. The
    embedding of a dense network is its last map.
    """

    answers: ClassVar[Literal["image", "pixel"]] = "pixel"

    def __init__(
        self,
        stages: Sequence[nn.Module],
        channels: Sequence[int],
        classes: int,
        head: nn.Module,
        encoder: int,
        post_activation: bool = False,
        entrances: Sequence[int] = (),
    ) -> None:
        super().__init__(
            nn.Identity(),
            stages,
            channels,
            classes,
            nn.Identity(),
            post_activation=post_activation,
            entrances=entrances,
        )
        self.encoder = encoder
        self.encoder_head = nn.Conv2d(channels[encoder - 1], classes, 1)
        self.classifier = head  # type: ignore[assignment]

    def pooled(self, f: Tensor) -> Tensor:
        """The last map (B, C, H, W) itself."""
        return f
