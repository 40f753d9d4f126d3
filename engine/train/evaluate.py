"""Accuracy on the whole test set, weighted by samples, for every network of a method."""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cheapconv.engine.train.precision import autocast
from cheapconv.methods.base import Method
from cheapconv.suites.memory import Data, ordered_batches, test_batches
from cheapconv.suites.recipe import Recipe

TOP5_FROM_CLASSES = 100


@dataclass(frozen=True)
class Accuracy:
    """Fractions in [0, 1]; top-5 where there are at least 100 classes, validation where images are held out."""

    top1: float
    top5: float | None
    validation: float | None = None


def evaluate(method: Method, data: Data, recipe: Recipe, device: torch.device) -> dict[str, Accuracy]:
    """Accuracy of each network by name; the method is back in train mode afterwards."""
    method.eval()
    found = {t.name: accuracy(t.network.eval(), data, recipe, device) for t in method.networks()}
    method.train()
    return found


@torch.no_grad()
def accuracy(network: nn.Module, data: Data, recipe: Recipe, device: torch.device) -> Accuracy:
    """Top-1 and top-5 of one network in eval mode, in the recipe's precision."""
    top1, top5 = _top(network, test_batches(data, recipe.normalisation), data, recipe, device)
    if data.validation_x is None or data.validation_y is None:
        return Accuracy(top1, top5)
    held_out = ordered_batches(data.validation_x, data.validation_y, recipe.normalisation)
    return Accuracy(top1, top5, _top(network, held_out, data, recipe, device)[0])


def _top(
    network: nn.Module, batches: Iterable[tuple[Tensor, Tensor]], data: Data, recipe: Recipe, device: torch.device
) -> tuple[float, float | None]:
    """Top-1 and top-5 over the batches, weighted by samples."""
    ranks = 5 if len(data.class_names) >= TOP5_FROM_CLASSES else 1
    hits = torch.zeros(ranks, dtype=torch.int64, device=device)  # [k]: samples whose label is the k-th guess
    samples = 0
    for x, y in batches:
        with autocast(device, recipe.precision):
            logits = network(x)
        guesses = logits.float().topk(ranks, dim=1).indices  # (B, ranks)
        hits += (guesses == y[:, None]).sum(dim=0)
        samples += len(y)
    counts = hits.tolist()
    return counts[0] / samples, sum(counts) / samples if ranks == 5 else None
