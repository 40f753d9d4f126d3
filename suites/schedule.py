"""When in a run a learning rate is what, and where its parts end.

Schedules are pure functions of the position in the run, in fractions of it, so that a run with another number of
epochs keeps the schedule's shape. "Drop at 0.3 of 200" means that epochs 0..59 use the old rate (recipes of the
papers count from 0).
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Self

ScheduleKind = Literal["multistep", "cosine", "onecycle", "poly"]


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """Factor on the learning rate: `multistep` multiplies by `drop` at each milestone, `cosine` falls to 0 in steps of
    an epoch, `onecycle` rises linearly to 1 at `peak` and falls linearly to 0, `poly` is (1 - epoch / epochs)^0.9.

    However short a run, its first epoch is one of the full rate. `first_epoch` says that this moved a milestone, since
    older releases began such a run at the lower rate, which was another run.
    """

    kind: ScheduleKind
    milestones: tuple[float, ...] = ()  # fractions of the run
    drop: float = 0.1
    peak: float = 0.3  # fraction of the run
    first_epoch: Literal["full"] | None = None

    def factor(self, epochs_done: float, epochs: int) -> float:
        """Factor at a position of a run: `epochs_done` counts finished epochs and the part of the current one."""
        epoch = int(epochs_done)
        if self.kind == "multistep":
            return self.drop ** sum(epoch >= max(1, round(m * epochs)) for m in self.milestones)
        if self.kind == "cosine":
            return (1 + math.cos(math.pi * epoch / epochs)) / 2
        if self.kind == "poly":
            return (1 - epoch / epochs) ** 0.9
        progress = epochs_done / epochs
        return progress / self.peak if progress < self.peak else (1 - progress) / (1 - self.peak)

    def over(self, lengths: Iterable[int]) -> Self:
        """The schedule as it is played over parts of a run, of so many epochs each."""
        moved = self.kind == "multistep" and any(round(m * n) == 0 for n in lengths for m in self.milestones)
        return replace(self, first_epoch="full") if moved else self


def ends(shares: Sequence[float], epochs: int) -> list[int]:
    """The epochs behind which the parts of a run end, by their shares. However short the run, none is empty; where
    there are fewer epochs than parts, the last ones are."""
    found: list[int] = []
    for number in range(1, len(shares) + 1):
        # Ends as shares of the whole, so that rounding one part does not push the next.
        first, end = found[-1] if found else 0, round(sum(shares[:number]) * epochs)
        latest = epochs - (len(shares) - number)  # leaves an epoch for each part that is still to come
        found.append(min(max(end, first + 1), latest))
    return found
