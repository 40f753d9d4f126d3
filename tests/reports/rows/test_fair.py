"""The fair scratch: epochs of plain training at the cost of a distilled student."""

import json
from pathlib import Path

import pytest

from cheapconv.catalog.errors import UserError
from cheapconv.engine.store.runs import Store as RunStore
from cheapconv.reports.rows.fair import fair_entries, fair_epochs, lines
from tests.reports.store import ENVIRONMENT, Store


def test_epochs_are_those_of_the_baseline_that_cost_as_much() -> None:
    assert fair_epochs(250.0, 100.0, 10) == 25
    assert fair_epochs(1.0, 100.0, 10) == 1


def test_entries_of_a_sweep(small: Store) -> None:
    """By seconds, where nothing was counted: 10 s for 2 epochs, and 40 s for the teacher of those that have one."""
    found = {entry.like: entry for entry in fair_entries(RunStore(small.root), "quick")}
    assert set(found) == {"kd", "online"}
    assert found["kd"][:6] == ("WRN-16-2", "G(4)", "kd", True, "scratch", "seconds")
    assert (found["kd"].epochs, found["kd"].epochs_without_teacher) == (10, 2)  # (10 + 40) s and 10 s of 5 s each
    assert found["online"].epochs == 2
    assert lines(small.root, "quick") == [
        "- {architecture: 'WRN-16-2', conv: 'G(4)', method: scratch, epochs: 10}"
        "  # the seconds of kd; 2 without its teacher's training",
        "- {architecture: 'WRN-16-2', conv: 'G(4)', method: scratch, epochs: 2}  # the seconds of online",
    ]


def test_multiply_adds_go_before_seconds_and_are_of_every_machine(small: Store) -> None:
    """A step of kd computes 1.5 times that of scratch, and its teacher's 4 times: 3 epochs, and 11 with the teacher."""
    teacher, alone, distilled = small.keys[0], small.keys[2], small.keys[4]
    for key, macs, taught_by in ((teacher, 400, None), (alone, 100, None), (distilled, 150, teacher)):
        small.count(key, macs, taught_by)
    small.write(f"{distilled}/environment.json", [ENVIRONMENT | {"device_name": "Other CPU"}])
    found = {entry.like: entry for entry in fair_entries(RunStore(small.root), "quick")}
    assert (found["kd"].unit, found["kd"].epochs, found["kd"].epochs_without_teacher) == ("multiply-adds", 11, 3)
    assert found["online"].unit == "seconds"


@pytest.mark.parametrize("place", [2, 4])  # of scratch, which others are measured by, and of kd
@pytest.mark.parametrize(("factor", "count"), [(1.3, 2), (1.2, 0)])
def test_seconds_of_seeds_that_are_not_alike_are_told_of(
    factor: float, count: int, place: int, small: Store, caplog: pytest.LogCaptureFixture
) -> None:
    path = small.root / small.keys[place] / "result.json"
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
    assert {entry.like for entry in fair_entries(RunStore(small.root), "quick")} == {"online"}


def test_a_teacher_of_another_machine_makes_no_entry(small: Store) -> None:
    small.write(f"{small.keys[0]}/environment.json", [ENVIRONMENT | {"device_name": "Other CPU"}])
    assert {entry.like for entry in fair_entries(RunStore(small.root), "quick")} == {"online"}


def test_a_teacher_of_itself_ends_all_the_same(small: Store) -> None:
    """Whatever a damaged file says."""
    path = small.root / small.keys[4] / "cell.json"  # of kd
    path.write_text(json.dumps(json.loads(path.read_text()) | {"teacher": small.keys[4]}))
    assert {entry.like for entry in fair_entries(RunStore(small.root), "quick")} == {"kd", "online"}


def test_what_was_not_trained_here_has_no_price(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Nor has what learnt from a network that did."""
    store = Store(tmp_path)
    teacher = store.add("S", "pretrained", 0, 0.95, trains=False)
    pupil = store.add("S", "kd", 0, 0.93, teacher=teacher)
    store.add("G(4)", "kd", 0, 0.92, teacher=pupil)
    for conv in ("S", "G(4)"):
        store.add(conv, "scratch", 0, 0.9)
    assert fair_entries(RunStore(store.plan()), "quick") == []
    assert "3 cells are left out: their multiply-adds are not known" in caplog.text
