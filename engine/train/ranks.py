"""What the processes say to each other that train one cell together; alone, a process has nothing to say.

Rank 0 leads: it alone reads and writes the run's folder and decides what depends on the clock or the user. Everything
else each process finds out for itself, in the same order, so that all of them meet in every sum.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor, distributed, nn
from torch.nn.functional import pad
from torch.nn.modules.batchnorm import _BatchNorm

from cheapconv.methods.base import Method
from cheapconv.suites.place import Place

T = TypeVar("T")


def led(place: Place, value: T) -> T:
    """What rank 0 has for `value`."""
    if place.world == 1:
        return value
    told: list[Any] = [value]
    distributed.broadcast_object_list(told, src=0)
    return told[0]


def decided(place: Place, choice: int) -> int:
    """The same for a small number at least 0, quickly: it is asked for after every step."""
    if place.world == 1:
        return choice
    told = torch.tensor(choice)  # on the CPU: whoever is gone is noticed by it, whatever the device waits for
    distributed.broadcast(told, src=0)
    return int(told)


def summed(place: Place, numbers: Sequence[float]) -> list[float]:
    """Sums over the processes, each process bringing as many numbers."""
    if place.world == 1:
        return [*numbers]
    total = torch.tensor(numbers, dtype=torch.float64)
    distributed.all_reduce(total)
    return total.tolist()


def collected(place: Place, value: T) -> list[T]:
    """What every process has, by rank."""
    if place.world == 1:
        return [value]
    every: list[Any] = [None] * place.world
    distributed.all_gather_object(every, value)
    return every


class Sum(torch.autograd.Function):
    """Sum over the processes, which each of them gets; so each gets the gradients of all."""

    @staticmethod
    def forward(ctx: object, x: Tensor) -> Tensor:
        x = x.clone()
        distributed.all_reduce(x)
        return x

    @staticmethod
    def backward(ctx: object, gradient: Tensor) -> Tensor:
        return Sum.forward(ctx, gradient.contiguous())


@dataclass(frozen=True)
class Gather:
    """Joins tensors of a place's samples (B_r, ...) to those of all samples (B, ...), in the order of the batch. Each
    process goes on with all of them; what it has brought gets the gradients of all."""

    place: Place

    def __call__(self, own: Tensor) -> Tensor:
        world = self.place.world
        samples = int(summed(self.place, [len(own)])[0])
        longest = -(-samples // world)  # the first share's, which is padded least
        filled = pad(own, [0, 0] * (own.dim() - 1) + [0, longest - len(own)])
        apart = [filled if rank == self.place.rank else torch.zeros_like(filled) for rank in range(world)]
        every = torch.stack(apart, dim=1)  # (longest, world, ...): samples were dealt in turn
        joined = Sum.apply(every) if own.requires_grad else Sum.forward(None, every)
        return joined.flatten(0, 1)[:samples]


def level(place: Place, method: Method) -> None:
    """Give every process what rank 0 has of the method; RuntimeError where they have cut different channels.

    After the method's hooks, which each process runs on all samples: a sum that was taken in another order may have
    chosen another channel.
    """
    if place.world == 1:
        return
    structures = {json.dumps(structure, sort_keys=True) for structure in collected(place, method.structure())}
    if len(structures) > 1:
        raise RuntimeError("the processes that train this cell together have cut different channels")
    for tensor in method.state_dict().values():
        distributed.broadcast(tensor, src=0)


def average_statistics(place: Place, method: nn.Module) -> None:
    """The mean over the processes of the running statistics, where each has moved its own."""
    if place.world == 1:
        return
    for norm in (module for module in method.modules() if isinstance(module, _BatchNorm)):
        for statistic in (norm.running_mean, norm.running_var):
            if statistic is not None:
                distributed.all_reduce(statistic)
                statistic /= place.world
