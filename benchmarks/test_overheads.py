"""What 10,000 cells cost beside their training: planning them, their status, a report over them.

    TMPDIR=/dev/shm python -m pytest benchmarks/test_overheads.py --benchmark-only

CHEAPCONV_BENCH_CELLS takes fewer of them. Peak memory of the process stands in `extra_info`.
"""

import os
import random
import resource
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cheapconv.engine.plan.plan import Plan
from cheapconv.engine.run import planning, record, session, show
from cheapconv.engine.store.records import CurveRow, Environment, NetworkResult, Result, Sizes
from cheapconv.engine.store.runs import Store
from cheapconv.reports import page

CELLS = int(os.environ.get("CHEAPCONV_BENCH_CELLS", "10000"))
CONVS, METHODS = 10, 5
REGISTRY = """\
sweeps:
  many:
    suite: digits
    recipe: short
    max_cells: 1000000
    seeds: {seeds}
    entries:
      - {{name: teacher, architecture: "wrn(depth=10, width=2)", conv: standard, method: scratch}}
      - architecture: "wrn(depth=10, width=1)"
        conv: [standard, "G(2)", "G(4)", "G(8)", "G(N)", "B(2)", "B(4)", "BG(2,M/8)", "BG(4,M)", Sep]
        method: [scratch, {{kd: {{teacher: teacher}}}}, {{at: {{teacher: teacher}}}}, dml, kdcl]
"""


@dataclass
class Many:
    """A registry, its plan, and a store in which all of its cells are done."""

    registry: Path
    plan: Plan
    store: Store


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Many]:
    folder = tmp_path_factory.mktemp("many")
    seeds = [*range(CELLS // (CONVS * METHODS))]
    registry = folder / "registry.yaml"
    registry.write_text(REGISTRY.format(seeds=seeds))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CHEAPCONV_CACHE", str(folder / "cache"))
        whole = planning.planned("many", registry, None, None)
        store = Store(folder / "runs")
        session.write_plan(store, whole)
        chance = random.Random(0)
        for planned in whole.cells:
            run = store.run(planned.cell.key)
            run.write_cell(record.described(planned.cell))
            run.begin(
                Environment(versions={"torch": "2.11"}, device="cpu", threads=1, start="2026-01-01T10:00:00+00:00")
            )
            rows = [curve_row(epoch, chance.gauss(0.8, 0.01)) for epoch in range(planned.cell.recipe["epochs"])]
            run.write_curve(rows)
            run.finish(result(planned.cell.key, rows))
        yield Many(registry, whole, store)


def curve_row(epoch: int, score: float) -> CurveRow:
    scores = {"student": {"top1": score, "top5": 0.99}}
    times = {"images_per_s": 1000.0, "seconds": 1.0}
    return CurveRow(epoch=epoch, lr=0.1, loss=1.0, terms={"ce": 1.0}, scores=scores, **times)


def result(key: str, rows: list[CurveRow]) -> Result:
    scores = rows[-1].scores["student"]
    sizes = Sizes(params=1, params_with_bn_stats=1, macs=1, flops=2, weights_bytes=4, activation_bytes=4)
    shared = {"scores": scores, "best": 0.9, "best_epoch": 0}
    network = NetworkResult(name="student", role="student", headline=True, sizes=sizes, **shared)
    seconds = {"train_s": 1.0, "steps_s": 1.0, "method_s": 0.0, "train_images_per_s": 1.0, "teacher_train_s": 0.0}
    return Result(
        key=key, epochs=len(rows), test_samples=360, headline="top1", networks=(network,), **shared, **seconds
    )


@pytest.mark.benchmark(group=f"{CELLS} cells")
@pytest.mark.parametrize("what", ["plan", "look at the plan", "status", "report"])
def test_overheads(benchmark: Any, many: Many, what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHEAPCONV_CACHE", str(tmp_path if what == "plan" else many.registry.parent / "cache"))
    done = {
        "plan": lambda: planning.planned("many", many.registry, None, None),
        "look at the plan": lambda: planning.planned("many", many.registry, None, None, to_look=True),
        "status": lambda: show.cells(many.plan, many.store),
        "report": lambda: page.render(many.store.root, "many", tmp_path / "report"),
    }[what]
    benchmark.pedantic(done, rounds=1)
    benchmark.extra_info["peak_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
