"""Accuracy on the whole test set, weighted by samples, for every network of a method."""

from dataclasses import dataclass

import torch
from torch import nn

from engine.precision import autocast
from methods.base import Method
from suites.batch import Data, test_batches
from suites.recipe import Recipe

TOP5_FROM_CLASSES = 100


@dataclass(frozen=True)
class Accuracy:
    """Fractions in [0, 1]; top-5 where there are at least 100 classes."""

    top1: float
    top5: float | None


def evaluate(method: Method, data: Data, recipe: Recipe, device: torch.device) -> dict[str, Accuracy]:
    """Accuracy of each network by name; the method is back in train mode afterwards."""
    method.eval()
    found = {t.name: accuracy(t.network.eval(), data, recipe, device) for t in method.networks()}
    method.train()
    return found


@torch.no_grad()
def accuracy(network: nn.Module, data: Data, recipe: Recipe, device: torch.device) -> Accuracy:
    """Top-1 and top-5 of one network in eval mode, in the recipe's precision."""
    ranks = 5 if len(data.class_names) >= TOP5_FROM_CLASSES else 1
    hits = torch.zeros(ranks, dtype=torch.int64, device=device)  # [k]: samples whose label is the k-th guess
    for x, y in test_batches(data, recipe.normalisation):
        with autocast(device, recipe.precision):
            logits = network(x)
        guesses = logits.float().topk(ranks, dim=1).indices  # (B, ranks)
        hits += (guesses == y[:, None]).sum(dim=0)
    counts = hits.tolist()
    return Accuracy(counts[0] / len(data.test_y), sum(counts) / len(data.test_y) if ranks == 5 else None)
