"""Network: the one interface through which methods see a CNN.

A network is an input, a stem, a few stages, and a head made of `embed` (feature map to vector) and `classify` (vector
to logits). A method that needs intermediate maps calls `stages`; there are no hooks. Stages are modules of a list, so
that several networks may share the first of them and run the shared part once.
"""

from collections.abc import Sequence
from typing import ClassVar, Literal, Self

from torch import Tensor, nn
from torch.nn import functional

from cheapconv.models.input import Input
from cheapconv.models.parts.pre_activation import before_relu, normalised


class Network(nn.Module):
    """Stem, stages and head of a CNN for images (B, 3, H, W); `forward` gives logits (B, classes).

    `channels[i]` is the width of the map after stage i. `neck` is what stands between the last map and its pooling, and
    `features` the width of the pooled vector, by default that of the last map. `post_activation` says that every stage
    ends in a ReLU, so that its map has no negative values. Where a BN and a ReLU follow the maps instead, `norms` names
    that BN behind each of them. The first `entrances[i]` modules of stage i only bring the map of the stage before to
    its size (a pooling, a transition): where networks share a trunk, they belong to it. `hidden` are layers between the
    pooled vector and the classifier, most often none. `input` brings images to the form that the weights know, most
    often the one that they have. `fresh` names what the weights that were loaded have left as it was drawn. `answers`
    says for what the network gives one (models/pixelwise.py).
    """

    answers: ClassVar[Literal["image", "pixel"]] = "image"

    def __init__(
        self,
        stem: nn.Module,
        stages: Sequence[nn.Module],
        channels: Sequence[int],
        classes: int,
        neck: nn.Module,
        features: int | None = None,
        post_activation: bool = False,
        norms: Sequence[str] = (),
        entrances: Sequence[int] = (),
    ) -> None:
        super().__init__()
        assert len(stages) == len(channels) > 0
        assert len(norms) in (0, len(stages))
        assert len(entrances) in (0, len(stages))
        self.channels = list(channels)
        self.classes = classes
        self.features = self.channels[-1] if features is None else features
        self.post_activation = post_activation
        self.norms = list(norms)  # names, since layers may be replaced
        self.entrances = list(entrances) or [0] * len(stages)
        self.stem = stem
        self.stage_modules = nn.ModuleList(stages)
        self.neck = neck
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(self.features, classes)
        self.hidden: nn.Module = nn.Identity()
        self.input = Input()
        self.fresh: tuple[str, ...] = ()

    def stages(self, x: Tensor, start: int = 0, pre_activation: bool = False) -> list[Tensor]:
        """Maps (B, C_i, H_i, W_i) after stages start, start + 1, ...

        `x` is the image for start = 0 and the map after stage start - 1 otherwise. With `pre_activation` the maps are
        those before the ReLU that ends each stage; where no stage ends in one they are the same as without.
        """
        assert 0 <= start < len(self.stage_modules), start
        if start == 0:
            x = self.stem(self.input(x))
        maps = []
        for stage in self.stage_modules[start:]:
            if pre_activation and self.post_activation:
                maps.append(before_relu(stage, x))
                x = functional.relu(maps[-1])
            else:
                x = stage(x)
                maps.append(x)
        return maps

    def entrance(self, stage: int) -> nn.Module:
        """What brings the map of the stage before to the size of this one: nothing, a pooling, or a transition."""
        count = self.entrances[stage]
        return self._sequence(stage)[:count] if count else nn.Identity()

    def body(self, stage: int) -> nn.Module:
        """The stage behind its entrance."""
        count = self.entrances[stage]
        return self._sequence(stage)[count:] if count else self.stage_modules[stage]

    def share_entrance(self, stage: int, lender: Self) -> None:
        """Take the modules of the lender's entrance to this stage for the own ones."""
        for position in range(self.entrances[stage]):
            self._sequence(stage)[position] = lender._sequence(stage)[position]

    def before_relu(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """What the ReLU at or behind each of `maps` sees, of those that `stages(x, pre_activation=True)` gave.

        Behind a residual sum of a pre-activation network that is the output of the next block's BN, in training too,
        where the BN's running statistics are left alone: the network's own pass has moved them already.
        """
        if not self.norms:
            return [*maps]
        return [normalised(self.get_submodule(name), f) for name, f in zip(self.norms, maps, strict=True)]

    def pooled(self, f: Tensor) -> Tensor:
        """Vector (B, features) of the map (B, C, H, W) of the last stage, before any hidden layer."""
        return self.pool(self.neck(f)).flatten(1)

    def embed(self, f: Tensor) -> Tensor:
        """Vector (B, features) that the classifier sees, from the map (B, C, H, W) of the last stage."""
        return self.hidden(self.pooled(f))

    def classify(self, e: Tensor) -> Tensor:
        """Logits (B, classes) of a vector (B, features)."""
        return self.classifier(e)

    def head(self, f: Tensor) -> Tensor:
        """Logits (B, classes) of the map (B, C, H, W) of the last stage."""
        return self.classify(self.embed(f))

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, classes) of images (B, 3, H, W)."""
        x = self.stem(self.input(x))
        for stage in self.stage_modules:  # not `stages`, which would keep every map in memory
            x = stage(x)
        return self.head(x)

    def _sequence(self, stage: int) -> nn.Sequential:
        modules = self.stage_modules[stage]
        assert isinstance(modules, nn.Sequential), "a stage with an entrance is a sequence of modules"
        return modules
