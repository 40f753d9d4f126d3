"""What a CUDA device makes of steps and of cheap convolutions: medians, each beside what it is compared with.

python -m benchmarks.gpu steps|cohorts|table2|shapes|kernels|own|tuned|compiled
"""

import gc
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile

from benchmarks import steps
from benchmarks.steps import BATCH, RECIPE, STUDENT, TEACHER, Steps
from cheapconv import catalog
from cheapconv.engine.store.runs import Store
from cheapconv.engine.train.precision import use_ieee_float32
from cheapconv.models.parts.grouped_kernel import convolved, grouped, input_gradient, weight_gradient
from cheapconv.models.parts.shift import shift
from cheapconv.suites.place import Place

WARM, TIMED = 14, 40  # steps: those before a recording is chosen, and those timed
CUDA = torch.device("cuda", 0)
PRECISIONS = ("fp32", "bf16")
SETS, ITERATIONS, REPLAYS = 8, 16, 7  # tensors in turn, so that the cache does not have them; calls in a graph
FORMATS = {"NHWC": torch.channels_last, "NCHW": torch.contiguous_format}
# Moonshine's Table 2: (architecture, convs).
TABLE2 = [
    ("wrn(depth=16, width=2)", ["standard"]),
    ("wrn(depth=40, width=1)", ["standard"]),
    ("wrn(depth=16, width=1)", ["standard"]),
    (
        TEACHER,
        [
            *("standard2x2", "G(2)", "G(4)", "G(8)", "G(16)", "G(N/16)", "G(N/8)", "G(N/4)", "G(N/2)", "G(N)", "B(2)"),
            *("B(4)", "BG(2,2)", "BG(2,4)", "BG(2,8)", "BG(2,16)", "BG(2,M/16)", "BG(2,M/8)", "BG(2,M/4)"),
            *("BG(2,M/2)", "BG(2,M)", "BG(4,M)"),
        ],
    ),
]


def step_ms(taken: Steps) -> float:
    """Milliseconds of a step, of all trainings side by side: of many in turn, since one alone is not waited for."""
    for _ in range(WARM):
        taken.take()
    torch.cuda.synchronize()
    begun = time.perf_counter()
    for _ in range(TIMED):
        taken.take()
    torch.cuda.synchronize()
    return 1000 * (time.perf_counter() - begun) / TIMED


def described(name: str, ms: float, trainings: int = 1) -> str:
    """A line."""
    return f"{name}: {ms:.2f} ms, {1000 * trainings * BATCH / ms:,.0f} images/s"


def own(store: Store, cells: Sequence[tuple[str, str]], student: str, precision: str, **ways: bool) -> float:
    """Milliseconds of a step of ours."""
    gc.collect()
    use_ieee_float32()
    recipe = replace(RECIPE, precision=precision)  # type: ignore[arg-type]
    return step_ms(steps.ours(store, Place(CUDA), cells, student, recipe, **ways))


def textbook(method: str, conv: str, student: str, workers: int) -> float:
    """Milliseconds of a step of the loop that everybody writes, with torch's own defaults."""
    gc.collect()
    torch.backends.cudnn.allow_tf32 = True
    return step_ms(steps.theirs(method, conv, student, CUDA, workers))


def loops(store: Store) -> Iterator[str]:
    """Steps of ours and of the loop that everybody writes, in turn."""
    for method, conv, student in [
        *(("scratch", conv, TEACHER) for conv in ("S", "G(N)", "BG(2,M/8)", "shift")),
        *((method, "S", STUDENT) for method in ("kd", "od")),
    ]:
        name = f"{method}, {conv}, {student}"
        for workers in (2, 8) if conv == "S" else (2,):
            yield described(f"{name}, textbook, {workers} workers", textbook(method, conv, student, workers))
        for precision in PRECISIONS:
            for captured in (False, True):
                way = f"{name}, ours, {precision}{', captured' if captured else ''}"
                yield described(way, own(store, [(method, conv)], student, precision, captured=captured))


