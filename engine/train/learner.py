"""Forward, backward and optimiser on one batch: as a whole, in parts one after the other, or as one of the processes
that have a share each.

Every part counts by its samples, so that the gradient is that of the whole batch. A ghost batch (Hoffer, Hubara and
Soudry, "Train longer, generalize better", NeurIPS 2017, arXiv:1705.08741) is normalised by its own statistics:
`ghost_batches` of a recipe are the same parts, in one process that has less memory or in as many as divide their
number.
"""

import contextlib
import warnings
from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.parallel import DistributedDataParallel
from torch.optim import Optimizer

from cheapconv.engine.train import ranks
from cheapconv.engine.train.captured import Terms
from cheapconv.engine.train.precision import autocast, compiled
from cheapconv.engine.train.promises import require_terms
from cheapconv.methods.base import Method
from cheapconv.models.build import over_all_processes
from cheapconv.suites.base import Batch, Data
from cheapconv.suites.place import Place
from cheapconv.suites.recipe import Recipe
from cheapconv.suites.task import Task


class Learner:
    """Lets a method learn from batches."""

    def __init__(self, method: Method, recipe: Recipe, place: Place, compile_method: bool = False) -> None:
        self._method, self._recipe, self._place = method, recipe, place
        self._forward: Callable[..., dict[str, Tensor]] = compiled(method) if compile_method else method
        self._shared: DistributedDataParallel | None = None
        self._parts = (recipe.ghost_batches or place.world) // place.world
        self._looked_at = set[int]()  # updates of this phase whose terms were
        if place.world > 1:
            method.gather = ranks.Gather(place)

    def begin_phase(self) -> None:
        """The method has the parameters of a phase now: they are watched for gradients anew."""
        self._looked_at.clear()
        if self._place.world == 1 or not self._method.trains:
            return
        self._shared, self._forward = None, self._method  # first: what has watched lets go of the parameters
        if self._recipe.ghost_batches is None:
            over_all_processes(self._method)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # of the buffers, by a name that older versions lack
            # A method's updates, and its phases, need not use every parameter. Buffers are alike, or averaged.
            self._shared = DistributedDataParallel(self._method, find_unused_parameters=True, broadcast_buffers=False)
        self._forward = self._shared

    def __call__(self, optimiser: Optimizer, batch: Batch) -> Terms:
        """Learn as often as the method updates on a batch: work for the device alone, which may be recorded and played
        on other batches. The loss terms of each update, means over this place's samples."""
        updates: Terms = []
        for update in range(self._method.updates_per_batch):
            optimiser.zero_grad(set_to_none=True)  # None, so that a parameter without a loss is left alone
            if self._parts == 1:
                updates.append(self._part(batch, update))
            else:
                updates.append(self._in_parts(batch, update))
            optimiser.step()
            self._method.after_update()  # each update its own: proximal steps belong to a step, not to a batch
        return updates

    def _part(self, batch: Batch, update: int) -> dict[str, Tensor]:
        """Forward and backward; the loss terms."""
        with autocast(self._place.device, self._recipe.precision):
            terms = self._forward(batch, update)
        if update not in self._looked_at:
            require_terms(self._method, terms)
            self._looked_at.add(update)
        loss = torch.stack([*terms.values()]).sum()
        if batch.whole is not None:
            loss = loss * (self._place.world * len(batch.y) / batch.whole)  # DDP takes the mean over its processes
        loss.backward()  # one backward for all: networks share maps
        return {name: term.detach() for name, term in terms.items()}

    def _in_parts(self, batch: Batch, update: int) -> dict[str, Tensor]:
        """The same of a batch in parts, whose gradients add up. Each begins with the running statistics that there were
        before the batch, which move to the mean of what the parts make of them."""
        sums: dict[str, Tensor] = {}
        norms = [module for module in self._method.modules() if isinstance(module, _BatchNorm)]
        kept = [buffer for norm in norms for buffer in norm.buffers()]  # running statistics, and counts of batches
        before = [buffer.clone() for buffer in kept]
        moves = [torch.zeros_like(buffer) for buffer in kept]
        for number in range(self._parts):
            last = number + 1 == self._parts
            part = batch.part(number, self._parts)
            _copy(before, kept)
            with contextlib.nullcontext() if last or self._shared is None else self._shared.no_sync():
                terms = self._part(part, update)
            for name, term in terms.items():
                sums[name] = sums.get(name, 0) + term * (len(part.y) / len(batch.y))
            for move, now, then in zip(moves, kept, before, strict=True):
                move += now - then
        _copy([then + (move / self._parts).to(then.dtype) for then, move in zip(before, moves, strict=True)], kept)
        return sums


def _copy(values: Sequence[Tensor], into: Sequence[Tensor]) -> None:
    for value, tensor in zip(values, into, strict=True):
        tensor.copy_(value)


def require_parts(method: Method, task: Task, ghosts: bool) -> None:
    """ValueError, in a sentence, where parts of a batch, or ghosts, are not what the whole of it is to the losses."""
    if task.answers == "pixel":
        raise ValueError(
            "its loss is a mean over the pixels that count, of which parts of a batch have different numbers: leave "
            "out gpus and ghost_batches"
        )
    if ghosts and method.couples_samples:
        raise ValueError("it compares the samples of a batch with one another, which ghost_batches would part")


def require_divisible(method: Method, data: Data, recipe: Recipe, task: Task, place: Place) -> None:
    """ValueError, in a sentence, where a batch cannot be learnt from in parts or by several processes."""
    parts = recipe.ghost_batches or place.world
    if parts == 1 or not method.trains:
        return
    require_parts(method, task, ghosts=recipe.ghost_batches is not None)
    if parts % place.world:
        raise ValueError(f"{parts} ghost batches cannot be shared by {place.world} processes equally: choose a divisor")
    steps = data.steps(recipe)
    least = min(recipe.batch, data.samples - (steps - 1) * recipe.batch)
    needed = parts if recipe.ghost_batches is None else 2 * parts  # there are no statistics of one sample
    if least < needed:
        raise ValueError(
            f"an epoch has a batch of {least} samples, which cannot be parted into {parts}: choose another batch, or "
            "fewer processes or ghost_batches"
        )
