"""Losses as pure functions of tensors and numbers, always in float32 or wider.

Conventions: logits are (B, C), or (B, C, H, W) of dense networks, whose pixels then are the samples of `kl` and
`soft_cross_entropy`; feature maps are (B, C, H, W). The student comes first, the teacher second. Gradients flow
into whatever requires them: detaching is the method's business. KL is written out by hand, because the reductions of
`kl_div` are easily mistaken for one another.
"""

import functools
from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, log_softmax, normalize
from torch.nn.functional import cross_entropy as _cross_entropy

from cheapconv.methods.parts.map_gradients import mean_square
from cheapconv.methods.parts.precision import wide

Reduction = Literal["batchmean", "mean"]


def exact(loss: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Decorator for losses with matrix products: their tensors become float32 or wider, and autocast, which would
    make the products half as wide again, is off."""

    @functools.wraps(loss)
    def computed(*tensors: Tensor, **numbers: float) -> Tensor:
        with torch.autocast(tensors[0].device.type, enabled=False):
            return loss(*map(wide, tensors), **numbers)

    return computed


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean over the batch of -log softmax(logits)[label], or of -sum_c q_c log softmax(logits)_c for labels that are
    shares q (B, C) of the classes."""
    return _cross_entropy(wide(logits), labels)


def kl(student: Tensor, teacher: Tensor, temperature: float, reduction: Reduction = "batchmean") -> Tensor:
    """KL(p_teacher || p_student) of the softened logits, without the factor T^2 (Hinton et al. 2015).

    `batchmean` sums over classes and averages over samples; `mean` also divides by the number of classes.
    """
    log_p = log_softmax(wide(teacher) / temperature, dim=1)  # (B, C)
    log_q = log_softmax(wide(student) / temperature, dim=1)  # (B, C)
    per_sample = (log_p.exp() * (log_p - log_q)).sum(dim=1)  # (B,)
    return per_sample.mean() if reduction == "batchmean" else per_sample.mean() / student.shape[1]


def soft_cross_entropy(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """-sum_c p_teacher log p_student of the softened logits, mean over the batch."""
    p = log_softmax(wide(teacher) / temperature, dim=1).exp()  # (B, C)
    return -(p * log_softmax(wide(student) / temperature, dim=1)).sum(dim=1).mean()


def attention(feature_map: Tensor) -> Tensor:
    """Spatial attention Q = v / ||v||_2 with v = vec(mean_c a_c^2): (B, C, H, W) -> (B, HW)."""
    return normalize(mean_square(feature_map).flatten(1), dim=1)


def attention_distance(
    student: Tensor, teacher: Tensor, form: Literal["mean_square", "norm"] = "mean_square"
) -> Tensor:
    """Distance of two attention maps: mean over samples and positions of the squared difference, or the mean over
    samples of its 2-norm. Where heights differ the larger map is pooled to the smaller one first."""
    difference = attention(fit(student, teacher)) - attention(fit(teacher, student))  # (B, HW)
    if form == "mean_square":
        return difference.square().mean()
    return torch.linalg.vector_norm(difference, dim=1).mean()


def fit(feature_map: Tensor, other: Tensor) -> Tensor:
    """The map, average-pooled to the other's size if it is the larger one."""
    height, width = other.shape[2:]
    return adaptive_avg_pool2d(feature_map, (height, width)) if feature_map.shape[2] > height else feature_map
