"""What is asked of the networks of a suite: a loss, counts that add up, the scores and the flaws that follow from them.

Counts are additive and stay on the device, so that a whole test set is summed without a wait, and several processes
are by one sum.
"""

import math
from dataclasses import dataclass
from typing import Literal, Protocol

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

TOP5_FROM_CLASSES = 100  # with fewer, five guesses say little

# Of a network's answers, not of its accuracy: some have no finite probabilities, or all are the same class.
Flaw = Literal["not finite", "constant"]
Answer = Literal["image", "pixel"]  # for what a network is to give one


class Task(Protocol):
    """The task of a suite."""

    @property
    def answers(self) -> Answer:
        """Whether logits are (B, classes) with labels (B,), or (B, classes, H, W) with labels (B, H, W)."""

    @property
    def headline(self) -> str:
        """Name of the score that counts."""

    @property
    def chance(self) -> float:
        """The most that a network that has learnt nothing scores by it, but for the chance of the test set."""

    def loss(self, logits: Tensor, y: Tensor) -> Tensor:
        """What training alone minimises: the mean over the samples of a batch, 0-d, whose labels may be soft."""

    def tally(self, logits: Tensor, y: Tensor) -> Tensor:
        """Counts of a batch, of one shape for all batches; the sum over batches is the tally of all their samples."""

    def mistakes(self, logits: Tensor, y: Tensor) -> Tensor | None:
        """(B,) integers: 0 for an answer that the headline counts as right, one more than the class that it is for a
        wrong one; None where a sample has more than one answer."""

    def scores(self, tally: Tensor) -> dict[str, float]:
        """Scores by name, the headline first, fractions in [0, 1]; reads the tally, and so waits for the device."""

    def flaw(self, tally: Tensor) -> Flaw | None:
        """What is wrong with the answers that were counted, whatever they score; reads the tally."""

    def error(self, score: float, samples: int) -> float:
        """Standard error that a score has because the test set is a sample, as far as it follows from the two. Where it
        does not, that of the headline is among the scores, as `<headline>_error`."""

    def paint(self, labels: Tensor) -> Tensor | None:
        """A picture (H, W, 3) uint8 of one sample's labels or answers; None where they are none."""


@dataclass(frozen=True)
class Classification:
    """One of `classes` for every image: top-1 accuracy, and top-5 where there are at least 100 classes."""

    classes: int

    @property
    def answers(self) -> Answer:
        """One for every image."""
        return "image"

    @property
    def headline(self) -> str:
        """Top-1 accuracy."""
        return "top1"

    @property
    def chance(self) -> float:
        """Of guessing: 1 / classes."""
        return 1 / self.classes

    @property
    def ranks(self) -> int:
        """How many guesses of a network are looked at."""
        return 5 if self.classes >= TOP5_FROM_CLASSES else 1

    def loss(self, logits: Tensor, y: Tensor) -> Tensor:
        """Cross-entropy of logits (B, classes) and labels (B,), or the shares (B, classes) of soft ones."""
        return cross_entropy(logits if logits.dtype == torch.float64 else logits.float(), y)

    def tally(self, logits: Tensor, y: Tensor) -> Tensor:
        """(ranks + 1 + classes + 1,) int64: samples whose label is the network's first guess, its second, ..., none of
        them; samples that are taken for class 0, class 1, ...; samples whose probabilities are not finite."""
        guesses = self._guesses(logits)  # (B, ranks)
        hits = guesses == y[:, None]
        missed = ~hits.any(dim=1, keepdim=True)
        taken_for = guesses[:, :1] == torch.arange(logits.shape[1], device=logits.device)  # (B, classes)
        # Not the logits themselves: a class may be ruled out by one of minus infinity.
        broken = ~logits.float().logsumexp(dim=1, keepdim=True).isfinite()
        return torch.cat([hits, missed, taken_for, broken], dim=1).sum(dim=0)

    def mistakes(self, logits: Tensor, y: Tensor) -> Tensor:
        """(B,) int64, by the first guess."""
        first = self._guesses(logits)[:, 0]
        return torch.where(first == y, 0, first + 1)

    def _guesses(self, logits: Tensor) -> Tensor:
        """(B, ranks) classes, the likeliest first; in one way for all counts, since equal logits have no order."""
        return logits.float().topk(self.ranks, dim=1).indices

    def scores(self, tally: Tensor) -> dict[str, float]:
        """Top-1, and top-5 where five guesses were counted."""
        *hits, missed = tally[: self.ranks + 1].tolist()
        samples = sum(hits) + missed
        top5 = {"top5": sum(hits) / samples} if len(hits) == 5 else {}
        return {"top1": hits[0] / samples, **top5}

    def flaw(self, tally: Tensor) -> Flaw | None:
        """Probabilities that are not finite, else one class for every sample."""
        *taken_for, broken = tally[self.ranks + 1 :].tolist()
        if broken:
            return "not finite"
        return "constant" if max(taken_for) == sum(taken_for) else None

    def error(self, score: float, samples: int) -> float:
        """Of a binomial share: sqrt(p (1 - p) / n)."""
        return math.sqrt(score * (1 - score) / samples)

    def paint(self, labels: Tensor) -> Tensor | None:
        """A class of an image is no picture."""
        return None
