"""What a CUDA device makes of layers of WRN-40-2, forward and backward, beside the time of moving their maps once, and
the library's kernels beside this project's: medians in microseconds.

    python -m benchmarks.gpu_kernels shapes|grouped|norms
"""

import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import torch
from torch import Tensor, nn

from cheapconv.engine.train.precision import use_ieee_float32
from cheapconv.models.parts.gpu_norm import TILINGS, normalised
from cheapconv.models.parts.grouped_kernel import convolved, grouped, input_gradient, weight_gradient
from cheapconv.models.parts.shift import shift

BATCH = 128
CUDA = torch.device("cuda", 0)
SETS, ITERATIONS, REPLAYS = 8, 16, 7  # tensors in turn, so that the cache does not have them; calls in a graph
FORMATS = {"NHWC": torch.channels_last, "NCHW": torch.contiguous_format}
MAPS = ((32, 32), (64, 16), (128, 8))  # channels, side
CASES = [  # of groups, by channels in each
    (channels, side, group, dtype)
    for dtype, groups in ((torch.bfloat16, (2, 4, 8, 16, 32)), (torch.float32, (2, 8, 16)))
    for channels, side in MAPS
    for group in groups
    if group < channels
]


def shapes() -> Iterator[str]:
    """Convolutions of WRN-40-2, forward and backward, beside the time of moving their maps once."""
    big = torch.empty(2**28, device=CUDA)
    to = torch.empty_like(big)
    rate = 2 * big.numel() * 4 / graphed([partial(to.copy_, big)])
    del big, to
    yield f"copy: {rate / 1e12:.2f} TB/s"
    use_ieee_float32()
    torch.backends.cudnn.benchmark = True
    for channels, side in MAPS:
        for groups in sorted({1, 2, 4, 8, channels // 8, channels // 2, channels}):
            for dtype in (torch.float32, torch.bfloat16):
                for layout in FORMATS:
                    yield one_shape(channels, side, groups, dtype, layout, rate)


def one_shape(channels: int, side: int, groups: int, dtype: torch.dtype, layout: str, rate: float) -> str:
    """Forward, gradient of the input, gradient of the weight, in microseconds; the shift where groups are channels."""
    shape, kernels = (BATCH, channels, side, side), (channels, channels // groups, 3, 3)

    def drawn(size: Sequence[int]) -> list[Tensor]:
        drawn = [torch.randn(*size, device=CUDA, dtype=dtype) for _ in range(SETS)]
        return [tensor.contiguous(memory_format=FORMATS[layout]) for tensor in drawn]

    xs, gs, ws = drawn(shape), drawn(shape), drawn(kernels)
    work: dict[str, list[Callable[[], object]]] = {"forward": [], "input": [], "weight": []}
    for x, g, w in zip(xs, gs, ws, strict=True):
        work["forward"].append(partial(torch.conv2d, x, w, padding=1, groups=groups))
        for name, of in (("input", [True, False, False]), ("weight", [False, True, False])):
            back = torch.ops.aten.convolution_backward
            work[name].append(partial(back, g, x, w, None, [1, 1], [1, 1], [1, 1], False, [0, 0], groups, of))
    if groups == channels:
        work["shift"] = [partial(shift, x) for x in xs]
        work["norm"] = []
        norm = nn.BatchNorm2d(channels).to(CUDA)
        work["norm"] = [partial(norm, x) for x in xs]
    floor = 2 * xs[0].numel() * xs[0].element_size() / rate
    texts = [
        f"{name} {1e6 * took:.1f} ({took / floor:.1f})" for name, took in ((n, graphed(w)) for n, w in work.items())
    ]
    name = f"{channels} channels, {side} x {side}, {groups} groups, {str(dtype)[6:]}, {layout}"
    return f"{name}: us (times a copy's {1e6 * floor:.1f}): {', '.join(texts)}"


def grouped_ones() -> Iterator[str]:
    """Kernels of this project beside the library's: grouped convolutions, and batch norm."""
    torch.backends.cudnn.benchmark = True
    for case in CASES:
        yield one_group(*case)
    torch.backends.cudnn.benchmark = False


def compile_all() -> None:
    """In processes side by side: what is compiled is kept on the disk."""
    with torch.multiprocessing.get_context("spawn").Pool(9) as pool:
        pool.starmap(once, CASES, chunksize=1)


def once(channels: int, side: int, group: int, dtype: torch.dtype) -> None:
    """Compile the kernels of a shape."""
    size = (BATCH, channels, side, side)
    x = torch.randn(*size, device=CUDA, dtype=dtype).contiguous(memory_format=torch.channels_last).requires_grad_()
    w = torch.randn(channels, group, 3, 3, device=CUDA, dtype=dtype, requires_grad=True)
    grouped(x, w, 1, 1, 1).sum().backward()


def one_group(channels: int, side: int, group: int, dtype: torch.dtype) -> str:
    """Forward, gradient of the input, gradient of the weight: the library's, and ours."""
    use_ieee_float32()
    xs, gs = (many((BATCH, channels, side, side), dtype) for _ in range(2))
    (w,) = many((channels, group, 3, 3), dtype)[:1]
    back, groups = torch.ops.aten.convolution_backward, channels // group
    rest = ([1, 1], [1, 1], [1, 1], False, [0, 0], groups)
    pairs = {
        "forward": (
            [partial(torch.conv2d, x, w, padding=1, groups=groups) for x in xs],
            [partial(convolved, x, w, 1, 1, 1) for x in xs],
        ),
        "input": (
            [partial(back, g, x, w, None, *rest, [True, False, False]) for x, g in zip(xs, gs, strict=True)],
            [partial(input_gradient, g, w, x, 1, 1, 1) for x, g in zip(xs, gs, strict=True)],
        ),
        "weight": (
            [partial(back, g, x, w, None, *rest, [False, True, False]) for x, g in zip(xs, gs, strict=True)],
            [partial(weight_gradient, x, g, w, 1, 1, 1) for x, g in zip(xs, gs, strict=True)],
        ),
    }
    texts = [f"{n} {1e6 * graphed(theirs):.1f} -> {1e6 * graphed(own):.1f}" for n, (theirs, own) in pairs.items()]
    return f"{channels} channels, {side} x {side}, groups of {group}, {str(dtype)[6:]}: us {', '.join(texts)}"


def many(size: Sequence[int], dtype: torch.dtype) -> list[Tensor]:
    """Random tensors in channels_last."""
    drawn = [torch.randn(*size, device=CUDA, dtype=dtype) for _ in range(SETS)]
    return [tensor.contiguous(memory_format=torch.channels_last) for tensor in drawn]


@torch.no_grad()
def graphed(work: Sequence[Callable[[], object]]) -> float:
    """Seconds of one call, of many that are launched together on tensors in turn."""
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        for _ in range(3):
            for call in work:
                call()
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, stream=stream):
        for number in range(ITERATIONS):
            work[number % len(work)]()
    times = []
    for _ in range(REPLAYS):
        begun, ended = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begun.record()
        graph.replay()
        ended.record()
        torch.cuda.synchronize()
        times.append(begun.elapsed_time(ended) / 1000 / ITERATIONS)
    return statistics.median(times[1:])


def norms() -> Iterator[str]:
    """Batch norm in training, forward and backward together."""
    for channels, side in MAPS:
        for dtype in (torch.bfloat16, torch.float32):
            xs, gs = (many((BATCH, channels, side, side), dtype) for _ in range(2))
            norm = nn.BatchNorm2d(channels).to(CUDA)
            ways: dict[str, Callable[[Tensor], Tensor]] = {"torch": norm}
            ways |= {name: partial(normalised, norm, tiling=tiling) for name, tiling in TILINGS.items()}
            texts = []
            for name, way in ways.items():
                work = [partial(there_and_back, way, norm, x, g) for x, g in zip(xs, gs, strict=True)]
                texts.append(f"{name} {1e6 * graphed(work):.1f}")
            yield f"{channels} channels, {side} x {side}, {str(dtype)[6:]}: us {', '.join(texts)}"


@torch.enable_grad()
def there_and_back(way: Callable[[Tensor], Tensor], norm: nn.Module, x: Tensor, g: Tensor) -> object:
    """Output and gradients."""
    x = x.detach().requires_grad_()
    return torch.autograd.grad(way(x), (x, *norm.parameters()), g)


EXPERIMENTS = {"shapes": shapes, "grouped": grouped_ones, "norms": norms}

if __name__ == "__main__":
    compile_all()
    for name in sys.argv[1:] or EXPERIMENTS:
        begun = time.perf_counter()
        for line in EXPERIMENTS[name]():
            print(f"{name}: {line}", flush=True)  # noqa: T201
        print(f"{name}: took {time.perf_counter() - begun:.0f} s", flush=True)  # noqa: T201
