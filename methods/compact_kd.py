"""Compact structure learning by distillation: widths are learned block by block under a budget, then cut out.

compact_kd (interpretation). Ahmed, Zunino, Morerio, Murino, "Compact CNN structure learning by knowledge distillation",
ICPR 2020, arXiv:2104.09191. Known of it are distillation from the original network and a block-wise optimisation under
a budget of operations or parameters. Everything else is our own, after MorphNet (arXiv:1711.06798) and network slimming
(arXiv:1708.06519): L1 on the scales of batch norms by a proximal step, weighted by what a channel costs, with a
multiplier a block that follows the gap to the budget. No number made with this file is a reproduction.

Searched are the channels inside of blocks: those behind a batch norm that no sum ties, outside of stem and classifier.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, fx, nn

from cheapconv.catalog import register
from cheapconv.catalog.numbers import ProperShare, Rate, Temperature, Weight
from cheapconv.methods.base import Batch, Build, Context, Cost, ParamGroup, Phase
from cheapconv.methods.kd import soft_target_loss
from cheapconv.methods.losses import cross_entropy
from cheapconv.methods.parts import size_target
from cheapconv.methods.parts.channels import ChannelGroup, Channels, resize, structure_of, total
from cheapconv.methods.parts.removable import require_removable
from cheapconv.methods.parts.restructured import Restructured
from cheapconv.methods.parts.size_target import SizeTarget

FIRST, LOWEST, HIGHEST, SPEED = 1e-4, 1e-6, 5e-2, 0.4  # of the multipliers


@torch.no_grad()
def shrink(scale: Tensor, by: float | Tensor) -> None:
    """gamma <- sign(gamma) max(|gamma| - by, 0), in place: the proximal step of by |gamma|."""
    scale.copy_(scale.sign() * (scale.abs() - by).clamp(min=0))


def next_multiplier(multiplier: float, gap: float, share: float) -> float:
    """lambda exp(0.4 gap share) in [1e-6, 5e-2]: up while the network costs too much, most where a block is whole."""
    change = torch.tensor(SPEED * min(max(gap, -0.5), 1.0) * share).exp().item()
    return min(max(multiplier * change, LOWEST), HIGHEST)


@register("method", "compact_kd", paper="Ahmed et al. 2020, arXiv:2104.09191 (interpretation)")
class CompactKD(Restructured):
    """Learns how many channels each block needs while it is taught, cuts the others and goes on (interpretation)."""

    needs_teacher = True
    soft_labels = True

    @dataclass(frozen=True, kw_only=True)
    class Config(SizeTarget):
        """L = ce_weight CE(s, y) + kd_weight T^2 KL(p_t^T || p_s^T); after every step of the search also
        gamma <- prox(gamma, lr lambda_b c_g), c_g the cost of a channel of group g over the mean. The search takes
        60 of 240 epochs from 0.01 (played down by the recipe's schedule), the fine-tuning the others from 0.05. The
        student starts from the teacher's weights where the two are the same network. `finetune_from`: the weights
        found, or the same channels of a `fresh` network."""

        temperature: Temperature = 4.0
        ce_weight: Weight = 0.1
        kd_weight: Weight = 0.9
        search_share: ProperShare = 0.25
        search_lr: Rate | None = 0.01
        finetune_lr: Rate | None = 0.05
        finetune_from: Literal["weights", "fresh"] = "weights"

        @property
        def shares(self) -> tuple[float, ...]:
            """Of the search, and of the training of what it has found."""
            return self.search_share, 1 - self.search_share

    multipliers: Tensor  # one a block
    prices: Tensor  # one a group of channels

    def __init__(self, build: Build, config: Config) -> None:
        super().__init__(build, config)
        self.student = build.network()
        self.teacher = build.teacher()
        start_from(self.student, build.teacher(copy=True))
        self._build = build
        channels = Channels(self.student, build.image, sums=False)
        self._searched = [
            g for g in channels.groups if g.name.startswith("stage_modules.") and _scale_name(g, self.student)
        ]
        if not self._searched:
            raise ValueError("compact_kd finds no channels behind a batch norm inside of the blocks of this network")
        self._scales = [str(_scale_name(group, self.student)) for group in self._searched]
        blocks = [block_of(group.name, self.student) for group in self._searched]
        names = [*dict.fromkeys(blocks)]
        self._block_numbers = [names.index(block) for block in blocks]
        self._model = CostModel(channels, self._searched, blocks, config.cost)
        self._whole = build.cost(config.cost, self.student)
        self._rest = self._whole - self._model.cost(self._model.sizes)
        self._limit = size_target.number(config, build, self._whole)
        self.register_buffer("multipliers", torch.full((len(names),), FIRST))
        self.register_buffer("prices", torch.tensor(self._model.prices(self._model.sizes)))

    def losses(self, batch: Batch, update: int = 0) -> dict[str, Tensor]:
        """Cross-entropy and distillation."""
        c = self.config
        student, teacher = self.student(batch.x), self.teacher(batch.x)
        return {
            "ce": c.ce_weight * cross_entropy(student, batch.y),
            "kd": c.kd_weight * soft_target_loss(student, teacher, c.temperature, "batchmean"),
        }

    def foresee(self) -> None:
        """Refuse a network whose channels cannot be cut, and a budget that the least number of them exceeds."""
        names, kind = {group.name for group in self._searched}, self.config.cost
        require_removable(self.student, self._build, kind, self._limit, lambda g: g.name in names, sums=False)

    def phases(self) -> list[Phase]:
        """The search, and the training of what it has found."""
        c = self.config
        search, finetune = c.shares
        return [Phase("search", search, lr=c.search_lr), Phase("finetune", finetune, self._cut, c.finetune_lr)]

    def param_groups(self) -> list[ParamGroup]:
        """In the search, the searched scales have no weight decay: they have their L1."""
        if self.clock.phase > 0:
            return super().param_groups()
        searched = self._gammas()
        known = {id(p) for p in searched}
        others = [p for p in self.parameters() if p.requires_grad and id(p) not in known]
        return [{"params": others}, {"params": searched, "weight_decay": 0.0}]

    def after_update(self) -> None:
        """The proximal step of the search."""
        if self.clock.phase == 0:
            for scale, block, price in zip(self._gammas(), self._block_numbers, self.prices, strict=True):
                shrink(scale, self.clock.lr * self.multipliers[block] * price)

    def end_epoch(self, context: Context) -> None:
        """In the search, set multipliers and prices by the channels that are alive."""
        if self.clock.phase > 0:
            return
        alive = [int((scale != 0).sum()) for scale in self._gammas()]
        gap = (self._rest + self._model.cost(alive) - self._limit) / (self._whole - self._limit)
        use = self._model.block_use(alive)
        mean = sum(use) / len(use)
        for number, (old, own) in enumerate(zip(self.multipliers.tolist(), use, strict=True)):
            self.multipliers[number] = next_multiplier(old, gap, own / mean if mean else 0.0)
        self.prices.copy_(torch.tensor(self._model.prices([max(n, 1) for n in alive])))

    def _cut(self, context: Context) -> None:
        """Remove the channels with the smallest |gamma| / price over all blocks until the budget is met."""
        scores = [
            (scale.abs() / price).detach().double().cpu().view(group.step, -1).mean(dim=0)
            for scale, price, group in zip(self._gammas(), self.prices, self._searched, strict=True)
        ]

        def cost_of(units: Sequence[int]) -> float:
            kept = [n * group.step for n, group in zip(units, self._searched, strict=True)]
            return self._rest + self._model.cost(kept)

        units = size_target.units_to_remove(scores, [g.least() for g in self._searched], cost_of, self._limit)
        expected = cost_of([g.units - len(gone) for g, gone in zip(self._searched, units, strict=True)])
        if self.config.finetune_from == "fresh":
            self.student = self._build.network()
        channels = Channels(self.student, self._build.image, sums=False)
        gone = {group.name: removed for group, removed in zip(self._searched, units, strict=True)}
        channels.remove([gone.get(group.name, []) for group in channels.groups])
        self._structure = structure_of(self.student, self._build.image)
        resize(self.student, self._structure)  # for the lists of widths that a network keeps
        assert self._build.cost(self.config.cost, self.student) == expected

    def _gammas(self) -> list[nn.Parameter]:
        return [self.student.get_parameter(f"{name}.weight") for name in self._scales]


class CostModel:
    """What the searched channels cost, of the whole network and of each block."""

    def __init__(self, channels: Channels, searched: Sequence[ChannelGroup], blocks: Sequence[str], kind: Cost) -> None:
        self._all_sizes, self._layers, self._kind = channels.sizes, channels.layers, kind
        self._numbers = [channels.groups.index(group) for group in searched]
        self._inside = {
            block: [layer for layer in channels.layers if layer.name.startswith(f"{block}.")]
            for block in dict.fromkeys(blocks)
        }
        self.sizes = [group.size for group in searched]

    def cost(self, kept: Sequence[int]) -> int:
        """Of all layers that touch a group of channels, with `kept` channels of the searched ones."""
        return total(self._layers, self._kind, self._all(kept))

    def prices(self, kept: Sequence[int]) -> list[float]:
        """What a channel of each group costs at these widths, over the mean of all channels."""
        whole = self.cost(kept)
        single = [whole - self.cost([n - (i == j) for j, n in enumerate(kept)]) for i in range(len(kept))]
        mean = sum(n * price for n, price in zip(kept, single, strict=True)) / sum(kept)
        return [price / mean for price in single]

    def block_use(self, kept: Sequence[int]) -> list[float]:
        """Cost of each block over its cost with all channels."""
        sizes, now = self._all(self.sizes), self._all(kept)
        return [total(layers, self._kind, now) / total(layers, self._kind, sizes) for layers in self._inside.values()]

    def _all(self, kept: Sequence[int]) -> list[int]:
        """The channels of every group, all of those that are not searched."""
        sizes = [*self._all_sizes]
        for number, n in zip(self._numbers, kept, strict=True):
            sizes[number] = n
        return sizes


def block_of(layer: str, network: nn.Module) -> str:
    """The outermost module around a layer that is no plain sequence; a stage, where there is none (VGG)."""
    parts = layer.split(".")
    outer = [".".join(parts[:end]) for end in range(1, len(parts))]
    plain = (nn.Sequential, nn.ModuleList, fx.GraphModule)
    return next((name for name in outer if not isinstance(network.get_submodule(name), plain)), ".".join(parts[:2]))


def start_from(student: nn.Module, teacher: nn.Module) -> None:
    """Give the student the teacher's weights if all of their shapes agree."""
    own, others = student.state_dict(), teacher.state_dict()
    if own.keys() == others.keys() and all(own[name].shape == others[name].shape for name in own):
        student.load_state_dict(others)


def _scale_name(group: ChannelGroup, network: nn.Module) -> str | None:
    """The batch norm nearest to the group's readers, whose scale can silence a channel; None if there is none."""
    norms = {member.layer for member in group.members if member.side == "norm"}
    in_order = [name for name, _ in network.named_modules() if name in norms]
    return in_order[-1] if in_order else None
