"""The fair scratch: epochs of plain training at the cost of a distilled student."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from cheapconv.catalog.errors import UserError
from cheapconv.engine.store.runs import Store as RunStore
from cheapconv.reports.rows.fair import fair_entries, fair_epochs, lines
from tests.reports.store import ENVIRONMENT, Store


def test_the_teacher_s_training_counts_unless_it_is_free(small: Store) -> None:
    """The results of the fixtures: 10 s for 2 epochs, and 40 s for the teacher of those that have one."""
    result = RunStore(small.root).run(small.keys[0]).result()
    assert result is not None
    baseline = replace(result, train_s=100.0, epochs=10)
    distilled = replace(result, train_s=150.0, teacher_train_s=100.0)
    assert fair_epochs(distilled, baseline) == 25
    assert fair_epochs(distilled, baseline, with_teacher=False) == 15


def test_entries_of_a_sweep(small: Store) -> None:
    found = {entry["like"]: entry for entry in fair_entries(RunStore(small.root), "quick")}
    assert set(found) == {"kd", "online"}
    assert (found["kd"]["method"], found["kd"]["conv"]) == ("scratch", "G(4)")
    assert (found["kd"]["epochs"], found["kd"]["epochs_without_teacher"]) == (10, 2)  # (10 + 40) s and 10 s of 5 s each
    assert found["online"]["epochs"] == 2
    line = lines(small.root, "quick")[0]
    assert line.startswith(
        "- {architecture: 'WRN-16-2', conv: 'G(4)', method: scratch, epochs: 10}  # as kd; 2 without"
    )


@pytest.mark.parametrize(("factor", "count"), [(1.3, 2), (1.2, 0)])
def test_seconds_of_seeds_that_are_not_alike_are_told_of(
    factor: float, count: int, small: Store, caplog: pytest.LogCaptureFixture
) -> None:
    path = small.root / small.keys[4] / "result.json"  # of kd
    result = json.loads(path.read_text())
    path.write_text(json.dumps(result | {"train_s": factor * result["train_s"]}))
    fair_entries(RunStore(small.root), "quick")
    told = f"{count} cells took uneven seconds, as beside other work: what is told of them is a guess"
    assert [record.getMessage() for record in caplog.records] == [told] * bool(count)


def test_a_sweep_that_was_not_run(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="has not been run"):
        fair_entries(RunStore(tmp_path), "x")


@pytest.mark.parametrize("other", [{"device_name": "Other CPU"}, {"device": "cuda:0", "sharing": 2}])
def test_seconds_of_another_machine_or_a_shared_one_make_no_entry(other: dict[str, object], small: Store) -> None:
    for key in small.keys[4:6]:  # of kd
        small.write(f"{key}/environment.json", [ENVIRONMENT | other])
    assert {entry["like"] for entry in fair_entries(RunStore(small.root), "quick")} == {"online"}


def test_a_teacher_of_another_machine_makes_no_entry(small: Store) -> None:
    small.write(f"{small.keys[0]}/environment.json", [ENVIRONMENT | {"device_name": "Other CPU"}])
    assert {entry["like"] for entry in fair_entries(RunStore(small.root), "quick")} == {"online"}
