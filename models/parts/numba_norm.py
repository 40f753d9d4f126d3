"""Batch norm and the ReLU behind it in bf16 on a CPU, in Numba: what `cpu_norm` calls.

Maps are matrices whose rows hold several positions side by side, all channels of one after those of another, so
vectors of a number for each channel are repeated to a row's width. A number of bf16 is the upper half of a float32's
bits: maps are read and written as 16-bit integers. `chunks` are (height in rows, first chunk, end), what one
thread does.
"""

from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba.extending import intrinsic

BLOCK = 256  # rows that are summed in float32 before their sum is added in float64
HALF, ONE, ROUND, NAN = np.uint32(16), np.uint32(1), np.uint32(0x7FFF), np.uint16(0x7FC0)
ZERO = np.float32(0)

jit = numba.njit(nogil=True, boundscheck=False, error_model="numpy", fastmath={"contract"})


@intrinsic
def _as_float(context: Any, bits: Any) -> Any:
    """float32 of these bits."""
    return numba.float32(numba.uint32), lambda _, builder, __, given: builder.bitcast(given[0], ir.FloatType())


@intrinsic
def _as_bits(context: Any, number: Any) -> Any:
    """Bits of a float32."""
    return numba.uint32(numba.float32), lambda _, builder, __, given: builder.bitcast(given[0], ir.IntType(32))


@numba.njit(inline="always")
def _widened(v: np.uint16) -> np.float32:
    """bf16 -> float32."""
    return _as_float(np.uint32(v) << HALF)


@numba.njit(inline="always")
def _rounded(v: np.float32) -> np.uint16:
    """float32 -> bf16, to the nearest, ties to even."""
    bits = _as_bits(v)
    nearest = np.uint16((bits + ROUND + ((bits >> HALF) & ONE)) >> HALF)
    return NAN if v != v else nearest


@jit
def statistics(x, channels, chunks, partial):
    """partial[chunk] = sum over its rows of x minus the first position, and of its square."""
    (height, first, end), (rows, width) = chunks, x.shape
    origin = np.array([_widened(x[0, c % channels]) for c in range(width)])
    a, b = np.empty(width, np.float32), np.empty(width, np.float32)
    for chunk in range(first, end):
        s, q, bottom = partial[chunk, 0], partial[chunk, 1], min((chunk + 1) * height, rows)
        s[:], q[:] = 0, 0
        for start in range(chunk * height, bottom, BLOCK):
            a[:], b[:] = 0, 0
            for r in range(start, min(start + BLOCK, bottom)):
                for c in range(width):
                    d = _widened(x[r, c]) - origin[c]
                    a[c] += d
                    b[c] += d * d
            s += a
            q += b


@jit
def settle(x, partial, weight, bias, eps, mean, variance, scale, offset):
    """From `statistics`: mean and biased variance, and scale and offset of y = scale x + offset."""
    (rows, width), channels = x.shape, len(weight)
    count = rows * (width // channels)
    for c in range(channels):
        s, q = partial[:, 0, c::channels].sum() / count, partial[:, 1, c::channels].sum() / count
        m, v = _widened(x[0, c]) + s, max(q - s * s, 0.0)
        a = weight[c] / np.sqrt(v + eps)
        mean[c], variance[c] = m, v
        scale[c::channels], offset[c::channels] = a, bias[c] - a * m


@jit
def transform(x, y, scale, offset, floor, chunks):
    """y = max(scale x + offset, floor)."""
    (height, first, end), (rows, width) = chunks, x.shape
    for r in range(first * height, min(end * height, rows)):
        for c in range(width):
            v = _widened(x[r, c]) * scale[c] + offset[c]
            y[r, c] = _rounded(floor if v <= floor else v)


@jit
def sums(g, x, scale, offset, floor, mean, chunks, partial):
    """partial[chunk] = sum over its rows of d, and of d (x - mean), where d is g behind the floor."""
    (height, first, end), (rows, width), channels = chunks, x.shape, len(mean)
    middle = np.array([mean[c % channels] for c in range(width)])
    a, b = np.empty(width, np.float32), np.empty(width, np.float32)
    for chunk in range(first, end):
        s, q, bottom = partial[chunk, 0], partial[chunk, 1], min((chunk + 1) * height, rows)
        s[:], q[:] = 0, 0
        for start in range(chunk * height, bottom, BLOCK):
            a[:], b[:] = 0, 0
            for r in range(start, min(start + BLOCK, bottom)):
                for c in range(width):
                    v, d = _widened(x[r, c]), _widened(g[r, c])
                    d = ZERO if v * scale[c] + offset[c] <= floor else d
                    a[c] += d
                    b[c] += d * (v - middle[c])
            s += a
            q += b


@jit
def combine(partial, weight, mean, variance, eps, rows, of_weight, of_bias, slope, constant):
    """From `sums`: gradients of weight and bias, and slope and constant of x in that of x.

    With x^ = (x - mean) / s, s = sqrt(variance + eps), it is weight / s (d - mean of d - x^ mean of (d x^)).
    """
    channels, width = len(weight), len(slope)
    for c in range(channels):
        s, q = partial[:, 0, c::channels].sum(), partial[:, 1, c::channels].sum()
        inverse = 1 / np.sqrt(variance[c] + eps)
        of_weight[c], of_bias[c] = q * inverse, s
        a = -weight[c] * inverse / (rows * (width // channels))
        m = a * inverse * inverse * q
        slope[c::channels], constant[c::channels] = m, a * s - m * mean[c]


@jit
def gradient(g, x, to, scale, offset, floor, slope, constant, chunks):
    """to = scale d + slope x + constant, d as in `sums`."""
    (height, first, end), (rows, width) = chunks, x.shape
    for r in range(first * height, min(end * height, rows)):
        for c in range(width):
            v, d = _widened(x[r, c]), _widened(g[r, c])
            d = ZERO if v * scale[c] + offset[c] <= floor else d
            to[r, c] = _rounded(scale[c] * d + slope[c] * v + constant[c])
