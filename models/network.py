"""Network: the one interface through which methods see a CNN.

A network is a stem, a few stages, and a head made of `embed` (feature map to vector) and `classify` (vector to
logits). A method that needs intermediate maps calls `stages`; there are no hooks. Stages are modules of a list, so
that several networks may share the first of them and run the shared part once.
"""

from collections.abc import Sequence

from torch import Tensor, nn


class Network(nn.Module):
    """Stem, stages and head of a CNN for images (B, 3, H, W); `forward` gives logits (B, classes).

    `channels[i]` is the width of the map after stage i. `neck` is what stands between the last map and its pooling.
    """

    def __init__(
        self, stem: nn.Module, stages: Sequence[nn.Module], channels: Sequence[int], classes: int, neck: nn.Module
    ) -> None:
        super().__init__()
        assert len(stages) == len(channels) > 0
        self.channels = list(channels)
        self.classes = classes
        self.stem = stem
        self.stage_modules = nn.ModuleList(stages)
        self.neck = neck
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(self.channels[-1], classes)

    def stages(self, x: Tensor, start: int = 0) -> list[Tensor]:
        """Maps (B, C_i, H_i, W_i) after stages start, start + 1, ...

        `x` is the image for start = 0 and the map after stage start - 1 otherwise.
        """
        assert 0 <= start < len(self.stage_modules), start
        if start == 0:
            x = self.stem(x)
        maps = []
        for stage in self.stage_modules[start:]:
            x = stage(x)
            maps.append(x)
        return maps

    def embed(self, f: Tensor) -> Tensor:
        """Vector (B, D) that the classifier sees, from the map (B, D, H, W) of the last stage."""
        return self.pool(self.neck(f)).flatten(1)

    def classify(self, e: Tensor) -> Tensor:
        """Logits (B, classes) of a vector (B, D)."""
        return self.classifier(e)

    def head(self, f: Tensor) -> Tensor:
        """Logits (B, classes) of the map (B, D, H, W) of the last stage."""
        return self.classify(self.embed(f))

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, classes) of images (B, 3, H, W)."""
        x = self.stem(x)
        for stage in self.stage_modules:  # not `stages`, which would keep every map in memory
            x = stage(x)
        return self.head(x)
