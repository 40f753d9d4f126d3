"""Scores and flaws of every network of a method, on the whole test set and on what is held out for validation.

The samples are made once for all methods that are examined side by side: photographs have to be decoded. The counts of
all batches and networks are summed on the device and read once at the end: no batch waits for it.
"""

import itertools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from cheapconv.engine.train import ranks
from cheapconv.engine.train.precision import autocast
from cheapconv.methods.base import Method
from cheapconv.suites.base import SPLITS, Data, Split
from cheapconv.suites.place import Place
from cheapconv.suites.recipe import Recipe
from cheapconv.suites.task import Flaw, Task

Scores = dict[str, dict[str, float]]  # by network and name of the score
Mistakes = dict[str, Tensor]  # by network (N,) int32 on the CPU: `Task.mistakes` of the test set, in its order


class Evaluation(NamedTuple):
    """Scores by split, nothing for a split without samples; by network what is wrong with its answers to the test set,
    nothing for one without a flaw; and which of these answers are mistakes, nothing where a task has more than one."""

    scores: dict[Split, Scores]
    flaws: dict[str, Flaw]
    mistakes: Mistakes


def samples(data: Data, recipe: Recipe) -> Iterator[tuple[Split, Tensor, Tensor]]:
    """All batches of all splits that have any."""
    for split in SPLITS:
        if data.size(split):
            for x, y in data.split(split, recipe):
                yield split, x, y


class Examination:
    """A method's networks while they answer the samples. It is in eval mode from the beginning to `end`."""

    def __init__(self, method: Method, recipe: Recipe, task: Task, place: Place) -> None:
        self._method, self._recipe, self._task, self._place = method, recipe, task, place
        method.eval()
        # A network may lie outside of the method's module tree, so it is set to eval mode itself.
        self._networks = {trained.name: trained.network.eval() for trained in method.networks()}
        self._totals: dict[Split, list[Tensor]] = {}  # the task's counts of each network, on the device
        self._mistakes: dict[str, list[Tensor]] = {}  # of each network by batch, there too

    @torch.no_grad()
    def answer(self, split: Split, x: Tensor, y: Tensor) -> None:
        """One batch, in the recipe's precision."""
        with autocast(x.device, self._recipe.precision):
            answers = [network(x) for network in self._networks.values()]
        found = [self._task.tally(logits, y) for logits in answers]  # what is counted is counted in full precision
        totals = self._totals.get(split)
        self._totals[split] = [t + f for t, f in zip(totals, found, strict=True)] if totals else found
        if split == "test":
            for name, logits in zip(self._networks, answers, strict=True):
                if (mistaken := self._task.mistakes(logits, y)) is not None:
                    self._mistakes.setdefault(name, []).append(mistaken.int())

    def end(self) -> Evaluation:
        """What was found. The method is back in train mode afterwards."""
        self._method.train()  # networks outside of it stay in eval mode: a frozen teacher never leaves it
        found = [row for rows in self._totals.values() for row in rows]
        rows = iter(torch.stack(found).cpu() if found else ())  # the one wait
        own = {split: {name: next(rows) for name in self._networks} for split in self._totals}
        counts: dict[Split, dict[str, Tensor]] = {}
        for part in ranks.collected(self._place, own):  # several processes have other samples each
            for split, more in part.items():
                sums = counts.get(split)
                counts[split] = {name: sums[name] + more[name] for name in more} if sums else more
        assert "test" in counts, "there are no samples to test"
        scores = {split: {n: self._task.scores(row) for n, row in own.items()} for split, own in counts.items()}
        flaws = {name: flaw for name, row in counts["test"].items() if (flaw := self._task.flaw(row))}
        return Evaluation(scores, flaws, self._all_mistakes())

    def _all_mistakes(self) -> Mistakes:
        """Those of all processes, in the order of the test set."""
        own = {  # read at once, and told as one tensor: a view of it would bring all of it
            name: (torch.cat(batches).cpu(), [*map(len, batches)]) for name, batches in self._mistakes.items()
        }
        parts = ranks.collected(self._place, own)
        nothing = torch.empty(0, dtype=torch.int32), list[int]()
        every = {name: [part.get(name, nothing) for part in parts] for name in parts[0]}
        return {name: in_turn([found.split(lengths) for found, lengths in told]) for name, told in every.items()}


def in_turn(parts: Sequence[Sequence[Tensor]]) -> Tensor:
    """(N,) of the batches of places that take turns: first the first one of each, then the second ones."""
    turns = itertools.zip_longest(*parts)
    return torch.cat([batch for turn in turns for batch in turn if batch is not None])