def table2(store: Store) -> Iterator[str]:
    """Each network of Moonshine's Table 2: scratch, kd and at side by side, captured; at the end the whole table."""
    totals = dict.fromkeys(PRECISIONS, 0.0)
    for student, convs in TABLE2:
        for conv in convs:
            for precision in PRECISIONS:
                cells = [(method, conv) for method in ("scratch", "kd", "at")]
                ms = own(store, cells, student, precision, captured=True)
                totals[precision] += ms
                yield described(f"scratch, kd, at of {conv}, {student}, {precision}", ms, 3)
    for precision, ms in totals.items():
        hours = ms / 1000 * 200 * -(-50000 // BATCH) / 3600
        yield f"all of them for 200 epochs of 50,000 images, {precision}: {hours:.2f} h without evaluation"


def cohorts(store: Store) -> Iterator[str]:
    """kd of several students side by side."""
    convs = ["S", "G(4)", "G(N)", "BG(2,M/8)"]
    for precision in PRECISIONS:
        ms = own(store, [("kd", conv) for conv in convs], STUDENT, precision, captured=True)
        yield described(f"kd of {', '.join(convs)} side by side, {precision}, captured", ms, 4)


def kernels(store: Store) -> Iterator[str]:
    """What a captured step asks of the device, by kernel."""
    use_ieee_float32()
    recipe = replace(RECIPE, precision="bf16")
    for conv in ("S", "G(N)"):
        taken = steps.ours(store, Place(CUDA), [("scratch", conv)], TEACHER, recipe, captured=True)
        ms = step_ms(taken)
        with profile(activities=[ProfilerActivity.CUDA, ProfilerActivity.CPU]) as profiler:
            for _ in range(10):
                taken.take()
            torch.cuda.synchronize()
        found = [e for e in profiler.key_averages() if e.device_type == torch.autograd.DeviceType.CUDA]
        by_name = [(e.self_device_time_total / 10, e.count // 10, e.key) for e in found]
        busy = sum(took for took, *_ in by_name)
        yield f"{conv}: a step of {ms:.2f} ms keeps the device busy for {busy / 1000:.2f} ms"
        for took, count, name in sorted(by_name, reverse=True)[:24]:
            yield f"{conv}: {took:8.1f} us in {count:4d} of {name[:110]}"


def tuned(store: Store) -> Iterator[str]:
    """Captured steps, whose convolutions the library chooses by rule or by trying them."""
    for conv in ("S", "G(4)", "G(N)"):
        for precision in PRECISIONS:
            for tries in (False, True):
                torch.backends.cudnn.benchmark = tries
                ms = own(store, [("scratch", conv)], TEACHER, precision, captured=True)
                name = f"scratch, {conv}, {TEACHER}, {precision}, captured, {'tried' if tries else 'by rule'}"
                yield described(name, ms)
    torch.backends.cudnn.benchmark = False


def compiled(store: Store) -> Iterator[str]:
    """Recorded steps of a compiled method, and of the method as it is."""
    for method, conv, student in (("scratch", "S", TEACHER), ("scratch", "G(N)", TEACHER), ("kd", "S", STUDENT)):
        for compiles in (False, True):
            ms = own(store, [(method, conv)], student, "bf16", captured=True, compiled=compiles)
            yield described(f"{method}, {conv}, {student}, bf16{', compiled' if compiles else ''}, captured", ms)


def shapes(store: Store) -> Iterator[str]:
    """Convolutions of WRN-40-2, forward and backward, beside the time of moving their maps once."""
    big = torch.empty(2**28, device=CUDA)
    to = torch.empty_like(big)
    rate = 2 * big.numel() * 4 / graphed([partial(to.copy_, big)])
    del big, to
    yield f"copy: {rate / 1e12:.2f} TB/s"
    use_ieee_float32()
    torch.backends.cudnn.benchmark = True
    for channels, side in ((32, 32), (64, 16), (128, 8)):
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


def own_kernels(store: Store) -> Iterator[str]:
    """Kernels of this project beside the library's: grouped convolutions, and batch norm."""
    cases = [
        (channels, side, group, dtype)
        for dtype, groups in ((torch.bfloat16, (2, 4, 8, 16, 32)), (torch.float32, (2, 8, 16)))
        for channels, side in ((32, 32), (64, 16), (128, 8))
        for group in groups
        if group < channels
    ]
    with torch.multiprocessing.get_context("spawn").Pool(9) as pool:  # what is compiled is kept on the disk
        pool.starmap(once, cases, chunksize=1)
    torch.backends.cudnn.benchmark = True
    for case in cases:
        yield grouped_kernels(*case)
    torch.backends.cudnn.benchmark = False


def once(channels: int, side: int, group: int, dtype: torch.dtype) -> None:
    """Compile the kernels of a shape."""
    size = (BATCH, channels, side, side)
    x = torch.randn(*size, device=CUDA, dtype=dtype).contiguous(memory_format=torch.channels_last).requires_grad_()
    w = torch.randn(channels, group, 3, 3, device=CUDA, dtype=dtype, requires_grad=True)
    grouped(x, w, 1, 1, 1).sum().backward()


def grouped_kernels(channels: int, side: int, group: int, dtype: torch.dtype) -> str:
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


EXPERIMENTS = {
    "steps": loops,
    "cohorts": cohorts,
    "table2": table2,
    "shapes": shapes,
    "kernels": kernels,
    "own": own_kernels,
    "tuned": tuned,
    "compiled": compiled,
}

if __name__ == "__main__":
    catalog.load()
    with tempfile.TemporaryDirectory() as folder:
        store = steps.store_in(Path(folder) / "runs")
        for name in sys.argv[1:] or EXPERIMENTS:
            begun = time.perf_counter()
            for line in EXPERIMENTS[name](store):
                print(f"{name}: {line}", flush=True)  # noqa: T201
            print(f"{name}: took {time.perf_counter() - begun:.0f} s", flush=True)  # noqa: T201
