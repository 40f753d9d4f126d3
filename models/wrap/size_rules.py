"""What the operations of a network say of the sizes of its tensors (models/wrap/sizes.py).

The network is run on the meta device, and every operation that PyTorch dispatches is seen. One without a rule here
keeps each dimension that it does not change. A part of a dimension, by a split, a slice or a view, is the same part
of it at every width.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import sympy
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from cheapconv.models.wrap.sizes import Shape, Sizes, tensors

aten = torch.ops.aten


class SizeRules(TorchDispatchMode):
    """In it, what a network on the meta device computes is told to `sizes`."""

    def __init__(self, network: nn.Module, sizes: Sizes) -> None:
        super().__init__()
        self.sizes = sizes
        self._seen = {id(tensor): (tensor, sizes.shapes[name]) for name, tensor in tensors(network)}

    def __torch_dispatch__(
        self, func: torch._ops.OpOverload, types: Sequence[type], args: Sequence = (), kwargs: Mapping | None = None
    ) -> object:
        found = func(*args, **(kwargs or {}))
        default = _broadcast if torch.Tag.pointwise in func.tags else _kept
        rule = RULES.get(func.overloadpacket, default)
        for output in (output for output in _tensors([found]) if output.numel()):
            self._seen[id(output)] = output, rule(self, args, output)
        return found

    def shape(self, tensor: Tensor) -> Shape:
        """The sizes of a tensor, symbolic where they are known."""
        return self._seen[id(tensor)][1] if id(tensor) in self._seen else tuple(map(sympy.Integer, tensor.shape))


Rule = Callable[[SizeRules, Sequence, Tensor], Shape]  # of arguments and an output, the output's shape


def _tensors(arguments: Iterable) -> Iterator[Tensor]:
    """The tensors among arguments, in lists of them too."""
    for argument in arguments:
        if isinstance(argument, Tensor):
            yield argument
        elif isinstance(argument, list | tuple):
            yield from _tensors(argument)


def _kept(rules: SizeRules, args: Sequence, output: Tensor) -> Shape:
    """The sizes of the first tensor where the output has the same, from the left."""
    first = next(_tensors(args), output)
    sizes = dict(enumerate(zip(first.shape, rules.shape(first), strict=True)))
    return tuple(
        sizes[i][1] if i in sizes and sizes[i][0] == n else sympy.Integer(n) for i, n in enumerate(output.shape)
    )


def _broadcast(rules: SizeRules, args: Sequence, output: Tensor) -> Shape:
    """Sizes above one another, from the right, are equal unless one is 1."""
    shape: dict[int, sympy.Expr] = {}
    for tensor in _tensors(args):
        for i, size in enumerate(reversed(rules.shape(tensor)), start=1):
            if tensor.shape[-i] == output.shape[-i]:
                rules.sizes.equal(shape.setdefault(-i, size), size)
    return tuple(shape.get(-i, sympy.Integer(output.shape[-i])) for i in range(output.ndim, 0, -1))


def _convolution(rules: SizeRules, args: Sequence, output: Tensor) -> Shape:
    (x, weight, bias), transposed, groups = args[:3], args[6], args[8]
    if transposed:
        raise ValueError("it has transposed convolutions")
    read, shape, sizes = rules.shape(x)[1], rules.shape(weight), rules.sizes
    if groups == x.shape[1]:  # depthwise
        sizes.equal(shape[0], read * (weight.shape[0] // groups))
    else:
        sizes.equal(shape[1] * groups, read)
        sizes.whole(shape[0] / groups)
    if bias is not None:
        sizes.equal(rules.shape(bias)[0], shape[0])
    batch, _, *rest = _kept(rules, args, output)
    return (batch, shape[0], *rest)


def _norm(rules: SizeRules, args: Sequence, output: Tensor) -> Shape:
    """Batch norm, and group norm with the groups in args[6]: vectors of as many numbers as x has channels."""
    for vector in _tensors(args[1:]):
        rules.sizes.equal(rules.shape(args[0])[1], rules.shape(vector)[0])
    return _kept(rules, args, output)


def _group_norm(rules: SizeRules, args: Sequence, output: Tensor) -> Shape:
    rules.sizes.whole(rules.shape(args[0])[1] / args[6])
    return _norm(rules, args, output)


def _layer_norm(rules: SizeRules, args: Sequence, output: Tensor) -> Shape:
    for tensor in _tensors(args[1:]):
        for own, size in zip(reversed(rules.shape(args[0])), reversed(rules.shape(tensor)), strict=False):
            rules.sizes.equal(own, size)
    return _kept(rules, args, output)


def _shuffle(rules: SizeRules, args: Sequence, output: Tensor) -> Shape:
    rules.sizes.whole(rules.shape(args[0])[1] / args[1])
    return _kept(rules, args, output)


def _product(rules: SizeRules, args: Sequence, output: Tensor) -> Shape:
    """mm(a, b), addmm(bias, a, b), and the same of batches."""
    *bias, a, b = map(rules.shape, _tensors(args))
    rules.sizes.equal(a[-1], b[-2])
    for vector in bias:
        rules.sizes.equal(vector[-1], b[-1])
    return (*a[:-1], b[-1])


def _concatenated(rules: SizeRules, args: Sequence, output: Tensor) -> Shape:
    """cat(tensors, dim=0)."""
    first, *others = map(rules.shape, args[0])
    dim = (args[1] if len(args) > 1 else 0) % output.ndim
    for other in others:
        for i in {*range(output.ndim)} - {dim}:
            rules.sizes.equal(first[i], other[i])
    return (*first[:dim], sum((other[dim] for other in others), first[dim]), *first[dim + 1 :])


def _permuted(rules: SizeRules, args: Sequence, output: Tensor) -> Shape:
    """permute(x, dims), transpose(x, i, j) and t(x)."""
    shape, order = rules.shape(args[0]), [*range(output.ndim)]
    if len(args) == 2:
        order = args[1]
    elif output.ndim == 2 or len(args) == 3:
        i, j = args[1:] or (0, 1)
        order[i], order[j] = order[j], order[i]
    return tuple(shape[i] for i in order)


def _part(rules: SizeRules, args: Sequence, output: Tensor) -> Shape:
    """A split or slice."""
    shape = []
    for size, whole, n in zip(rules.shape(args[0]), args[0].shape, output.shape, strict=True):
        shape.append(size if n == whole else size * sympy.Rational(n, whole) if size.free_symbols else sympy.Integer(n))
        rules.sizes.whole(shape[-1])
    return tuple(shape)


def _reduced(rules: SizeRules, args: Sequence, output: Tensor) -> Shape:
    """mean(x, dims, keepdim) and its like."""
    shape, x = rules.shape(args[0]), args[0]
    if output.ndim == x.ndim or len(args) == 1:
        return _kept(rules, args, output)
    dims = [args[1]] if isinstance(args[1], int) else args[1] or range(x.ndim)
    gone = {dim % x.ndim for dim in dims}
    return tuple(size for i, size in enumerate(shape) if i not in gone)


def _viewed(rules: SizeRules, args: Sequence, output: Tensor) -> Shape:
    """Dimensions that are joined are multiplied; of one that is taken apart the largest part changes with it."""
    given = [(n, size) for n, size in zip(args[0].shape, rules.shape(args[0]), strict=True) if n > 1]
    wanted = [n for n in output.shape if n > 1]
    made: list[sympy.Expr] = []
    while wanted:
        parts, joined = [wanted.pop(0)], [given.pop(0)]
        while (have := math.prod(n for n, _ in joined)) != (want := math.prod(parts)):
            if have < want:
                joined.append(given.pop(0))
            else:
                parts.append(wanted.pop(0))
        if sum(bool(size.free_symbols) for _, size in joined) > 1:
            raise ValueError("it makes one dimension of two widths")
        size = math.prod((size for _, size in joined), start=sympy.Integer(1))
        largest = parts.index(max(parts))
        size = size * parts[largest] / math.prod(parts)
        rules.sizes.whole(size)
        made += [size if i == largest else sympy.Integer(n) for i, n in enumerate(parts)]
    return tuple(made.pop(0) if n > 1 else sympy.Integer(1) for n in output.shape)


RULES: Mapping[object, Rule] = {
    aten.convolution: _convolution,
    aten.native_channel_shuffle: _shuffle,
    aten.native_group_norm: _group_norm,
    aten.native_layer_norm: _layer_norm,
    aten.cat: _concatenated,
    aten.expand: _broadcast,
    **dict.fromkeys((aten.native_batch_norm, aten._native_batch_norm_legit_no_training), _norm),
    **dict.fromkeys((aten.mm, aten.addmm, aten.bmm, aten.baddbmm), _product),
    **dict.fromkeys((aten.permute, aten.transpose, aten.t), _permuted),
    **dict.fromkeys((aten.split, aten.split_with_sizes, aten.slice), _part),
    **dict.fromkeys((aten.view, aten._unsafe_view, aten.reshape, aten.unsqueeze, aten.squeeze), _viewed),
    **dict.fromkeys((aten.mean, aten.sum, aten.amax, aten.amin, aten.select, aten.unbind), _reduced),
}
