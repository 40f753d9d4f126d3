"""Scores and flaws of every network of a method, on the whole test set and on what is held out for validation.

The samples are made once for all methods that are examined side by side: photographs have to be decoded. The counts of
all batches and networks are summed on the device and read once at the end: no batch waits for it.
"""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from cheapconv.engine.train.precision import autocast
from cheapconv.methods.base import Method
from cheapconv.suites.base import SPLITS, Data, Split
from cheapconv.suites.recipe import Recipe
from cheapconv.suites.task import Flaw, Task

Scores = dict[str, dict[str, float]]  # by network and name of the score


class Evaluation(NamedTuple):
    """Scores by split, nothing for a split without samples; and by network what is wrong with its answers to the
    test set, nothing for one without a flaw."""

    scores: dict[Split, Scores]
    flaws: dict[str, Flaw]


def samples(data: Data, recipe: Recipe) -> Iterator[tuple[Split, Tensor, Tensor]]:
    """All batches of all splits that have any."""
    for split in SPLITS:
        if data.size(split):
            for x, y in data.split(split, recipe):
                yield split, x, y


class Examination:
    """A method's networks while they answer the samples. It is in eval mode from the beginning to `end`."""

    def __init__(self, method: Method, recipe: Recipe, task: Task) -> None:
        self._method, self._recipe, self._task = method, recipe, task
        method.eval()
        # A network may lie outside of the method's module tree, so it is set to eval mode itself.
        self._networks = {trained.name: trained.network.eval() for trained in method.networks()}
        self._totals: dict[Split, list[Tensor]] = {}  # the task's counts of each network, on the device

    @torch.no_grad()
    def answer(self, split: Split, x: Tensor, y: Tensor) -> None:
        """One batch, in the recipe's precision."""
        with autocast(x.device, self._recipe.precision):
            answers = [network(x) for network in self._networks.values()]
        found = [self._task.tally(logits, y) for logits in answers]  # what is counted is counted in full precision
        totals = self._totals.get(split)
        self._totals[split] = [t + f for t, f in zip(totals, found, strict=True)] if totals else found

    def end(self) -> Evaluation:
        """What was found. The method is back in train mode afterwards."""
        self._method.train()  # networks outside of it stay in eval mode: a frozen teacher never leaves it
        assert "test" in self._totals, "there are no samples to test"
        rows = iter(torch.stack([row for rows in self._totals.values() for row in rows]).cpu())  # the one wait
        counts = {split: {name: next(rows) for name in self._networks} for split in self._totals}
        scores = {split: {n: self._task.scores(row) for n, row in own.items()} for split, own in counts.items()}
        flaws = {name: flaw for name, row in counts["test"].items() if (flaw := self._task.flaw(row))}
        return Evaluation(scores, flaws)
