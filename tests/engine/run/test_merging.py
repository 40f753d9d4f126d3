"""Stores that meet: nothing is lost, nothing is taken for what it is not, and a second time changes nothing."""

import shutil
from pathlib import Path

import pytest

from cheapconv.engine.store import deployments, machines
from cheapconv.engine.store.runs import Store
from cheapconv.engine.train import checkpoint
from tests.engine.meeting import begun, content, merge, stopped, trained
from tests.engine.written_cell import write_deployment, write_measurement, write_sweep


@pytest.fixture
def a(tmp_path: Path) -> Store:
    return Store(tmp_path / "a")


@pytest.fixture
def b(tmp_path: Path) -> Store:
    return Store(tmp_path / "b")


def test_what_one_store_lacks_comes_whole_from_the_other(a, b):
    trained(a, "one")
    run = trained(b, "two")
    write_sweep(b, "s", ["one", "two"])
    write_deployment(b, "two", 0.5, 0.4)
    write_measurement(b, "A CPU", 3.0)
    merged = merge(a, b)
    assert (merged.taken, merged.left_out) == (1, {})
    assert a.run("two").faults() == []
    assert a.run("two").result() == run.result()
    assert [deployment.name for deployment in deployments.read(a.run("two"))] == ["onnxruntime-int8"]
    assert a.plan("s") == b.plan("s")
    assert a.measurements.all() == b.measurements.all()
    theirs = content(b.root)
    assert {name: data for name, data in content(a.root).items() if name in theirs} == theirs


def test_merging_again_changes_nothing(a, b):
    trained(a, "same"), trained(b, "same", "B CPU")
    trained(a, "other"), trained(b, "other", "B CPU", weight=0.7)
    trained(b, "new"), stopped(b, "half", 1, 2), stopped(a, "half", 1, 1)
    write_sweep(a, "s", ["same"]), write_sweep(b, "s", ["same", "other"])
    merge(a, b)
    before = content(a.root)
    again = merge(a, b)
    assert content(a.root) == before
    assert (again.taken, again.further, again.completed) == (0, 0, 0)
    assert len(again.other) == 1  # it is told again


def test_a_copy_of_a_training_is_no_second_one(a, b):
    trained(a, "k")
    shutil.copytree(a.root, b.root)
    merged = merge(a, b)
    assert (merged.same, merged.other) == ([], [])
    assert machines.kept(a) == []


def test_the_same_bits_are_kept_once_and_who_made_them_is_known(a, b):
    trained(a, "k"), trained(b, "k", "B CPU")
    before = a.run("k").result()
    assert merge(a, b).same == ["k"]
    assert a.run("k").result() == before
    [second] = machines.retrainings(a, {"k"})
    assert second.same
    assert second.run.folder == a.root / "machines" / "b-cpu" / "k"
    assert not (second.run.folder / "networks").exists()
    assert [run.key for run in a.runs()] == ["k"]  # nobody takes it for a cell


def test_other_bits_are_kept_under_their_machine_and_named(a, b):
    trained(a, "k", top1=0.812), trained(b, "k", "B CPU", top1=0.813)
    merged = merge(a, b)
    place = a.root / "machines" / "b-cpu" / "k"
    assert merged.other == [
        f"k (WRN-10-2 G(4) kd seed 0): top1 0.8120 here, 0.8130 on B CPU, kept in {place}",
    ]
    [second] = machines.retrainings(a, {"k"})
    assert (second.same, second.run.result().score) == (False, 0.813)
    assert (place / "networks" / "student_0.pt").is_file()
    assert a.run("k").result().score == 0.812


def test_two_trainings_of_one_machine_that_differ_lie_side_by_side(a, b, tmp_path):
    trained(a, "k"), trained(b, "k", "B CPU", weight=0.7)
    c = Store(tmp_path / "c")
    trained(c, "k", "B CPU", weight=0.8)
    merge(a, b, c)
    assert [run.folder.parent.name for run in machines.kept(a)] == ["b-cpu", "b-cpu-2"]


def test_what_a_merged_store_knows_of_others_goes_on(a, b, tmp_path):
    trained(a, "k"), trained(b, "k", "B CPU", weight=0.7)
    merge(b, a)
    c = Store(tmp_path / "c")
    trained(c, "k", "B CPU", weight=0.7)  # as b
    assert (merge(c, b).other, [run.folder.parent.name for run in machines.kept(c)]) == (
        [f"k (WRN-10-2 G(4) kd seed 0): top1 0.6000 here, 0.6000 on A CPU, kept in {c.root}/machines/a-cpu/k"],
        ["a-cpu"],
    )


def test_a_comparison_with_a_result_of_before_counts_for_nothing(a, b):
    trained(a, "k"), trained(b, "k", "B CPU", weight=0.7)
    merge(a, b)
    shutil.rmtree(a.run("k").folder)
    trained(a, "k", "C CPU", weight=0.7)
    assert [*machines.retrainings(a, {"k"})] == []
    assert merge(a, b).same == ["k"]  # compared anew
    assert [second.same for second in machines.retrainings(a, {"k"})] == [True]


@pytest.mark.parametrize(
    ("ours", "theirs", "at"),
    [((1, 2), (2, 0), (2, 0)), ((1, 2), (1, 3), (1, 3)), ((2, 0), (1, 9), (2, 0)), (None, (0, 1), (0, 1))],
)
def test_an_unfinished_cell_is_taken_up_by_the_furthest(a, b, ours, theirs, at):
    stopped(a, "k", *ours) if ours else begun(a, "k", "A CPU", 0)
    stopped(b, "k", *theirs, machine="B CPU")
    merge(a, b)
    position = checkpoint.read(a.run("k").folder)["position"]
    assert (position["epoch"], position["step"]) == at
    assert len(a.run("k").curve()) == at[0]
    assert a.run("k").environments()[0].device_name == ("A CPU" if at == ours else "B CPU")
    assert a.run("k").state().state == "stopped"


def test_a_finished_cell_comes_before_an_unfinished_one(a, b):
    stopped(a, "k", 2, 5), trained(b, "k", "B CPU")
    stopped(b, "l", 2, 5), trained(a, "l")
    merge(a, b)
    assert [a.run(key).state().state for key in "kl"] == ["done", "done"]
    assert not (a.run("k").folder / "last.pt").exists()
    assert [environment.device_name for environment in a.run("k").environments()] == ["B CPU"]


def test_a_training_that_has_begun_is_not_given_another_teacher(a, b):
    trained(a, "teacher"), trained(b, "teacher", "B CPU", weight=0.7)
    trained(a, "alike"), trained(b, "alike", "B CPU")
    stopped(b, "k", 1, 0, teacher="teacher"), stopped(b, "l", 1, 0, teacher="alike")
    merged = merge(a, b)
    reason = f"is unfinished, and what it learns from in {b.root} is not in {a.root} with the same bits"
    assert merged.left_out == {reason: ["k"]}
    assert (a.run("k").cell(), checkpoint.read(a.run("l").folder)["position"]["epoch"]) == (None, 1)


def test_a_failure_is_known_where_nothing_better_is(a, b):
    for key in ("k", "l"):
        run = begun(b, key, "B CPU", 0)
        run.fail("ValueError: nan", "Traceback", 3)
    trained(a, "l")
    merge(a, b)
    assert [a.run(key).state().state for key in "kl"] == ["failed", "done"]
    assert (a.run("k").folder / "error.txt").read_text() == "Traceback"
