"""bf16 is another way to compute the same training: on digits its scores lie where those of fp32 lie."""

import statistics
from pathlib import Path

import pytest

from cheapconv import catalog
from cheapconv.engine.read.registry import Sweep
from cheapconv.engine.run.planning import plan
from cheapconv.engine.store.runs import Store
from tests.engine import tiny

SEEDS = [0, 1, 2, 3, 4]


def scores(folder: Path, precision: str) -> list[float]:
    """Top-1 of WRN-10-1, a seed each."""
    body = {
        "suite": "digits",
        "recipe": "short",
        "precision": precision,
        "seeds": SEEDS,
        "entries": [{"architecture": "wrn(depth=10, width=1)", "conv": "standard", "method": "scratch"}],
    }
    whole, store = plan(Sweep.model_validate(body), precision), Store(folder / precision)
    assert set(tiny.run(store, whole, cohort=None).values()) == {"done"}
    results = [store.run(planned.cell.key).result() for planned in whole.cells]
    return [result.scores["top1"] for result in results if result is not None]


@pytest.mark.slow
def test_accuracy_in_bf16_is_within_the_spread_of_seeds(tmp_path, monkeypatch):
    catalog.load()
    tiny.skip_measuring(monkeypatch)
    full, half = (scores(tmp_path, precision) for precision in ("fp32", "bf16"))
    assert len(full) == len(half) == len(SEEDS)
    assert full != half  # it is another arithmetic
    assert min(full) > 0.9
    assert abs(statistics.mean(full) - statistics.mean(half)) < statistics.stdev(full)
