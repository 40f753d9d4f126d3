"""A sweep of many cells, and a store in which all of them are done, though nothing was ever trained."""

import hashlib
import json
import random
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from cheapconv.engine.plan.plan import Plan
from cheapconv.engine.run import planning, record
from cheapconv.engine.store.cell import Cell
from cheapconv.engine.store.documents import document
from cheapconv.engine.store.plans import PlannedKey, SweepPlan
from cheapconv.engine.store.records import CurveRow, Environment, NetworkResult, Result, Sizes, State
from cheapconv.engine.store.runs import CELL, CURVE, ENVIRONMENT, RESULT, STATE, Run, Store

SWEEP, START = "many", "2026-01-01T10:00:00+00:00"
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


def made(folder: Path, cells: int) -> Many:
    """About so many cells, in `folder`."""
    registry = folder / "registry.yaml"
    registry.write_text(REGISTRY.format(seeds=[*range(cells // (CONVS * METHODS))]))
    whole = planning.planned(SWEEP, registry, None, None)
    store = Store(folder / "runs")
    keys = tuple(PlannedKey(key=planned.cell.key, entry=planned.entry, needs=planned.needs) for planned in whole.cells)
    store.write_plan(
        SweepPlan(sweep=SWEEP, suite=whole.suite, recipe=whole.recipe, created=START, cells=keys, dearer=whole.dearer)
    )
    chance = random.Random(0)
    for planned in whole.cells:
        finish(store.run(planned.cell.key), planned.cell, chance)
    return Many(registry, whole, store)


def finish(run: Run, cell: Cell, chance: random.Random) -> None:
    """Leave a cell as if it had been trained: the bytes that `Run` would write, but not by its careful ways, which take
    ten times as long."""
    rows = [curve_row(epoch, chance.gauss(0.8, 0.01)) for epoch in range(cell.epochs)]
    machine = Environment(versions={"torch": "2.11"}, device="cpu", threads=1, start=START, end=START)
    noted = {
        ENVIRONMENT: json.dumps([asdict(machine)], indent=1).encode(),
        CURVE: "".join(json.dumps(asdict(row)) + "\n" for row in rows).encode(),
    }
    files = {name: hashlib.sha256(data).hexdigest() for name, data in noted.items()}
    documents = {
        CELL: record.described(cell).to_json(),
        RESULT: asdict(replace(result(cell.key, rows), files=files)),
        STATE: asdict(State(state="done", epoch=len(rows), epochs=len(rows), heartbeat=START)),
    }
    run.folder.mkdir()
    for name, body in documents.items():
        (run.folder / name).write_text(json.dumps(document(body), indent=1))
    for name, data in noted.items():
        (run.folder / name).write_bytes(data)


def curve_row(epoch: int, score: float) -> CurveRow:
    scores = {"student": {"top1": score, "top5": 0.99}}
    return CurveRow(epoch=epoch, lr=0.1, loss=1.0, terms={"ce": 1.0}, images_per_s=1000.0, seconds=1.0, scores=scores)


def result(key: str, rows: list[CurveRow]) -> Result:
    scores = rows[-1].scores["student"]
    sizes = Sizes(params=1, params_with_bn_stats=1, macs=1, flops=2, weights_bytes=4, activation_bytes=4)
    network = NetworkResult(
        name="student", role="student", headline=True, sizes=sizes, scores=scores, best=0.9, best_epoch=0
    )
    return Result(
        key=key,
        epochs=len(rows),
        test_samples=360,
        headline="top1",
        networks=(network,),
        scores=scores,
        best=0.9,
        best_epoch=0,
        train_s=1.0,
        steps_s=1.0,
        method_s=0.0,
        train_images_per_s=1.0,
        teacher_train_s=0.0,
    )
