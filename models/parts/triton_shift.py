"""Kernels in Triton; the modules that call them say what they do. Nothing else imports this one."""

# mypy: disable-error-code="no-untyped-def,untyped-decorator,import-untyped"

import triton
import triton.language as tl


@triton.jit
def shift(
    x, y, total, channels, height, width, moved, dilation, K: tl.constexpr, NHWC: tl.constexpr, BLOCK: tl.constexpr
):
    """y[c, h, w] = x[c, h + dy(c), w + dx(c)], zero outside; a program writes BLOCK neighbours in memory."""
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    if NHWC:
        channel, column, row = at % channels, at // channels % width, at // (channels * width) % height
        right, down = channels, channels * width
    else:
        column, row, channel = at % width, at // width % height, at // (width * height) % channels
        right, down = 1, width
    offset = channel % (K * K)
    dx = tl.where(channel < moved, (offset % K - K // 2) * dilation, 0)
    dy = tl.where(channel < moved, (offset // K - K // 2) * dilation, 0)
    inside = (column + dx >= 0) & (column + dx < width) & (row + dy >= 0) & (row + dy < height)
    found = tl.load(x + at + dy * down + dx * right, mask=inside & (at < total), other=0)
    tl.store(y + at, found, mask=at < total)
