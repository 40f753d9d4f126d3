"""What is read from a run store."""

import json
from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import pytest

from cheapconv.catalog.errors import UserError
from cheapconv.engine.store.records import Environment
from cheapconv.reports.answers.content import build
from cheapconv.reports.rows import collect
from cheapconv.reports.rows.collect import read_sweep
from cheapconv.reports.rows.environment import hardware
from tests.reports.store import EPOCH, Store


def test_one_row_a_cell_with_labels_result_and_size(small: Store) -> None:
    cells = collect.frame(collect.read_sweep(small.root, "quick"))
    assert len(cells) == 8
    first = cells.iloc[0]
    assert (first["architecture"], first["conv"], first["method"], first["seed"]) == ("WRN-16-2", "S", "scratch", 0)
    assert (first["top1"], first["macs"], first["flops"]) == (0.949, 100_000_000, 200_000_000)
    assert cells["ensemble_top1"].notna().sum() == 2


def test_teacher_is_named_by_its_architecture(small: Store) -> None:
    cells = collect.frame(collect.read_sweep(small.root, "quick")).set_index("method")
    assert set(cells.loc["kd", "teacher"]) == {"WRN-16-2"}
    assert set(cells.loc["scratch", "teacher"]) == {""}


def test_unknown_sweep_names_the_nearest(small: Store) -> None:
    with pytest.raises(UserError, match=r"no plan of a sweep 'quikc'.*did you mean quick"):
        collect.read_sweep(small.root, "quikc")


def test_nothing_done_is_the_users_to_fix(store: Store) -> None:
    store.add("S", "scratch", 0, state="running")
    store.plan()
    with pytest.raises(UserError, match="no cell of sweep 'quick'"):
        collect.read_sweep(store.root, "quick")


def test_done_without_a_result_is_damaged(store: Store) -> None:
    store.add("S", "scratch", 0, 0.9)
    store.add("S", "scratch", 1, state="done")
    store.plan()
    states = [record.state for record in collect.read_sweep(store.root, "quick").records]
    assert states == ["done", "damaged"]


def test_a_damaged_result_is_a_state_with_its_remedy_and_the_rest_is_reported(small: Store) -> None:
    (small.root / small.keys[0] / "result.json").write_text("{")
    records = collect.read_sweep(small.root, "quick").records
    assert [record.state for record in records] == ["damaged"] + ["done"] * 7
    assert records[0].error == "result.json is missing or damaged; run the sweep again"


def test_curve_takes_the_later_of_two_lines_of_an_epoch(small: Store) -> None:
    record = collect.read_sweep(small.root, "quick").records[0]
    with (record.run.folder / "curve.jsonl").open("a") as file:
        file.write(json.dumps(EPOCH | {"epoch": 1, "top1": {"student_0": 0.25}}) + "\n")
    assert collect.curve(record) == {0: 0.949 * 0.5, 1: 0.25}


@pytest.mark.parametrize("name", ["curve.jsonl", "environment.json"])
@pytest.mark.parametrize("content", ["", "[{]", None])
def test_a_report_names_what_it_had_to_leave_out(name: str, content: str | None, small: Store) -> None:
    path = small.root / small.keys[0] / name
    path.unlink() if content is None else path.write_text(content)
    remarks = build(small.root, "quick").remarks
    said = f"Left out, because it cannot be read: {path.parent.name}: {name} is"
    assert len([line for line in remarks if line.startswith(said)]) == 1


def test_a_damaged_timing_is_named_too(small: Store) -> None:
    path = sorted((small.root / "measurements").glob("*.json"))[0]
    path.write_text("{")
    assert any(f"{path.name} is damaged" in line for line in build(small.root, "quick").remarks)


def test_cells_that_are_not_done_are_no_faults(store: Store) -> None:
    store.add("S", "scratch", 0, 0.9)
    store.add("S", "scratch", 1, state="running")
    store.plan()
    assert read_sweep(store.root, "quick").faults == ()


def test_a_damaged_plan_is_called_that(small: Store) -> None:
    (small.root / "sweeps" / "quick.json").write_text("[")
    with pytest.raises(
        UserError, match=r"plan of sweep 'quick' .* cannot be used: quick\.json is damaged; run it again"
    ):
        read_sweep(small.root, "quick")


def test_hardware_says_how_many_trained_a_cell_together():
    one = Environment(device_name="H100", device="cuda:0", threads=2)
    assert hardware(one) == "H100 (cuda, 2 CPU threads)"
    assert hardware(replace(one, processes=4)) == "4 x H100 (cuda, 2 CPU threads)"


def test_cells_that_an_older_release_named_longer_are_rows_with_those_of_today(small: Store) -> None:
    """A notation that was new meanwhile would otherwise make two rows of one."""
    path = small.root / small.keys[0] / "cell.json"
    cell = json.loads(path.read_text())
    path.write_text(json.dumps(cell | {"architecture_label": "wide resnet 16-2", "conv_label": "standard"}))
    cells = collect.frame(read_sweep(small.root, "quick"))
    assert (set(cells["architecture"]), set(cells["conv"])) == ({"WRN-16-2"}, {"S", "G(4)"})


def test_teachers_that_teach_each_other_end_all_the_same() -> None:
    """Whatever a damaged file says."""
    records = {key: SimpleNamespace(key=key, cell=SimpleNamespace(teacher=of)) for key, of in ("ab", "bc", "cb")}
    found = collect.lineage(cast("collect.Record", records["a"]), cast("dict[str, collect.Record]", records))
    assert [each.key for each in found] == ["a", "b", "c"]


def test_a_cell_that_is_said_to_teach_itself_is_a_row(small: Store) -> None:
    path = small.root / small.keys[-1] / "cell.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"teacher": small.keys[-1]}))
    assert len(collect.frame(read_sweep(small.root, "quick"))) == 8
