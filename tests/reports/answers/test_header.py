"""The conditions that every report states."""

import dataclasses
import json

import pytest

from cheapconv.engine.store import lock, runs
from cheapconv.reports.answers import header
from cheapconv.reports.answers.content import build
from tests.reports.store import ENVIRONMENT, Store


def test_everything_that_a_reader_must_know(small: Store) -> None:
    conditions = build(small.root, "quick").conditions
    assert conditions["Data"] == "CIFAR-10 (fingerprint f1f2f3)"
    assert conditions["Recipe"] == "short: epochs 2, batch 64, lr 0.1, schedule.name cosine"
    assert conditions["Protocol"] == "version 3"
    assert conditions["Hardware"] == "Small CPU (cpu, 2 CPU threads)"
    assert conditions["Precision"] == "fp32"
    assert conditions["Commit"] == "0123456789ab with uncommitted changes"
    assert "torch 2.11.0" in conditions["Software"]
    assert conditions["Trained"] == "2026-01-01 10:00 to 2026-01-01 10:30 UTC"
    assert conditions["Cells"] == "8 of 8 done"
    assert "machine calibration 55.5 GFLOP/s, 11.1 GB/s" in conditions["Latency, throughput"]


@pytest.mark.parametrize(
    ("alone", "spent", "told"),
    [
        ([30.0, 15.0], [30.0, 15.0], "45 s as each cell would cost alone"),
        ([30.0, 15.0], [None, 14.9], "45 s as each cell would cost alone"),  # 0.2 %: the clock's noise
        (
            [7200.0, 1800.0],
            [4500.0, 1260.0],
            "2.5 h as each cell would cost alone; 1.6 h spent, 36 % less, since cells shared batches and teachers",
        ),
    ],
)
def test_the_bill_is_summed_and_says_what_sharing_saved(small: Store, alone, spent, told) -> None:
    result = runs.Store(small.root).run(small.keys[0]).result()
    results = [dataclasses.replace(result, train_s=a, spent_s=s) for a, s in zip(alone, spent, strict=True)]
    assert header.training(results) == told


def test_several_machines_are_all_named(small: Store) -> None:
    other = {"device_name": "Fast GPU", "device": "cuda:0", "driver": "570", "compile": True, "git_dirty": False}
    other |= {"end": "2026-02-01T09:00:00+00:00"}
    path = small.root / small.keys[0] / "environment.json"
    path.write_text(json.dumps(ENVIRONMENT | other))
    conditions = build(small.root, "quick").conditions
    assert conditions["Hardware"] == (
        "Small CPU (cpu, 2 CPU threads) [7 cells]; Fast GPU (cuda, 2 CPU threads, driver 570, torch.compile) [1 cell]"
    )
    assert conditions["Commit"] == "0123456789ab with uncommitted changes [7 cells]; 0123456789ab [1 cell]"
    assert conditions["Trained"].endswith("to 2026-02-01 09:00 UTC")


def test_a_cell_that_went_on_elsewhere_says_so(small: Store) -> None:
    path = small.root / small.keys[0] / "environment.json"
    path.write_text(json.dumps([ENVIRONMENT, ENVIRONMENT, ENVIRONMENT | {"device_name": "Other CPU"}]))
    assert (
        "; Small CPU (cpu, 2 CPU threads), then Other CPU (cpu, 2 CPU threads) [1 cell]"
        in (build(small.root, "quick").conditions["Hardware"])
    )


def test_progress_counts_every_state(small: Store) -> None:
    small.add("G(N)", "kd", 0, state="failed", error="boom")
    running = small.add("G(N)", "kd", 1, state="running")
    small.add("G(N)", "kd", 2, state="running")  # its process is gone
    with lock.held(small.root / running):
        assert build(small.plan(), "quick").conditions["Cells"] == "8 of 11 done, 1 failed, 1 stopped, 1 running"
