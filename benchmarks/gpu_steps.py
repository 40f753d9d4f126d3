"""What a CUDA device makes of steps, each beside what it is compared with.

python -m benchmarks.gpu_steps steps quick cohorts table2 kernels tuned compiled
"""

import gc
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch.profiler import ProfilerActivity, profile

from benchmarks import steps
from benchmarks.steps import BATCH, RECIPE, STUDENT, TEACHER, Steps
from cheapconv import catalog
from cheapconv.engine.store.runs import Store
from cheapconv.engine.train.precision import use_ieee_float32
from cheapconv.models import quick
from cheapconv.models.quick import QUICK
from cheapconv.suites.place import Place

WARM, TIMED = 14, 40  # steps: those before a recording is chosen, and those timed
CUDA = torch.device("cuda", 0)
PRECISIONS = ("fp32", "bf16")
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


def own(
    store: Store,
    cells: Sequence[tuple[str, str]],
    student: str,
    precision: str,
    captured: bool = False,
    compiled: bool = False,
) -> float:
    """Milliseconds of a step of ours."""
    gc.collect()
    use_ieee_float32()
    recipe = replace(RECIPE, precision=precision)  # type: ignore[arg-type]
    return step_ms(steps.ours(store, Place(CUDA), cells, student, recipe, captured, compiled))


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


def quickened(store: Store) -> Iterator[str]:
    """Captured steps with the library's layers, and with this project's kernels."""
    for conv in ("S", "G(4)", "G(N/2)", "G(N)", "BG(2,M/8)", "shift"):
        for precision in ("bf16",) if conv != "G(4)" else PRECISIONS:
            took = []
            for layers in ({}, QUICK):
                with pytest.MonkeyPatch.context() as patch:
                    patch.setattr(quick, "QUICK", layers)
                    took.append(own(store, [("scratch", conv)], TEACHER, precision, captured=True))
            yield f"scratch, {conv}, {TEACHER}, {precision}, captured: {took[0]:.2f} -> {took[1]:.2f} ms"


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


EXPERIMENTS = {
    "steps": loops,
    "quick": quickened,
    "cohorts": cohorts,
    "table2": table2,
    "kernels": kernels,
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
