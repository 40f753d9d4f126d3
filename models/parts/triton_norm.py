"""Kernels in Triton of batch norm; `models.parts.gpu_norm` calls them and says what they do. Nothing else imports
this one.

x is a matrix of rows (one a pixel) of channels, as channels last lies in memory. A program of `statistics`,
`transform`, `sums` and `gradient` has a tile of it, ROWS x CHANNELS, in registers: the chunk number program_id(0) of
rows and the block number program_id(1) of channels. Statistics and sums of a chunk go to buffers (chunks, channels)
that `combine_statistics` and `combine_sums` reduce, in one order whatever runs when.
"""

# mypy: disable-error-code="no-untyped-def,untyped-decorator,import-untyped"

import triton
import triton.language as tl


@triton.jit
def _tile(rows, channels, ROWS: tl.constexpr, CHANNELS: tl.constexpr, ALIGNED: tl.constexpr):
    """This program's channels (CHANNELS,), where its tile is (ROWS, CHANNELS), and which of it lies inside.

    ALIGNED divides the number of channels, and the compiler, told so, reads and writes as many at once.
    """
    channels = channels // ALIGNED * ALIGNED
    row = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    channel = tl.program_id(1) * CHANNELS + tl.arange(0, CHANNELS)
    inside = (row < rows)[:, None] & (channel < channels)[None, :]
    return channel, row[:, None] * channels + channel[None, :], inside


@triton.jit
def _of_channels(values, channel, channels):
    """Float32 values (1, CHANNELS) of these channels."""
    return tl.load(values + channel, mask=channel < channels, other=0)[None, :]


@triton.jit
def _first(x, channel, channels):
    """The map's first row (CHANNELS,), from which means are taken: so one far from zero is rounded once, at the end."""
    return tl.load(x + channel, mask=channel < channels, other=0).to(tl.float32)


@triton.jit
def statistics(x, means, squares, rows, channels, ROWS: tl.constexpr, CHANNELS: tl.constexpr, ALIGNED: tl.constexpr):
    """Of each chunk the mean, less the first row, and the sum of squared distances from it, in two passes over it."""
    channel, at, inside = _tile(rows, channels, ROWS, CHANNELS, ALIGNED)
    value = tl.load(x + at, mask=inside, other=0).to(tl.float32)
    off = tl.where(inside, value - _first(x, channel, channels)[None, :], 0)
    mean = tl.sum(off, axis=0) / tl.minimum(rows - tl.program_id(0) * ROWS, ROWS)
    distance = tl.where(inside, off - mean[None, :], 0)
    to = tl.program_id(0) * channels + channel
    tl.store(means + to, mean, mask=channel < channels)
    tl.store(squares + to, tl.sum(distance * distance, axis=0), mask=channel < channels)


@triton.jit
def combine_statistics(
    x, means, squares, mean_of, scale_of, running_mean, running_var, tracked, momentum, eps, rows, channels, chunks,
    ROWS: tl.constexpr, CHUNKS: tl.constexpr, CHANNELS: tl.constexpr,
):  # fmt: skip
    """Mean and 1 / deviation of each channel, by Chan's formula; running statistics (of the unbiased variance) and the
    count of batches go on.
    """
    channel = tl.program_id(0) * CHANNELS + tl.arange(0, CHANNELS)
    known = channel < channels
    count = 0.0
    mean = tl.zeros((CHANNELS,), tl.float32)
    square = tl.zeros((CHANNELS,), tl.float32)
    for start in range(0, chunks, CHUNKS):
        chunk = start + tl.arange(0, CHUNKS)
        at = chunk[:, None] * channels + channel[None, :]
        inside = (chunk < chunks)[:, None] & known[None, :]
        size = tl.maximum(tl.minimum(rows - chunk * ROWS, ROWS), 0).to(tl.float32)
        of_chunk = tl.load(means + at, mask=inside, other=0)
        here = tl.sum(size, axis=0)
        middle = tl.sum(size[:, None] * of_chunk, axis=0) / here
        apart = of_chunk - middle[None, :]
        within = tl.load(squares + at, mask=inside, other=0)
        step = middle - mean
        share = here / (count + here)
        square += tl.sum(within + size[:, None] * apart * apart, axis=0) + step * step * (count * share)
        mean += step * share
        count += here
    mean += _first(x, channel, channels)
    tl.store(mean_of + channel, mean, mask=known)
    tl.store(scale_of + channel, tl.rsqrt(square / rows + eps), mask=known)
    old = tl.load(running_mean + channel, mask=known)
    tl.store(running_mean + channel, (1 - momentum) * old + momentum * mean, mask=known)
    old = tl.load(running_var + channel, mask=known)
    tl.store(running_var + channel, (1 - momentum) * old + momentum * (square / (rows - 1)), mask=known)
    if tl.program_id(0) == 0:
        tl.store(tracked, tl.load(tracked) + 1)


