"""Batch norm over the batch of several processes that train one network together: statistics are those of all of its
samples, as one process that had the whole batch would find them.

The same as torch's `SyncBatchNorm`, which knows no CPU and, in a network, makes `DistributedDataParallel` refuse one.
Two sums over the processes forward, of values and of squared distances from the mean (one pass would cancel digits),
and one backward (Ioffe and Szegedy, arXiv:1502.03167, section 3, with the sums over all samples).
"""

import functools
from typing import Protocol, cast

import torch
from torch import Tensor, distributed, nn
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm

from cheapconv.models.parts import cpu_norm, gpu_norm


def total(x: Tensor) -> Tensor:
    """The sum over the processes, which each of them gets."""
    x = x.clone()
    distributed.all_reduce(x)
    return x


class _Context(Protocol):
    """What the backward pass needs of the forward one."""

    eps: float
    along: list[int]
    saved_tensors: tuple[Tensor, Tensor | None, Tensor, Tensor, Tensor]
    needs_input_grad: tuple[bool, ...]

    def save_for_backward(self, *tensors: Tensor | None) -> None: ...
    def mark_non_differentiable(self, *tensors: Tensor) -> None: ...
    def set_materialize_grads(self, value: bool) -> None: ...


class _Normalise(torch.autograd.Function):
    """y, and of each channel the mean, the variance and the count over all processes, which have no gradients."""

    @staticmethod
    def forward(
        ctx: _Context, x: Tensor, weight: Tensor | None, bias: Tensor | None, eps: float
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        others, ctx.along, ctx.eps = _others(x), [-1 if d == 1 else 1 for d in range(x.dim())], eps
        wide = x if x.dtype == torch.float64 else x.float()
        sums = total(torch.cat([wide.sum(dim=others), wide.new_full((1,), x.numel() / x.shape[1])]))
        mean, count = sums[:-1] / sums[-1], sums[-1]  # (C,), 0-d
        variance = total((wide - mean.view(ctx.along)).square().sum(dim=others)) / count
        y = functional.batch_norm(wide, mean, variance, weight, bias, training=False, eps=eps).to(x.dtype)
        ctx.save_for_backward(x, weight, mean, variance, count)
        ctx.mark_non_differentiable(mean, variance, count)
        ctx.set_materialize_grads(False)
        return y, mean, variance, count

    @staticmethod
    def backward(ctx: _Context, g: Tensor | None, *_: None) -> tuple[Tensor | None, ...]:
        if g is None:
            return None, None, None, None
        x, weight, mean, variance, count = ctx.saved_tensors
        others, scale = _others(x), (variance + ctx.eps).rsqrt()
        wide = g.to(scale.dtype)
        standard = (x.to(scale.dtype) - mean.view(ctx.along)) * scale.view(ctx.along)  # x hat
        of_bias, of_weight = wide.sum(dim=others), (wide * standard).sum(dim=others)
        shift, slope = (total(torch.stack([of_bias, of_weight])) / count).unbind()
        factor = scale if weight is None else scale * weight
        inner = wide - shift.view(ctx.along) - standard * slope.view(ctx.along)
        return (inner * factor.view(ctx.along)).to(x.dtype), of_weight, of_bias, None


def _others(x: Tensor) -> list[int]:
    """All dimensions but the channels'."""
    return [d for d in range(x.dim()) if d != 1]


def normalised(norm: _BatchNorm, x: Tensor, *, moving: bool = True) -> Tensor:
    """norm(x) of x (B, C, ...) in training, over the batch of all processes; `moving`: also its running statistics."""
    y, mean, variance, count = _Normalise.apply(x, norm.weight, norm.bias, norm.eps)
    if moving and norm.track_running_stats:
        _move(norm, mean, variance * count / (count - 1))
    return cast(Tensor, y)


@torch.no_grad()
def _move(norm: _BatchNorm, mean: Tensor, variance: Tensor) -> None:
    """Running statistics, by the unbiased variance as torch has it."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    assert norm.num_batches_tracked is not None
    norm.num_batches_tracked.add_(1)
    share = 1 / norm.num_batches_tracked.item() if norm.momentum is None else norm.momentum
    norm.running_mean.lerp_(mean.to(norm.running_mean.dtype), share)
    norm.running_var.lerp_(variance.to(norm.running_var.dtype), share)


class SyncedBatchNorm2d(nn.BatchNorm2d):
    """A BatchNorm2d over the batch of all processes."""

    synced = True

    def forward(self, input: Tensor) -> Tensor:
        return normalised(self, input) if self.training else super().forward(input)


class SyncedBatchNorm1d(nn.BatchNorm1d):
    """The same of vectors."""

    synced = True

    def forward(self, input: Tensor) -> Tensor:
        return normalised(self, input) if self.training else super().forward(input)


SYNCED: dict[type[nn.Module], type[nn.Module]] = {
    nn.BatchNorm2d: SyncedBatchNorm2d,
    gpu_norm.TritonBatchNorm2d: SyncedBatchNorm2d,
    cpu_norm.NumbaBatchNorm2d: SyncedBatchNorm2d,
    nn.BatchNorm1d: SyncedBatchNorm1d,
}


class _Activated(Protocol):
    """timm's norms that drop and activate what they have normalised."""

    training: bool
    act: nn.Module
    drop: nn.Module


@functools.cache
def _with_activation(kind: type[nn.Module]) -> type[nn.Module]:
    """Those over the batch of all processes."""

    def forward(self: _Activated, x: Tensor) -> Tensor:
        if not self.training:
            return cast(Tensor, kind.forward(self, x))
        return cast(Tensor, self.act(self.drop(normalised(cast(_BatchNorm, self), x))))

    return type(f"Synced{kind.__name__}", (kind,), {"forward": forward, "synced": True})


def synchronise(module: nn.Module) -> None:
    """Let every batch norm within see the batch of all processes; ValueError for one that cannot be told."""
    for name, layer in module.named_modules():
        if not isinstance(layer, _BatchNorm):
            continue
        kind: type[nn.Module] = type(layer)
        if getattr(kind, "synced", False):
            continue  # of an earlier phase
        if kind in SYNCED:
            layer.__class__ = SYNCED[kind]  # type: ignore[assignment]
        elif hasattr(layer, "act") and hasattr(layer, "drop"):
            layer.__class__ = _with_activation(kind)  # type: ignore[assignment, arg-type]
        else:
            raise ValueError(f"the statistics of '{name}', a {kind.__name__}, cannot be those of several processes")
