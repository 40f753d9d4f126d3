"""Kernels in Triton for grouped convolutions of 3 x 3 over maps (B, H, W, C) in memory; grouped_kernel.py calls them.

A program computes a tile of T channels for BLOCK positions. A tile holds whole groups, all of them as one matrix whose
blocks outside of the diagonal are zero: tensor cores multiply no smaller matrices than 16 x 16.
"""

# mypy: disable-error-code="no-untyped-def,untyped-decorator,import-untyped"

import triton
import triton.language as tl


@triton.jit
def source(at, tap, step, pad, dilation, size, BACK: tl.constexpr):
    """Where along an axis a position reads at a tap, and whether that is inside; `BACK`: of which output it is read."""
    if BACK:
        ahead = at + pad - tap * dilation
        found = ahead // step
        inside = (ahead >= 0) & (ahead % step == 0) & (found < size)
    else:
        found = at * step - pad + tap * dilation
        inside = (found >= 0) & (found < size)
    return found, inside


SIZES = ["positions", "height", "width", "from_height", "from_width"]  # no code of their own for each


@triton.jit(do_not_specialize=SIZES)
def convolve(
    x, w, y, positions, height, width, from_height, from_width, channels, step, pad, dilation,
    w_out, w_in, w_row, w_column,
    BACK: tl.constexpr, GROUP: tl.constexpr, T: tl.constexpr, BLOCK: tl.constexpr, SINGLE: tl.constexpr,
):  # fmt: skip
    """y (positions, C) of x (B, from_height, from_width, C) and weights (C, GROUP, 3, 3); `BACK`: x is the gradient of
    an output, y that of the input."""
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    column, row, image = at % width, at // width % height, at // (width * height)
    first = tl.program_id(1) * T
    a, b = tl.arange(0, T), tl.arange(0, T)  # channels of the tile: read, written
    together = (a // GROUP)[:, None] == (b // GROUP)[None, :]
    if BACK:  # what is read are the convolution's outputs
        weights = w + (first + a)[:, None] * w_out + (b % GROUP)[None, :] * w_in
    else:
        weights = w + (first + b)[None, :] * w_out + (a % GROUP)[:, None] * w_in
    total = tl.zeros((BLOCK, T), tl.float32)
    for i in tl.static_range(3):
        h, in_row = source(row, i, step, pad, dilation, from_height, BACK)
        for j in tl.static_range(3):
            v, in_column = source(column, j, step, pad, dilation, from_width, BACK)
            inside = in_row & in_column & (at < positions)
            pixel = (image * from_height + h) * from_width + v
            read = tl.load(x + pixel[:, None] * channels + (first + a)[None, :], mask=inside[:, None], other=0)
            kernel = tl.load(weights + i * w_row + j * w_column, mask=together, other=0)
            total = tl.dot(read, kernel, total, input_precision="tf32x3") if SINGLE else tl.dot(read, kernel, total)
    written = y + at[:, None] * channels + (first + b)[None, :]
    tl.store(written, total.to(y.dtype.element_ty), mask=(at < positions)[:, None])


@triton.jit(do_not_specialize=[*SIZES, "each"])
def weigh(
    x, g, parts, positions, height, width, from_height, from_width, channels, step, pad, dilation, each,
    GROUP: tl.constexpr, T: tl.constexpr, BLOCK: tl.constexpr, SINGLE: tl.constexpr,
):  # fmt: skip
    """parts (P, C, GROUP, 3, 3): of P stretches of `each` positions, what they add to the gradient of the weights, from
    x (B, from_height, from_width, C) and the gradient g (positions, C) of the output. A program has one row of taps."""
    first, i = tl.program_id(1) * T, tl.program_id(2)
    a, b = tl.arange(0, T), tl.arange(0, T)  # channels of the tile: of x, of g
    left = tl.zeros((T, T), tl.float32)
    middle = tl.zeros((T, T), tl.float32)
    right = tl.zeros((T, T), tl.float32)
    begin = tl.program_id(0) * each
    end = tl.minimum(begin + each, positions)
    for start in range(begin, end, BLOCK):
        at = start + tl.arange(0, BLOCK)
        column, row, image = at % width, at // width % height, at // (width * height)
        h = row * step - pad + i * dilation
        v = column * step - pad
        there = (at < end) & (h >= 0) & (h < from_height)
        gradient = tl.load(g + at[:, None] * channels + (first + b)[None, :], mask=(at < end)[:, None], other=0)
        pixel = x + ((image * from_height + h) * from_width + v)[None, :] * channels + (first + a)[:, None]
        ok = there & (v >= 0) & (v < from_width)
        read = tl.load(pixel, mask=ok[None, :], other=0)
        left = tl.dot(read, gradient, left, input_precision="tf32x3") if SINGLE else tl.dot(read, gradient, left)
        v += dilation
        pixel += dilation * channels
        ok = there & (v >= 0) & (v < from_width)
        read = tl.load(pixel, mask=ok[None, :], other=0)
        middle = tl.dot(read, gradient, middle, input_precision="tf32x3") if SINGLE else tl.dot(read, gradient, middle)
        v += dilation
        pixel += dilation * channels
        ok = there & (v >= 0) & (v < from_width)
        read = tl.load(pixel, mask=ok[None, :], other=0)
        right = tl.dot(read, gradient, right, input_precision="tf32x3") if SINGLE else tl.dot(read, gradient, right)
    together = (a // GROUP)[:, None] == (b // GROUP)[None, :]
    one = channels * GROUP * 9
    to = parts + tl.program_id(0) * one + (first + b)[None, :] * (GROUP * 9) + (a % GROUP)[:, None] * 9 + i * 3
    tl.store(to, left, mask=together)
    tl.store(to + 1, middle, mask=together)
    tl.store(to + 2, right, mask=together)