@triton.jit
def transform(
    x,
    y,
    mean_of,
    scale_of,
    weight,
    bias,
    rows,
    channels,
    ROWS: tl.constexpr,
    CHANNELS: tl.constexpr,
    ALIGNED: tl.constexpr,
):
    """y = (x - mean) / deviation * weight + bias."""
    channel, at, inside = _tile(rows, channels, ROWS, CHANNELS, ALIGNED)
    value = tl.load(x + at, mask=inside, other=0).to(tl.float32)
    slope = _of_channels(scale_of, channel, channels) * _of_channels(weight, channel, channels)
    moved = (value - _of_channels(mean_of, channel, channels)) * slope + _of_channels(bias, channel, channels)
    tl.store(y + at, moved, mask=inside)


@triton.jit
def sums(
    g,
    x,
    mean_of,
    scale_of,
    ones,
    normed,
    rows,
    channels,
    ROWS: tl.constexpr,
    CHANNELS: tl.constexpr,
    ALIGNED: tl.constexpr,
):
    """Sums over each chunk of the gradient g, and of g times normalised x."""
    channel, at, inside = _tile(rows, channels, ROWS, CHANNELS, ALIGNED)
    given = tl.load(g + at, mask=inside, other=0).to(tl.float32)
    distance = tl.load(x + at, mask=inside, other=0).to(tl.float32) - _of_channels(mean_of, channel, channels)
    scale = tl.load(scale_of + channel, mask=channel < channels, other=0)
    to = tl.program_id(0) * channels + channel
    tl.store(ones + to, tl.sum(given, axis=0), mask=channel < channels)
    tl.store(normed + to, tl.sum(given * distance, axis=0) * scale, mask=channel < channels)


@triton.jit
def combine_sums(ones, normed, of_bias, of_weight, channels, chunks, CHUNKS: tl.constexpr, CHANNELS: tl.constexpr):
    """The sums over all chunks: they are the gradients of bias and weight."""
    channel = tl.program_id(0) * CHANNELS + tl.arange(0, CHANNELS)
    plain = tl.zeros((CHANNELS,), tl.float32)
    times = tl.zeros((CHANNELS,), tl.float32)
    for start in range(0, chunks, CHUNKS):
        chunk = start + tl.arange(0, CHUNKS)
        at = chunk[:, None] * channels + channel[None, :]
        inside = (chunk < chunks)[:, None] & (channel < channels)[None, :]
        plain += tl.sum(tl.load(ones + at, mask=inside, other=0), axis=0)
        times += tl.sum(tl.load(normed + at, mask=inside, other=0), axis=0)
    tl.store(of_bias + channel, plain, mask=channel < channels)
    tl.store(of_weight + channel, times, mask=channel < channels)


@triton.jit
def gradient(
    g, x, to, mean_of, scale_of, weight, of_bias, of_weight, rows, channels,
    ROWS: tl.constexpr, CHANNELS: tl.constexpr, ALIGNED: tl.constexpr,
):  # fmt: skip
    """Of x: weight / deviation * (g - mean of g - normalised x * mean of g times normalised x)."""
    channel, at, inside = _tile(rows, channels, ROWS, CHANNELS, ALIGNED)
    given = tl.load(g + at, mask=inside, other=0).to(tl.float32)
    distance = tl.load(x + at, mask=inside, other=0).to(tl.float32) - _of_channels(mean_of, channel, channels)
    scale = _of_channels(scale_of, channel, channels)
    slope = scale * (_of_channels(of_weight, channel, channels) / rows)
    centred = given - _of_channels(of_bias, channel, channels) / rows - distance * slope
    tl.store(to + at, scale * _of_channels(weight, channel, channels) * centred, mask=inside)
