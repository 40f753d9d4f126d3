"""Steps by method and conv, WRN-40-2 teaching WRN-16-2 on batches of 128 of CIFAR's shape: ours, and those of the loop
that everybody writes, on all cores.

    python -m pytest benchmarks/test_steps.py --benchmark-only

Of each: images a second; the shares of data, teacher, forward, backward, optimiser and what lies between; what it
takes of memory at most; and its floor, the larger of multiply-adds at the best rate of a matrix product here and of
maps moved at the rate of a copy. CHEAPCONV_BENCH_ROUNDS takes other than 5 rounds.

Last, what a cohort puts on the bill of each of its trainings against the same trainings alone, in turn.
"""

import os
import statistics
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch.utils.data import dataloader

from benchmarks import steps
from benchmarks.shares import LOOKED_AT, MOVED, STEP, Rates, map_bytes, peak_bytes
from benchmarks.steps import BATCH, CONVS, Steps
from cheapconv.engine.measure.sizes import sizes
from cheapconv.engine.run import heap
from cheapconv.engine.store.runs import Store
from cheapconv.suites.place import Place, cores

ROUNDS = int(os.environ.get("CHEAPCONV_BENCH_ROUNDS", "5"))
IMAGE = (3, 32, 32)


@pytest.fixture(scope="module", autouse=True)
def threads() -> Iterator[int]:
    """As many as there are cores."""
    before = torch.get_num_threads()
    torch.set_num_threads(cores())
    yield cores()
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def rates(threads: int) -> Rates:
    return Rates.measured()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return steps.store_in(tmp_path_factory.mktemp("steps") / "runs")


def measure(benchmark: Any, taken: Steps, rates: Rates, students: int = 1) -> None:
    """Time the steps, and say what they are made of."""
    with pytest.MonkeyPatch.context() as patch:
        timed = taken.shares.timed
        patch.setattr(torch.Tensor, "backward", timed("backward", torch.Tensor.backward))
        patch.setattr(torch.optim.SGD, "step", timed("optimiser", torch.optim.SGD.step))
        loading = dataloader._BaseDataLoaderIter
        patch.setattr(loading, "__next__", timed("data", loading.__next__))
        taken.take()
        taken.shares.seconds.clear()
        benchmark.pedantic(timed("between", taken.take), rounds=ROUNDS, warmup_rounds=0)
        seconds = dict(taken.shares.seconds)
        heap.give_back()
        peak = peak_bytes(taken.take)
    if not benchmark.enabled:
        return
    x = torch.zeros(BATCH, *IMAGE).contiguous(memory_format=torch.channels_last)
    macs = BATCH * sum(STEP * sizes(s, IMAGE).macs for s in taken.students)
    macs += BATCH * sum(sizes(t, IMAGE).macs for t in taken.teachers)
    moved = sum(MOVED * map_bytes(s, x) for s in taken.students) + sum(
        LOOKED_AT * map_bytes(t, x) for t in taken.teachers
    )
    total, median = sum(seconds.values()), benchmark.stats.stats.median
    benchmark.extra_info |= {
        "images_per_s": round(students * BATCH / median, 1),
        "shares_percent": {name: round(100 * part / total, 1) for name, part in sorted(seconds.items())},
        "peak_mib": peak and round(peak / 2**20),
        "floor_ms": round(1000 * rates.floor_s(macs, moved), 1),
        "times_the_floor": round(median / rates.floor_s(macs, moved), 2),
    }


@pytest.mark.parametrize("conv", CONVS)
@pytest.mark.parametrize("method", ["scratch", "kd", "at", "od"])
@pytest.mark.parametrize("way", ["textbook", "ours"])
def test_step(benchmark: Any, store: Store, rates: Rates, threads: int, way: str, method: str, conv: str) -> None:
    benchmark.group = f"a step of {method}, {conv}"
    place = Place(torch.device("cpu"), threads)
    taken = steps.theirs(method, conv) if way == "textbook" else steps.ours(store, place, [(method, conv)])
    measure(benchmark, taken, rates)


@pytest.mark.benchmark(group="a step of kd of four students")
def test_step_of_a_cohort(benchmark: Any, store: Store, rates: Rates, threads: int) -> None:
    convs = [conv for conv in CONVS if conv != "shift"]
    taken = steps.ours(store, Place(torch.device("cpu"), threads), [("kd", conv) for conv in convs])
    measure(benchmark, taken, rates, len(convs))


@pytest.mark.benchmark(group="the bill of a cohort")
def test_bill(benchmark: Any, store: Store, threads: int) -> None:
    cells = [(method, conv) for method in ("scratch", "kd", "at") for conv in ("S", "G(N)")]
    place = Place(torch.device("cpu"), threads)
    alone, together = [steps.ours(store, place, [cell]) for cell in cells], steps.ours(store, place, cells)
    bills: dict[str, list[tuple[float, float]]] = {f"{method} {conv}": [] for method, conv in cells}

    def all_of_them() -> None:
        for one in alone:
            one.take()
        together.take()
        for bill, one, member in zip(bills.values(), alone, together.trainings, strict=True):
            own, shared = (training.bill.settle()["epoch_steps_s"] for training in (one.trainings[0], member))
            bill.append((own, shared))

    benchmark.pedantic(all_of_them, rounds=ROUNDS, warmup_rounds=1)
    for cell, bill in bills.items() if benchmark.enabled else ():
        own, shared = (statistics.median(seconds) for seconds in zip(*bill[1:], strict=True))
        benchmark.extra_info[cell] = {"alone_ms": round(1000 * own), "billed_ms": round(1000 * shared)}
