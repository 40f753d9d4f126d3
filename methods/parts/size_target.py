"""A budget of multiply-adds or parameters, and the choice of what to remove so that it is met."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator
from torch import Tensor

from cheapconv import catalog
from cheapconv.catalog.numbers import ProperShare, Size
from cheapconv.methods.base import Build, Cost

# Written out: two spellings are one setting.
ConvText = Annotated[str, AfterValidator(lambda conv: catalog.canonical(catalog.parse("conv", conv)))]
TOLERANCE = 0.02  # by how much a budget may be undercut if a step of the costs falls there; it is never exceeded
ROUNDING = 1e-9  # of a limit that is a product of shares


@dataclass(frozen=True, kw_only=True)
class SizeTarget:
    """Settings of the methods that make a network smaller: `keep` is the share of the multiply-adds (`cost: macs`) or
    parameters (`params`) that is left. Instead, `limit` is their number, or `like` a conv whose cost in the cell's
    architecture is the budget, as in `like: G(4)`."""

    cost: Cost = "macs"
    keep: ProperShare = 0.5
    limit: Size | None = None
    like: ConvText | None = None

    def __post_init__(self) -> None:
        if self.limit is not None and self.like is not None:
            raise ValueError("give limit or like, not both")


def number(settings: SizeTarget, build: Build, whole: int) -> float:
    """The budget of a network that costs `whole`; ValueError if that is within it already."""
    limit: float = settings.keep * whole
    if settings.limit is not None:
        limit = settings.limit
    elif settings.like is not None:
        limit = build.cost(settings.cost, conv=settings.like)
    if limit >= whole:
        raise ValueError(f"the budget is {limit:,.0f} {settings.cost}, but the network has {whole:,} to begin with")
    return limit


def check_least(least_cost: float, limit: float) -> None:
    """ValueError if a network with the least number of channels everywhere costs more than the limit."""
    if least_cost > limit:
        raise ValueError(
            f"the budget of {limit:,.0f} cannot be met: with the least number of channels everywhere "
            f"{least_cost:,.0f} are left"
        )


def units_to_remove(
    scores: Sequence[Tensor],
    least: Sequence[int],
    cost_of: Callable[[Sequence[int]], float],
    limit: float,
    tolerance: float = TOLERANCE,
) -> list[list[int]]:
    """The units of every group to remove, lowest score first over all groups, until the cost is within the limit.

    `scores[i]` has a number for each unit of group i, of which `least[i]` are kept; `cost_of(kept units)` is the cost.
    A unit whose removal would undercut the limit by more than `tolerance` is kept, unless the limit cannot be met
    otherwise: then it is the one, of the lowest in each group, that undercuts it least. ValueError, with what is
    possible, if the least number of units everywhere costs more.
    """
    ranked = sorted((float(s), i, unit) for i, group in enumerate(scores) for unit, s in enumerate(group))
    kept = [len(group) for group in scores]
    removed: list[list[int]] = [[] for _ in scores]
    now = cost_of(kept)
    for _, i, unit in ranked:
        if now <= limit:
            break
        if kept[i] <= least[i]:
            continue
        kept[i] -= 1
        then = cost_of(kept)
        if then < (1 - tolerance) * limit:
            kept[i] += 1
            continue
        now = then
        removed[i].append(unit)
    if now <= limit:
        return removed
    check_least(cost_of(least), limit * (1 + ROUNDING))
    lowest = {i: unit for _, i, unit in reversed(ranked) if unit not in removed[i] and kept[i] > least[i]}
    if lowest:  # none without which the cost is within the tolerance
        chosen = max(lowest, key=lambda i: cost_of([n - (i == j) for j, n in enumerate(kept)]))
        removed[chosen].append(lowest[chosen])
    return removed
