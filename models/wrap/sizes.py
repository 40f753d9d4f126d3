"""The sizes of a network as linear expressions of one another: what changes with what, where a layer gets narrower.

Every dimension of a parameter or buffer that is larger than 1 has a symbol. What the network does with its tensors says
which of them are equal, sums or parts of others (models/wrap/size_rules.py); what nothing determines are the widths,
to be chosen one by one. Torch-Pruning's groups of channels would say the same of many networks. But it follows every
channel by its index, which it loses where channels are split and shuffled (1.6.0 fails at every ShuffleNetV2), and
where weights are drawn anew their sizes are enough.
"""

import math
from collections.abc import Callable, Iterator

import sympy
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

Shape = tuple[sympy.Expr, ...]
MOST_ROUNDS = 100  # of rounding: a network has a few numbers that widths must be divisible by


class Sizes:
    """The symbolic shapes of a network's tensors, by name, and all that has been said of them."""

    def __init__(self, network: nn.Module) -> None:
        self._own: dict[sympy.Expr, int] = {}  # the size that every symbol has in the network as it is
        self._outputs: set[sympy.Expr] = set()  # of convolutions and linear layers
        self._told: dict[sympy.Expr, sympy.Expr] = {}  # a symbol, and what it is in those that are left
        self._whole: list[sympy.Expr] = []
        self.shapes = {name: self._symbols(name, tensor) for name, tensor in tensors(network)}
        for name, module in network.named_modules():
            if isinstance(module, _ConvNd | nn.Linear):
                self._outputs |= self.shapes[f"{name}.weight" if name else "weight"][0].free_symbols
        order = {symbol: number for number, symbol in enumerate(self._own)}
        self._age = {symbol: (symbol not in self._outputs, number) for symbol, number in order.items()}.__getitem__

    def equal(self, a: sympy.Expr, b: sympy.Expr) -> None:
        """Two sizes are one; ValueError if that can never be."""
        a, b = self._known(a), self._known(b)
        if a == b:
            return
        if b.is_Symbol and b not in self._outputs and b not in a.free_symbols:  # the shortest way, which most go
            self._told[b] = a
            return
        gap = a - b
        if not gap.free_symbols:
            raise ValueError(f"{a} cannot be {b}")
        told = max(gap.free_symbols, key=self._age)
        self._told[told] = told - gap / gap.coeff(told)

    def whole(self, size: sympy.Expr) -> None:
        """A size is a whole number, such as a part of another."""
        self._whole.append(size)

    def narrowed(self, scaled: Callable[[int], int]) -> dict[str, tuple[int, ...]]:
        """The shape of every tensor where a width of c is scaled(c), or the nearest that fits; ValueError if none does.

        What is no width of a convolution or linear layer keeps its size.
        """
        widths = {symbol for output in self._outputs for symbol in self._known(output).free_symbols}
        shapes = {name: tuple(map(self._known, shape)) for name, shape in self.shapes.items()}
        sizes = {size for shape in shapes.values() for size in shape} | {self._known(size) for size in self._whole}
        steps = dict.fromkeys(widths, 1)
        for _ in range(MOST_ROUNDS):
            chosen = self._own | {
                width: _nearest(scaled(self._own[width]), steps[width], self._own[width]) for width in widths
            }
            values = {size: sympy.Rational(size.xreplace(chosen)) for size in sizes}
            if min(values.values()) <= 0:
                break
            broken = {size: value.q for size, value in values.items() if value.q > 1}
            if not broken:
                return {name: tuple(int(values[size]) for size in shape) for name, shape in shapes.items()}
            for size, denominator in broken.items():
                steps |= {width: math.lcm(steps[width], denominator) for width in size.free_symbols & widths}
        raise ValueError("its widths have no sizes that fit one another")

    def _symbols(self, name: str, tensor: Tensor) -> Shape:
        """A symbol for every dimension but those of a kernel, and of size 1, which may be one that is repeated."""
        widths = tensor.ndim if tensor.shape[:2] == (1, 1) else 2
        sizes = [sympy.Symbol(f"{name}.{i}") if n > 1 and i < widths else n for i, n in enumerate(tensor.shape)]
        shape = tuple(map(sympy.sympify, sizes))
        self._own |= {symbol: n for symbol, n in zip(shape, tensor.shape, strict=True) if symbol.is_Symbol}
        return shape

    def _known(self, size: sympy.Expr) -> sympy.Expr:
        """A size in the symbols that nothing is said of."""
        while size.free_symbols & self._told.keys():
            size = size.xreplace(self._told)
        return size


def tensors(network: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Every parameter and buffer by name, once."""
    yield from network.named_parameters()
    yield from network.named_buffers()


def _nearest(width: int, step: int, most: int) -> int:
    """The multiple of `step` that is nearest to a width, and not above `most` where there is one."""
    return max(1, min(round(width / step), most // step)) * step
