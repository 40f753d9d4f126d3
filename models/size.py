"""The size of a network: parameters, multiply-adds, bytes of weights.

MACs are the multiply-adds of convolutions, transposed convolutions and linear layers on one image. Biases, norms,
activations, pooling, additions and data movement (shift, shuffle) count 0. They are counted by ptflops at the level of
dispatched operations, so a functional convolution with a rebuilt weight is seen too; ptflops' own rules for these
operations are replaced because they add the biases. A weight that is rebuilt from fewer numbers is rebuilt before the
count: the convolution with it costs MACs, the rebuilding does not (models/parts/rebuilt.py).
"""

import copy
import io
import math
from collections.abc import Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from cheapconv.models.parts.rebuilt import materialise

aten = torch.ops.aten


def count_params(net: nn.Module) -> int:
    """Elements of the parameters that have a gradient, or are integers, which cannot have one."""
    return sum(p.numel() for p in net.parameters() if p.requires_grad or not p.is_floating_point())


def count_params_with_bn_stats(net: nn.Module) -> int:
    """`count_params` plus the running means and variances: "Params" in Moonshine's Tables 2 and 4."""
    return count_params(net) + sum(statistic.numel() for statistic in _bn_statistics(net))


def weights_bytes(net: nn.Module) -> int:
    """Bytes of the state dict as stored, BN statistics included, without the counters `num_batches_tracked`."""
    stored = net.state_dict()
    return sum(t.numel() * t.element_size() for name, t in stored.items() if not name.endswith("num_batches_tracked"))


def count_macs(net: nn.Module, input_shape: Sequence[int]) -> int:
    """Multiply-adds on one image of `input_shape` (3, H, W), in eval mode.

    Runs a deep copy, on the device where `net` is; raises RuntimeError if that run fails.
    """
    from ptflops import get_model_complexity_info  # here, because it imports torchvision and timm

    printed = io.StringIO()
    with torch.no_grad(), redirect_stdout(printed), redirect_stderr(printed):
        macs, _ = get_model_complexity_info(
            materialise(copy.deepcopy(net)),
            tuple(input_shape),
            print_per_layer_stat=False,
            as_strings=False,
            ost=printed,
            custom_modules_hooks=_COUNTED,
            backend="aten",
        )
    if macs is None:
        raise RuntimeError(f"the network could not be run on {tuple(input_shape)} to count it:\n{printed.getvalue()}")
    return int(macs)


def _bn_statistics(net: nn.Module) -> Iterator[Tensor]:
    for module in net.modules():
        if isinstance(module, _BatchNorm) and module.running_mean is not None and module.running_var is not None:
            yield module.running_mean
            yield module.running_var


def _convolution_macs(arguments: Sequence[Any], outputs: Sequence[Tensor]) -> int:
    """MACs of aten.convolution(input, weight, bias, stride, padding, dilation, transposed, ...)."""
    x, weight, transposed = arguments[0], arguments[1], arguments[6]
    positions = (x if transposed else outputs[0]).shape[2:]  # where the whole kernel is applied
    return x.shape[0] * weight.numel() * math.prod(positions)


def _linear_macs(arguments: Sequence[Tensor], outputs: Sequence[Tensor]) -> int:
    """MACs of aten.addmm(bias, x, weight) and aten.mm(x, weight): x (rows, in), weight (in, out)."""
    x, weight = arguments[-2:]
    return x.numel() * weight.shape[1]


def _nothing(arguments: object, outputs: object) -> int:
    return 0


_COUNTED = {
    aten.convolution: _convolution_macs,
    aten._convolution: _convolution_macs,
    aten.addmm: _linear_macs,
    aten.mm: _linear_macs,
    aten.bmm: _nothing,  # products of activations, or of the factors of a weight
}
