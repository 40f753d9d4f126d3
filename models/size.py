"""The size of a network: parameters, multiply-adds, bytes of weights.

MACs are the multiply-adds of convolutions, transposed convolutions, linear layers and matrix products (attention) on
one image. Biases, norms, activations, pooling, additions and data movement (shift, shuffle) count 0. They are counted
by ptflops at the level of dispatched operations, so a functional convolution with a rebuilt weight is seen too; its own
rules for these operations are replaced because they add the biases, and it has none for attention. A weight that is
rebuilt from fewer numbers is rebuilt before the count: the convolution with it costs MACs, the rebuilding does not
(models/parts/rebuilt.py). torch's own counter sees the same run, so that a network on which the two differ is known.
"""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.flop_counter import FlopCounterMode

from cheapconv.catalog.errors import REFUSALS, reason
from cheapconv.models.meta import ShapesOnly
from cheapconv.models.parts.rebuilt import RebuiltConv, materialise
from cheapconv.models.quick import plain

aten = torch.ops.aten


def count_params(net: nn.Module) -> int:
    """Elements of the parameters that have a gradient, or are integers, which cannot have one."""
    return sum(p.numel() for p in net.parameters() if p.requires_grad or not p.is_floating_point())


def count_params_with_bn_stats(net: nn.Module) -> int:
    """`count_params` plus the running means and variances: "Params" in Moonshine's Tables 2 and 4."""
    norms = [module for module in net.modules() if isinstance(module, _BatchNorm)]
    statistics = [tensor for norm in norms for tensor in (norm.running_mean, norm.running_var) if tensor is not None]
    return count_params(net) + sum(tensor.numel() for tensor in statistics)


def weights_bytes(net: nn.Module) -> int:
    """Bytes of the state dict as stored, BN statistics included, without the counters `num_batches_tracked`."""
    stored = net.state_dict()
    return sum(t.numel() * t.element_size() for name, t in stored.items() if not name.endswith("num_batches_tracked"))


def count_macs(net: nn.Module, input_shape: Sequence[int]) -> int:
    """Multiply-adds on one image of `input_shape` (3, H, W), in eval mode.

    Runs a deep copy of the library's layers, on the device where `net` is, or on the meta device itself what has no
    numbers to lose there; raises RuntimeError if that run fails.
    """
    from ptflops.aten_engine import FlopCounterMode as PtflopsMode  # here, because it imports torchvision and timm

    ours = PtflopsMode(custom_hooks=_COUNTED, output_params={"print_params": {}})
    first, training = next(net.parameters(), torch.empty(0)), net.training
    as_it_is = first.is_meta and not any(isinstance(module, RebuiltConv) for module in net.modules())
    deployed = (net if as_it_is else materialise(plain(net))).eval()
    image = torch.ones(1, *input_shape, dtype=first.dtype, device=first.device)
    try:
        with torch.no_grad(), ShapesOnly(), ours:
            deployed(image)
    except REFUSALS as error:
        side = " x ".join(map(str, input_shape[1:]))
        raise RuntimeError(f"the network cannot be run on images of {side} ({reason(error)})") from error
    finally:
        if as_it_is:
            net.train(training)
    return int(ours.complexity)


def count_macs_twice(net: nn.Module, input_shape: Sequence[int]) -> tuple[int, int]:
    """`count_macs`, and the same by torch's own counter, which costs as much again."""
    with FlopCounterMode(display=False) as torchs:
        macs = count_macs(net, input_shape)
    return macs, torchs.get_total_flops() // 2


def _convolution_macs(arguments: Sequence[Any], outputs: Sequence[Tensor]) -> int:
    """MACs of aten.convolution(input, weight, bias, stride, padding, dilation, transposed, ...)."""
    x, weight, transposed = arguments[0], arguments[1], arguments[6]
    positions = (x if transposed else outputs[0]).shape[2:]  # where the whole kernel is applied
    return x.shape[0] * weight.numel() * math.prod(positions)


def _linear_macs(arguments: Sequence[Tensor], outputs: Sequence[Tensor]) -> int:
    """MACs of aten.addmm(bias, x, weight) and aten.mm(x, weight): x (rows, in), weight (in, out)."""
    x, weight = arguments[-2:]
    return x.numel() * weight.shape[1]


def _batched_macs(arguments: Sequence[Tensor], outputs: Sequence[Tensor]) -> int:
    """MACs of aten.bmm(a, b) and aten.baddbmm(c, a, b): a (batch, rows, in), b (batch, in, out)."""
    a, b = arguments[-2:]
    return a.numel() * b.shape[2]


def _attention_macs(arguments: Sequence[Tensor], outputs: Sequence[Tensor]) -> int:
    """MACs of scaled dot-product attention: q (..., queries, d), k (..., keys, d), v (..., keys, e)."""
    q, k, v = arguments[:3]
    return q.numel() * k.shape[-2] + math.prod(q.shape[:-1]) * v.shape[-2] * v.shape[-1]


_COUNTED = {
    aten.convolution: _convolution_macs,
    aten._convolution: _convolution_macs,
    aten.addmm: _linear_macs,
    aten.mm: _linear_macs,
    aten.bmm: _batched_macs,
    aten.baddbmm: _batched_macs,
    aten._scaled_dot_product_flash_attention: _attention_macs,
    aten._scaled_dot_product_flash_attention_for_cpu: _attention_macs,
    aten._scaled_dot_product_efficient_attention: _attention_macs,
    aten._scaled_dot_product_cudnn_attention: _attention_macs,
    aten._scaled_dot_product_fused_attention_overrideable: _attention_macs,
}
