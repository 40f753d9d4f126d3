"""Scores and flaws of every network of a method, on the whole test set and on what is held out for validation.

The counts of all batches and networks are summed on the device and read once at the end: no batch waits for it.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

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


def evaluate(method: Method, data: Data, recipe: Recipe, task: Task) -> Evaluation:
    """All networks on all splits. The method is back in train mode afterwards."""
    method.eval()
    splits = [split for split in SPLITS if data.size(split)]
    # A network may lie outside of the method's module tree, so it is set to eval mode itself.
    networks = {trained.name: trained.network.eval() for trained in method.networks()}
    counted = [row for split in splits for row in tallies([*networks.values()], data, split, recipe, task)]
    method.train()  # networks outside of it stay in eval mode: a frozen teacher never leaves it
    rows = iter(torch.stack(counted).cpu())  # the one wait for the device
    counts = {split: {name: next(rows) for name in networks} for split in splits}
    scores = {split: {name: task.scores(row) for name, row in own.items()} for split, own in counts.items()}
    return Evaluation(scores, {name: flaw for name, row in counts["test"].items() if (flaw := task.flaw(row))})


@torch.no_grad()
def tallies(networks: Sequence[nn.Module], data: Data, split: Split, recipe: Recipe, task: Task) -> list[Tensor]:
    """The task's counts of each network over all samples of a split, on the device, in the recipe's precision."""
    totals: list[Tensor] = []
    for x, y in data.split(split, recipe):  # once for all of them: it may have to be read from a disk
        with autocast(x.device, recipe.precision):
            answers = [network(x) for network in networks]  # what is counted is counted in full precision
        found = [task.tally(logits, y) for logits in answers]
        totals = [total + new for total, new in zip(totals, found, strict=True)] if totals else found
    assert totals, f"there are no samples to {split}"
    return totals
