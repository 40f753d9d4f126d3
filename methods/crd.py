"""Contrastive representation distillation: a sample's two embeddings agree more than those of different classes.

Tian, Krishnan, Isola, ICLR 2020, arXiv:1910.10699, eqs. 13-19, and released code: a memory of one embedding for every
training sample and network provides the negatives. Deviation from the code: anchors are multiplied with the whole
memory and the scores collected, which gives the same numbers as collecting the vectors in less time and memory.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from cheapconv.catalog import register
from cheapconv.catalog.numbers import Count, Share, Temperature, Weight
from cheapconv.methods.base import Batch, Build
from cheapconv.methods.losses import exact
from cheapconv.methods.parts.offline import Offline, Seen

EPS = 1e-7


@exact
def contrast_loss(scores: Tensor, samples: int) -> Tensor:
    """-(1/B) [ sum log(P / (P + K/n)) + sum_negatives log((K/n) / (P_neg + K/n)) ] with n = `samples`.

    `scores` (B, 1 + K): column 0 is the positive one.
    """
    noise = (scores.shape[1] - 1) / samples
    positive, negative = scores[:, 0], scores[:, 1:]
    hit = (positive / (positive + noise + EPS)).log().sum()
    rejected = (noise / (negative + noise + EPS)).log().sum()
    return -(hit + rejected) / len(scores)


@exact
def similarities(anchors: Tensor, memory: Tensor) -> Tensor:
    """(B, N) inner products of anchors (B, D) and remembered vectors (N, D)."""
    return anchors @ memory.T


def draw_once(allowed: Tensor, count: int) -> Tensor:
    """Positions (B, count) of True in the rows of `allowed` (B, N), all different in a row."""
    keys = torch.rand(allowed.shape, device=allowed.device)
    return keys.masked_fill(~allowed, -1).topk(count, dim=1, sorted=False).indices


def draw_repeatedly(allowed: Tensor, count: int) -> Tensor:
    """Positions (B, count) of True in the rows of `allowed` (B, N), each drawn from all of its row."""
    positions = allowed.byte().argsort(dim=1, descending=True)  # the allowed ones first
    drawn = torch.randint(2**62, (len(allowed), count), device=allowed.device)
    return positions.gather(1, drawn % allowed.sum(dim=1, keepdim=True))


class Memory(nn.Module):
    """One vector for every training sample, and the constant Z by which scores against them are divided."""

    vectors: Tensor  # (N, D)
    z: Tensor  # 0-d; 0 until the first batch sets it

    def __init__(self, samples: int, dimensions: int) -> None:
        super().__init__()
        bound = 1 / math.sqrt(dimensions / 3)
        self.register_buffer("vectors", torch.empty(samples, dimensions).uniform_(-bound, bound))
        self.register_buffer("z", torch.zeros(()))

    def score(self, anchors: Tensor, candidates: Tensor, temperature: float) -> Tensor:
        """exp(<anchor, vector> / temperature) / Z (B, 1 + K) for the `candidates` (B, 1 + K) of anchors (B, D)."""
        raw = (similarities(anchors, self.vectors).gather(1, candidates) / temperature).exp()
        z = torch.where(self.z == 0, raw.detach().mean() * len(self.vectors), self.z)
        self.z.copy_(z)
        return raw / z

    def remember(self, index: Tensor, embedding: Tensor, momentum: float) -> None:
        """Move the vectors of the samples `index` (B,) towards their embeddings (B, D)."""
        mixed = momentum * self.vectors[index] + (1 - momentum) * embedding
        self.vectors[index] = normalize(mixed, dim=1)


@register("method", "crd", paper="Tian et al. 2020, arXiv:1910.10699")
class CRD(Offline):
    """Embeddings of student and teacher contrasted with those of other classes from a memory."""

    soft_labels = False  # which classes are other ones
    couples_samples = True  # a memory of all samples, and negatives that are drawn for a batch

    @dataclass(frozen=True, kw_only=True)
    class Config(Offline.Config):
        """L = ce_weight CE + weight (contrast of both directions) [+ kd_weight KD]; "CRD+KD" has kd_weight 1.

        Embeddings are normalised Linear(pooled -> `dimensions`), both trained. Each sample is contrasted with
        `negatives` samples of other classes. All numbers are those of the released code for CIFAR.
        """

        weight: Weight = 0.8
        dimensions: Count = 128
        negatives: Count = 16384
        contrast_temperature: Temperature = 0.07
        momentum: Share = 0.5

    labels: Tensor  # (N,)

    def __init__(self, build: Build, config: Config) -> None:
        super().__init__(build, config)
        self.student_embedding = nn.Linear(self.student.features, config.dimensions)
        self.teacher_embedding = nn.Linear(self.teacher.features, config.dimensions)
        self.student_memory = Memory(len(build.labels), config.dimensions)
        self.teacher_memory = Memory(len(build.labels), config.dimensions)
        self.register_buffer("labels", build.labels, persistent=False)
        others = len(build.labels) - int(build.labels.bincount().max())  # for the largest class
        self._repeat = config.negatives > others

    def transfer(self, student: Seen, teacher: Seen, batch: Batch) -> Tensor:
        """Student anchors against the teacher's memory and the other way round."""
        ours = self.gather(_unit(self.student_embedding(student.embedding)))
        theirs = self.gather(_unit(self.teacher_embedding(teacher.embedding)))
        index, y = self.gather(batch.index), self.gather(batch.y)
        self._seen = index, ours.detach(), theirs.detach()
        candidates, temperature = self._candidates(index, y), self.config.contrast_temperature
        pairs = [(ours, self.teacher_memory), (theirs, self.student_memory)]
        scores = [memory.score(anchors, candidates, temperature) for anchors, memory in pairs]
        return torch.stack([contrast_loss(s, samples=len(self.labels)) for s in scores]).sum()

    def after_update(self) -> None:
        """Remember the embeddings that the step was made with (earlier, the backward pass still needs the old ones)."""
        index, ours, theirs = self._seen
        self.student_memory.remember(index, ours, self.config.momentum)
        self.teacher_memory.remember(index, theirs, self.config.momentum)

    def _candidates(self, index: Tensor, y: Tensor) -> Tensor:
        """(B, 1 + K): each sample's own position, and others of other classes, each once if there are enough."""
        draw = draw_repeatedly if self._repeat else draw_once
        drawn = draw(self.labels != y[:, None], self.config.negatives)  # of (B, N) allowed ones
        return torch.cat([index[:, None], drawn], dim=1)


@exact
def _unit(embedding: Tensor) -> Tensor:
    return normalize(embedding, dim=1)
