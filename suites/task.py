"""What is asked of the networks of a suite: a loss, counts that add up, and the scores that follow from them.

Counts are additive and stay on the device, so that a whole test set is summed without a wait, and several processes
are by one sum.
"""

import math
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

TOP5_FROM_CLASSES = 100  # with fewer, five guesses say little


class Task(Protocol):
    """The task of a suite."""

    @property
    def headline(self) -> str:
        """Name of the score that counts."""

    def loss(self, logits: Tensor, y: Tensor) -> Tensor:
        """What training alone minimises: the mean over the samples of a batch, 0-d."""

    def tally(self, logits: Tensor, y: Tensor) -> Tensor:
        """Counts of a batch, of one shape for all batches; the sum over batches is the tally of all their samples."""

    def scores(self, tally: Tensor) -> dict[str, float]:
        """Scores by name, the headline first, fractions in [0, 1]; reads the tally, and so waits for the device."""

    def error(self, score: float, samples: int) -> float:
        """Standard error that a score has because the test set is a sample."""


@dataclass(frozen=True)
class Classification:
    """One of `classes` for every image: top-1 accuracy, and top-5 where there are at least 100 classes."""

    classes: int

    @property
    def headline(self) -> str:
        """Top-1 accuracy."""
        return "top1"

    def loss(self, logits: Tensor, y: Tensor) -> Tensor:
        """Cross-entropy of logits (B, classes) and labels (B,)."""
        return cross_entropy(logits, y)

    def tally(self, logits: Tensor, y: Tensor) -> Tensor:
        """(ranks + 1,) int64: samples whose label is the network's first guess, its second, ..., none of them."""
        ranks = 5 if self.classes >= TOP5_FROM_CLASSES else 1
        guesses = logits.float().topk(ranks, dim=1).indices  # (B, ranks)
        hits = guesses == y[:, None]
        return torch.cat([hits, ~hits.any(dim=1, keepdim=True)], dim=1).sum(dim=0)

    def scores(self, tally: Tensor) -> dict[str, float]:
        """Top-1, and top-5 where five guesses were counted."""
        *hits, missed = tally.tolist()
        samples = sum(hits) + missed
        top5 = {"top5": sum(hits) / samples} if len(hits) == 5 else {}
        return {"top1": hits[0] / samples, **top5}

    def error(self, score: float, samples: int) -> float:
        """Of a binomial share: sqrt(p (1 - p) / n)."""
        return math.sqrt(score * (1 - score) / samples)
