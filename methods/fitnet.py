"""FitNets: one of the student's maps, through a small trained regressor, matches a map of the teacher.

Romero et al., "FitNets: Hints for thin deep nets", ICLR 2015, arXiv:1412.6550. The joint form with its weight and
regressor is RepDistiller's; the paper trains the hint first and distils the logits after it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from torch import Tensor, nn

from cheapconv.catalog import register
from cheapconv.catalog.numbers import Count, ProperShare, Weight
from cheapconv.methods.base import Batch, Build, Phase
from cheapconv.methods.losses import exact
from cheapconv.methods.parts.offline import Offline, Seen, map_shapes


@exact
def hint_loss(student: Tensor, teacher: Tensor) -> Tensor:
    """Mean squared difference over all elements of two maps of one shape."""
    return (student - teacher).square().mean()


def regressor(student: Sequence[int], teacher: Sequence[int]) -> nn.Sequential:
    """Convolution, BN and ReLU from a map of shape (C_s, H_s, W_s) to one of (C_t, H_t, W_t)."""
    (in_channels, side, _), (out_channels, target, _) = student, teacher
    convolution: nn.Module
    if side == 2 * target:
        convolution = nn.Conv2d(in_channels, out_channels, 3, stride=2, padding=1)
    elif 2 * side == target:
        convolution = nn.ConvTranspose2d(in_channels, out_channels, 4, stride=2, padding=1)
    elif side >= target:
        convolution = nn.Conv2d(in_channels, out_channels, 1 + side - target)
    else:
        raise ValueError(f"fitnet cannot bring a map of side {side} to one of {target}: choose another hint")
    return nn.Sequential(convolution, nn.BatchNorm2d(out_channels), nn.ReLU())


@register("method", "fitnet", paper="Romero et al. 2015, arXiv:1412.6550")
class FitNet(Offline):
    """One map of the student, through a regressor, pulled to the teacher's."""

    @dataclass(frozen=True, kw_only=True)
    class Config(Offline.Config):
        """L = ce_weight CE + weight mean((R(F_s) - F_t)^2) [+ kd_weight KD]; weight 100 is RepDistiller's.

        `hint`: the stage, counted from 1, whose map is compared (2: "hint layer 2" of RepDistiller). `stages`: `joint`
        trains all terms together; `two_stage` trains the hint alone for `hint_share` of the epochs (our choice) and
        the other terms after it, where the paper distils: set `kd_weight`.
        """

        weight: Weight = 100.0
        hint: Count = 2
        stages: Literal["joint", "two_stage"] = "joint"
        hint_share: ProperShare = 0.3

        @property
        def shares(self) -> tuple[float, ...]:
            """Of the whole, or of the hint and what follows it."""
            return (1.0,) if self.stages == "joint" else (self.hint_share, 1 - self.hint_share)

    def __init__(self, build: Build, config: Config) -> None:
        super().__init__(build, config)
        shapes = map_shapes(self.student, build), map_shapes(self.teacher, build)
        if config.hint > min(map(len, shapes)):
            raise ValueError(f"hint must be a stage from 1 to {min(map(len, shapes))}, not {config.hint}")
        self.regressor = regressor(*(s[config.hint - 1] for s in shapes))

    def transfer(self, student: Seen, teacher: Seen, batch: Batch) -> Tensor:
        """Distance of the regressed map from the teacher's."""
        stage = self.config.hint - 1
        return hint_loss(self.regressor(student.maps[stage]), teacher.maps[stage])

    def losses(self, batch: Batch, update: int = 0) -> dict[str, Tensor]:
        """All terms, or those of the current stage. What no term reaches has no gradient and stays as it is."""
        terms = super().losses(batch, update)
        if self.config.stages == "joint":
            return terms
        hint = {self.registered_name: terms.pop(self.registered_name)}
        return hint if self.clock.phase == 0 else terms

    def phases(self) -> list[Phase]:
        """One, or the hint and what follows it."""
        if self.config.stages == "joint":
            return super().phases()
        return [Phase(name, share) for name, share in zip(("hint", "distil"), self.config.shares, strict=True)]
