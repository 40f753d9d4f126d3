"""A mini sweep, WRN-16-2 teaches six convs (5,000 images of CIFAR's shape, one epoch, 19 cells): the loop that
everybody writes, cell by cell; one cell at a time; in cohorts; in cohorts of two processes. Once each, on all cores.

    python -m pytest benchmarks/test_sweep.py --benchmark-only

CHEAPCONV_BENCH_IMAGES takes fewer images; 1,000 more are tested, or as many if these are fewer.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmarks import textbook
from benchmarks.synthetic import Synthetic
from cheapconv import catalog
from cheapconv.engine.measure import timings
from cheapconv.engine.read.registry import Sweep
from cheapconv.engine.run import session
from cheapconv.engine.run.planning import plan
from cheapconv.engine.run.settings import Settings
from cheapconv.models.build import build_network
from cheapconv.suites.place import cores

IMAGES = int(os.environ.get("CHEAPCONV_BENCH_IMAGES", "5000"))
TESTED = min(IMAGES, 1000)
NETWORK = "wrn(depth=16, width=2)"
CONVS = ("standard", "group(groups=2)", "G(4)", "G(N)", "BG(2,M/8)", "od_shift")
METHODS = ("scratch", "kd", "at")


@pytest.fixture(autouse=True)
def all_threads() -> Iterator[None]:
    """As many as there are cores."""
    before = torch.get_num_threads()
    torch.set_num_threads(cores())
    yield
    torch.set_num_threads(before)


def by_textbook() -> None:
    """One cell after the other."""
    data = Synthetic(IMAGES, TESTED).load()
    images, tested = (x.permute(0, 2, 3, 1).contiguous().numpy() for x in (data.train_x, data.test_x))
    teacher = build_network(NETWORK, "standard", 10)
    cells: list[tuple[str, str]] = [("standard", "scratch"), *((conv, name) for conv in CONVS for name in METHODS)]
    for number, (conv, name) in enumerate(cells):
        student = teacher if number == 0 else build_network(NETWORK, conv, 10)
        for _ in textbook.train(student, teacher, textbook.LOSSES[name], images, data.train_y.tolist()):
            pass
        textbook.top1(student, tested, data.test_y.tolist())
        if number == 0:
            teacher.eval().requires_grad_(False)


def by_runner(store: Path, **settings: Any) -> None:
    """As `cheapconv run`, without timings and tracking."""
    taught = [{name: {"teacher": "teacher"}} for name in METHODS[1:]]
    body = {
        "suite": f"synthetic(images={IMAGES}, tested={TESTED})",
        "recipe": "short",
        "seeds": [0],
        "plugins": ["benchmarks.synthetic"],
        "entries": [
            # Another seed: the same network is a row of the grid too.
            {"name": "teacher", "architecture": NETWORK, "conv": "standard", "method": "scratch", "seeds": [1]},
            {"architecture": NETWORK, "conv": [*CONVS], "method": ["scratch", *taught]},
        ],
    }
    whole = plan(Sweep.model_validate(body), "mini")
    assert session.run(whole, whole, store, Settings(device="cpu", mlflow="none", **settings)) == 0


@pytest.mark.benchmark(group=f"a mini sweep of {IMAGES} images")
@pytest.mark.parametrize("way", ["textbook", "one by one", "cohort", "cohorts of two workers", "two workers"])
def test_mini_sweep(benchmark: Any, way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    catalog.load()
    monkeypatch.setattr(timings, "take", lambda *args: None)
    ways: dict[str, Callable[[], None]] = {
        "textbook": by_textbook,  # the first: a run changes how its process keeps memory
        "one by one": lambda: by_runner(tmp_path / "one", cohort=1),
        "cohort": lambda: by_runner(tmp_path / "cohort"),
        "cohorts of two workers": lambda: by_runner(tmp_path / "crew", workers=2),
        "two workers": lambda: by_runner(tmp_path / "two", workers=2, cohort=1),
    }
    benchmark.pedantic(ways[way], rounds=1)
