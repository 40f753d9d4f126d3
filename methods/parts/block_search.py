"""Candidates of a search for one conv per block: drawn at random, within a budget, as texts `mixed(...)`.

Turner, Crowley, O'Boyle, Storkey, Gray, "BlockSwap: Fisher-guided block substitution for network compression on a
budget", ICLR 2020, arXiv:1906.04113, section 3: every block's conv is drawn uniformly, a network is accepted if its
cost is near the budget. What a conv costs in a block is added up, so that rejected networks are never built.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from cheapconv.catalog.errors import UserError
from cheapconv.methods.base import Build, Cost

DRAWS, BLOCK = 2_000_000, 20_000  # draws before the search gives up, and how many are looked at together

POOL = (
    "standard",
    *(f"bottleneck(b={b})" for b in (2, 4)),
    *(f"group(groups={g})" for g in (2, 4, 8, 16)),
    *(f"group(group_width={k})" for k in (16, 8, 4, 2, 1)),
    *(f"bottleneck_group(b=2, groups={g})" for g in (2, 4, 8, 16)),
    *(f"bottleneck_group(b=2, group_width={k})" for k in (16, 8, 4, 2, 1)),
)
STANDARD = POOL[0]
NO_BLOCKS = "this architecture has no blocks that a conv can be chosen for one by one"


@dataclass(frozen=True)
class Option:
    """A conv that fits a block, and the cost of the network with it there and standard convolutions elsewhere."""

    conv: str
    cost: int


def options(build: Build, pool: Sequence[str], kind: Cost) -> list[list[Option]]:
    """For every block of the cell's architecture the convs of the pool that fit it; ValueError if it has no blocks."""
    count = build.blocks()
    if count == 0:
        raise ValueError(NO_BLOCKS)
    return [[o for conv in pool if (o := _option(build, conv, i, count, kind))] for i in range(count)]


def check_pool(build: Build, pool: Sequence[str], kind: Cost, whole: int, most: float) -> None:
    """ValueError if no choice of convs costs at most `most`. One conv for all blocks often shows that some do."""
    if any(cost <= most for conv in pool if (cost := _cost(build, conv, kind))):
        return
    low = whole + sum(min(option.cost for option in block) - whole for block in options(build, pool, kind))
    if low > most:
        raise ValueError(f"the budget, at most {most:,.0f}, cannot be met: this pool allows no less than {low:,.0f}")


def candidates(table: Sequence[Sequence[Option]], whole: int, limit: float, tolerance: float) -> Iterator[str]:
    """Conv texts of random networks whose cost is within `tolerance` of the limit, drawn from torch's generator.

    `whole` is the cost with standard convolutions. Where no draw is accepted it is the one that comes nearest under the
    limit, or the cheapest choice; ValueError, with what is possible, if that is too dear.
    """
    gains = [torch.tensor([option.cost - whole for option in block], dtype=torch.float64) for block in table]
    nearest, accepted = (0.0, ""), 0
    for _ in range(0, DRAWS, BLOCK):
        choices = [torch.randint(len(block), (BLOCK,)) for block in table]
        costs = whole + torch.stack([gain[choice] for gain, choice in zip(gains, choices, strict=True)]).sum(dim=0)
        for hit in torch.nonzero((costs / limit - 1).abs() <= tolerance).flatten().tolist():
            accepted += 1
            yield _drawn(table, choices, hit)
        best = int(torch.where(costs <= limit, costs, 0.0).argmax())
        if nearest[0] < costs[best] <= limit:
            nearest = float(costs[best]), _drawn(table, choices, best)
    if accepted:
        return
    low, high = (whole + sum(float(pick(gain)) for gain in gains) for pick in (torch.min, torch.max))
    if low > limit * (1 + tolerance):
        raise ValueError(
            f"of {DRAWS:,} random networks none is within {tolerance:.1%} of the budget of {limit:,.0f}; "
            f"this pool allows {low:,.0f} to {high:,.0f}"
        )
    yield nearest[1] or mixed([min(block, key=lambda option: option.cost).conv for block in table])


def _drawn(table: Sequence[Sequence[Option]], choices: Sequence[Tensor], position: int) -> str:
    """The conv of one of many draws."""
    return mixed([block[int(choice[position])].conv for block, choice in zip(table, choices, strict=True)])


def mixed(convs: Sequence[str]) -> str:
    """The conv that has these in its blocks."""
    return f"mixed({', '.join(repr(conv) for conv in convs)})"


def _option(build: Build, conv: str, block: int, count: int, kind: Cost) -> Option | None:
    """The conv in one block, None if its channels do not suit it."""
    convs = [STANDARD] * count
    convs[block] = conv
    cost = _cost(build, mixed(convs), kind)
    return None if cost is None else Option(conv, cost)


def _cost(build: Build, conv: str, kind: Cost) -> int | None:
    """What the cell's architecture costs with a conv; None if its channels do not suit that."""
    try:
        return build.cost(kind, conv=conv)
    except (ValueError, UserError):
        return None
