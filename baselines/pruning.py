"""What the pruning baselines share: train, remove whole channels to a budget, train what is left.

The groups of channels are those of DepGraph (Fang et al., CVPR 2023, arXiv:2301.12900, with Torch-Pruning), ranked over
the whole network. Deviations from its experiments: the scores are computed anew in `rounds` rounds instead of 400, the
budget is met from below, within 2 % where the costs of the channels allow it, and training and fine-tuning share the
epochs of the recipe, so that a pruned network has not been trained for longer than any other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from cheapconv.baselines.scratch import Scratch
from cheapconv.catalog.numbers import Count, ProperShare, Rate
from cheapconv.methods.base import Build, Context, Phase
from cheapconv.methods.parts import size_target
from cheapconv.methods.parts.channels import ChannelGroup, Channels, Member, structure_of
from cheapconv.methods.parts.removable import require_removable
from cheapconv.methods.parts.restructured import Restructured
from cheapconv.methods.parts.size_target import SizeTarget


class Pruning(Restructured, Scratch):
    """Base class: a subclass says how channels are scored."""

    is_baseline = False  # the gap that distillation recovers starts at the network as it is
    sums: ClassVar[bool] = True  # whether channels that sums tie are removed too

    @dataclass(frozen=True, kw_only=True)
    class Config(SizeTarget):
        """`finetune_share` of the epochs follows the pruning, from `finetune_lr` (null: the recipe's rate); 1/3 and
        0.01 are DepGraph's 100 epochs after 200."""

        finetune_share: ProperShare = 1 / 3
        finetune_lr: Rate | None = 0.01
        rounds: Count = 10

        @property
        def shares(self) -> tuple[float, ...]:
            """Of the training, and of the fine-tuning."""
            return 1 - self.finetune_share, self.finetune_share

    def __init__(self, build: Build, config: Config) -> None:
        super().__init__(build, config)
        self._build = build
        size_target.number(config, build, build.cost(config.cost))  # refuses a budget that is none, before training
        self._least: dict[str, int] = {}

    def foresee(self) -> None:
        """Refuse a network whose channels cannot be cut, and a budget that the least number of them exceeds."""
        c = self.config
        limit = size_target.number(c, self._build, self._build.cost(c.cost))
        require_removable(self.student, self._build, c.cost, limit, self.removes, sums=self.sums)

    def removes(self, group: ChannelGroup) -> bool:
        """Whether channels of a group may go; else it is left whole."""
        return True

    def score(self, group: ChannelGroup, context: Context) -> Tensor:
        """Importance (size,) of the channels of a group that may go."""
        raise NotImplementedError

    def prepare(self, context: Context) -> None:
        """Called before the scores of a round are asked for."""

    def phases(self) -> list[Phase]:
        """Training, and fine-tuning of what is left."""
        train, finetune = self.config.shares
        return [Phase("train", train), Phase("finetune", finetune, self._prune, self.config.finetune_lr)]

    def weights(self, member: Member) -> Tensor:
        """The weights (size, n) of every channel of one side of a layer."""
        return by_channel(self.student.get_parameter(f"{member.layer}.weight"), self.student, member)

    def _prune(self, context: Context) -> None:
        """Remove channels in rounds, each by the same factor, down to the budget."""
        c = self.config
        whole = self._build.cost(c.cost, self.student)
        limit = size_target.number(c, self._build, whole)
        for number in range(1, c.rounds + 1):
            self._round(context, whole * (limit / whole) ** (number / c.rounds), last=number == c.rounds)
        self._structure = structure_of(self.student, self._build.image)
        self.student.channels, self.student.features = self._structure["channels"], self._structure["features"]
        left = self._build.cost(c.cost, self.student)
        assert left <= limit * (1 + size_target.ROUNDING), (left, limit)

    def _round(self, context: Context, limit: float, last: bool) -> None:
        c = self.config
        self.prepare(context)
        channels = Channels(self.student, self._build.image, sums=self.sums)
        scores = [self._unit_scores(group, context) for group in channels.groups]
        rest = self._build.cost(c.cost, self.student) - channels.cost(c.cost, channels.sizes)
        for group in channels.groups:
            self._least.setdefault(group.name, group.least())
        fewest = [max(self._least[g.name], 0 if last else g.least(again=True)) for g in channels.groups]
        least = [number if len(s) else 0 for number, s in zip(fewest, scores, strict=True)]

        def cost_of(kept: Sequence[int]) -> int:
            sizes = [n * g.step if len(s) else g.size for n, g, s in zip(kept, channels.groups, scores, strict=True)]
            return rest + channels.cost(c.cost, sizes)

        channels.remove(
            size_target.units_to_remove(scores, least, cost_of, limit, size_target.TOLERANCE if last else 1.0)
        )

    def _unit_scores(self, group: ChannelGroup, context: Context) -> Tensor:
        """Mean score (units,) of the channels of every unit; none where the group is left whole."""
        if not self.removes(group):
            return torch.empty(0)
        return self.score(group, context).detach().double().cpu().view(group.step, -1).mean(dim=0)


def by_channel(weight: Tensor, network: nn.Module, member: Member) -> Tensor:
    """The parts (size, n) of a weight, or of its gradient, that belong to each channel of one side of its layer."""
    if member.side != "in":
        return weight.reshape(len(weight), -1)
    groups = getattr(network.get_submodule(member.layer), "groups", 1)
    parts = [part.transpose(0, 1).flatten(1) for part in weight.chunk(groups)]  # (channels of the group, n) each
    return torch.cat(parts)


def normalised(scores: Sequence[Tensor]) -> Tensor:
    """Mean over the members of a group, divided by its mean over the channels."""
    mean = torch.stack([*scores]).mean(dim=0)
    return mean / mean.mean().clamp(min=1e-12)
