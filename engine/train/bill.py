"""What a training costs, second by second: its own work, and its part of what was done once for several.

A row's price is what it would cost alone: its own steps, every batch that it saw and every pass of its teacher, as they
were timed, whoever had them made. What was really spent on it stands beside: of what k trainings share, a k-th.

On a GPU work is handed over and not waited for, so a mark is an event of its stream, and is read when the device is
through.
"""

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import torch

Item = Literal["epoch_steps_s", "epoch_method_s"]
Mark = float | torch.cuda.Event


def mark(device: torch.device) -> Mark:
    """Now, in the order of what the device is asked to do."""
    if device.type != "cuda":
        return time.perf_counter()
    event = torch.cuda.Event(enable_timing=True)
    event.record(torch.cuda.current_stream(device))
    return event


@dataclass
class Span:
    """A piece of work, from its first mark to its second."""

    begun: Mark
    ended: Mark | None = None

    @property
    def over(self) -> bool:
        """Whether the device is through with it."""
        return not isinstance(self.ended, torch.cuda.Event) or self.ended.query()

    @property
    def seconds(self) -> float:
        """How long it took; on a GPU only once the device is through with it."""
        assert self.ended is not None, "a span is read when it has ended"
        if isinstance(self.begun, torch.cuda.Event):
            assert isinstance(self.ended, torch.cuda.Event)
            return self.begun.elapsed_time(self.ended) / 1000  # of milliseconds
        assert isinstance(self.ended, float)
        return self.ended - self.begun


class Charge(NamedTuple):
    """A span on somebody's bill: which shares of it count as the price alone, and as what was spent."""

    item: Item
    span: Span
    alone: float
    spent: float


@dataclass
class Bill:
    """The charges of a training that were not added up yet."""

    device: torch.device
    charges: list[Charge] = field(default_factory=list)

    @contextlib.contextmanager
    def timed(self, item: Item) -> Iterator[Span]:
        """Charge what is done within it. What raises is not billed: it ends the training."""
        span = Span(mark(self.device))
        yield span
        span.ended = mark(self.device)
        self.charge(item, span)

    def charge(self, item: Item, span: Span, alone: float = 1.0, spent: float = 1.0) -> None:
        """Put a share of a span on the bill."""
        self.charges.append(Charge(item, span, alone, spent))

    def settle(self) -> dict[str, float]:
        """Add up and begin anew: seconds alone by item, and `epoch_spent_s`. The device is through with all of it."""
        sums = {"epoch_steps_s": 0.0, "epoch_method_s": 0.0, "epoch_spent_s": 0.0}
        for item, span, alone, spent in self.charges:
            seconds = span.seconds
            sums[item] += alone * seconds
            sums["epoch_spent_s"] += spent * seconds
        self.charges = []
        return sums


@dataclass
class Shared:
    """A span that several may use: one has had it made, and is charged with it as a part of its own work already."""

    span: Span
    maker: Bill | None = None  # None: made for all of them
    users: list[Bill] = field(default_factory=list)
    paid: bool = False

    def use(self, bill: Bill) -> None:
        """Note who takes what was made, once."""
        if not any(bill is user for user in self.users):
            self.users.append(bill)

    def divide(self) -> None:
        """Charge those who used it since the last time; only the first of these times does anybody pay for it."""
        share = 1 / len(self.users) if self.users and not self.paid else 0.0
        for user in self.users:
            if user is self.maker:  # its step has the span in it
                user.charge("epoch_steps_s", self.span, alone=0.0, spent=share - 1.0)
            else:
                user.charge("epoch_steps_s", self.span, alone=1.0, spent=share)
        self.paid = self.paid or bool(self.users)
        self.users, self.maker = [], None
