"""What of the measurements a report shows: a column is one setting, and in it unmarked numbers are comparable."""

import io
import json

import pandas as pd
import pytest

from cheapconv.engine.measure.calibration import Speed
from cheapconv.engine.measure.passes import Slice, uneven
from cheapconv.reports.answers.content import Content, build
from cheapconv.reports.formats import latex, tables
from cheapconv.reports.rows import budgets
from cheapconv.reports.rows.measurements import Measured, read_measurements
from cheapconv.reports.rows.quantities import quantities
from tests.reports.store import ENVIRONMENT, Store


def networks(*convs: str) -> pd.DataFrame:
    """Cells of those networks as trained, and one that is not done."""
    structures = [*(f"WRN-16-2-{conv}" for conv in convs), None]
    return pd.DataFrame({"structure": structures, "deployed_as": ""})


def texts(content: Content, title: str) -> dict[str, str]:
    """The column of that title, by conv."""
    [column] = [column for column in content.columns if column.title == title]
    return {row["conv"]: column.text(row) for _, row in content.rows.iterrows()}


def convs_on_the_front(content: Content, field: str) -> set[str]:
    """Those whose timing is drawn and not in doubt."""
    [quantity] = [each for each in quantities(content.rows) if each.field == field]
    return {*content.rows.loc[budgets.fronts(content.rows, [quantity]).of[field], "conv"]}


def test_one_setting_has_one_pair_of_columns(small: Store) -> None:
    content = build(small.root, "quick")
    assert texts(content, "Latency (ms)") == {"S": "20.0", "G(4)": "10.0"}
    assert texts(content, "Images/s") == {"S": "50.0", "G(4)": "100"}
    assert (
        "measured 2026-01-02; machine calibration 55.5 GFLOP/s, 11.1 GB/s" in content.conditions["Latency, throughput"]
    )


def test_a_runtime_has_columns_of_its_own_before_those_of_pytorch(small: Store) -> None:
    for conv, latency_ms in (("S", 2.0), ("G(4)", 3.0)):
        small.measure(conv, latency_ms, runtime="onnxruntime", date="2026-09-09")
    content = build(small.root, "quick")
    assert texts(content, "Latency (ms) on A") == {"S": "2.00", "G(4)": "3.00"}
    assert texts(content, "Latency (ms) on B") == {"S": "20.0", "G(4)": "10.0"}
    assert content.conditions["Latency, throughput on A"].startswith("Small CPU (cpu), onnxruntime; latency: batch 1")


def test_a_second_device_stands_beside_the_first(small: Store) -> None:
    for conv, latency_ms in (("S", 2.0), ("G(4)", 1.0)):
        small.measure(conv, latency_ms, device="Fast GPU", date="2026-09-09")
    content = build(small.root, "quick")
    assert texts(content, "Latency (ms) on A") == {"S": "20.0", "G(4)": "10.0"}
    assert texts(content, "Latency (ms) on B") == {"S": "2.00", "G(4)": "1.00"}
    assert content.conditions["Latency, throughput on A"].startswith("Small CPU (cpu)")
    assert content.conditions["Latency, throughput on B"].startswith("Fast GPU (cpu)")
    table = pd.read_csv(io.StringIO(tables.csv(content))).set_index(["conv", "method"]).loc[("G(4)", "kd")]
    assert (table["latency_ms"], table["latency_ms_2"]) == (10.0, 1.0)
    assert table["measured_on_2"].startswith("Fast GPU")


def test_the_device_that_measured_more_comes_first(small: Store) -> None:
    small.measure("S", 1.0, device="Fast GPU", date="2025-09-09")
    assert texts(build(small.root, "quick"), "Latency (ms) on B") == {"S": "1.00", "G(4)": "-"}


def test_threads_are_another_setting(small: Store) -> None:
    """Throughput on eight threads is another number than that on one."""
    small.measure("G(4)", 5.0, date="2026-09-09", threads=8)
    content = build(small.root, "quick")
    assert texts(content, "Images/s on A") == {"S": "50.0", "G(4)": "100"}
    assert texts(content, "Images/s on B") == {"S": "-", "G(4)": "200"}
    assert "8 threads" in content.conditions["Latency, throughput on B"]


@pytest.mark.parametrize("gb_per_s", [22.2, 5.5, 18.0, None])
def test_another_speed_of_the_machine_is_another_column(gb_per_s: float | None, small: Store) -> None:
    small.measure("S", 20.0, gb_per_s=gb_per_s)
    content = build(small.root, "quick")
    assert texts(content, "Latency (ms) on A") == {"S": "-", "G(4)": "10.0"}  # more cells have that of G(4)
    assert texts(content, "Latency (ms) on B") == {"S": "20.0", "G(4)": "-"}
    assert texts(content, "Images/s on B") == {"S": "50.0", "G(4)": "-"}
    assert content.conditions["Latency, throughput on A"].endswith("machine calibration 55.5 GFLOP/s, 11.1 GB/s")
    speed = f"; machine calibration 55.5 GFLOP/s, {gb_per_s:.4g} GB/s" if gb_per_s else "measured 2026-01-02"
    assert content.conditions["Latency, throughput on B"].endswith(speed)
    assert convs_on_the_front(content, "latency_ms") == {"G(4)"}


def test_what_few_cells_were_timed_at_is_no_column(store: Store) -> None:
    """One network of eleven, while the machine was busy."""
    for groups in range(1, 12):
        store.add(f"G({groups})", "scratch", 0, 0.9)
        store.measure(f"G({groups})", 10.0, gb_per_s=5.0 if groups == 3 else 11.1)
    content = build(store.plan(), "quick")
    shown = texts(content, "Latency (ms)")
    assert (shown.pop("G(3)"), {*shown.values()}) == ("-", {"10.0"})
    assert content.conditions["Latency, throughput left out"] == (
        "those of 1 network, which were taken while the machine was faster or slower: "
        "cheapconv measure times all of them together"
    )


def test_where_every_network_met_another_speed_those_of_one_are_a_column(store: Store) -> None:
    for groups in range(1, 13):
        store.add(f"G({groups})", "scratch", 0, 0.9)
        store.measure(f"G({groups})", 10.0, gb_per_s=2.0**groups)
    content = build(store.plan(), "quick")
    assert sorted(texts(content, "Latency (ms)").values()) == ["-"] * 11 + ["10.0"]
    assert content.conditions["Latency, throughput left out"].startswith("those of 11 networks")


def test_a_doubt_is_a_mark(small: Store) -> None:
    small.measure("S", 20.0, doubt="the machine was at 60 %")
    content = build(small.root, "quick")
    assert texts(content, "Latency (ms)") == {"S": "20.0 [a]", "G(4)": "10.0"}
    assert texts(content, "Images/s")["S"] == "50.0 [a]"
    assert ("a", "a doubtful timing: the machine was at 60 %") in content.notes
    assert convs_on_the_front(content, "latency_ms") == {"G(4)"}


EVEN, SOME, MANY = [0.010] * 4, [0.010, 0.010, 0.020, 0.020], [0.010, 0.010, 0.030, 0.030]  # seconds of runs


@pytest.mark.parametrize(
    ("one_s", "many_s", "marks", "front"),
    [
        (EVEN, SOME, ("", " [a]"), {"S", "G(4)"}),  # a batch may be uneven, and an image's latency is none the worse
        (MANY, SOME, (" [a]", " [a]"), {"G(4)"}),  # of which only the image is told
        (MANY, EVEN, (" [a]", " [a]"), {"G(4)"}),
        (EVEN, EVEN, ("", ""), {"S", "G(4)"}),
    ],
)
def test_a_doubt_about_batches_is_none_about_latency(
    one_s: list[float], many_s: list[float], marks: tuple[str, str], front: set[str], small: Store
) -> None:
    speed = Speed(60.0, 10.0)
    small.measure("S", 20.0, doubt=uneven([Slice(one_s, many_s, speed, speed)]))
    content = build(small.root, "quick")
    found = texts(content, "Latency (ms)")["S"], texts(content, "Images/s")["S"]
    assert found == (f"20.0{marks[0]}", f"50.0{marks[1]}")
    assert convs_on_the_front(content, "latency_ms") == front
    assert ("runs of a" in latex.latex(content)) is bool(marks[0])  # which has no throughput
    assert [text.partition(":")[0] for text in content.cautions if "in doubt" in text] == [
        title for title, mark in zip(("Latency", "Throughput"), marks, strict=True) if mark
    ]


def test_a_calibration_that_is_nearly_the_same_is_the_same_column(small: Store) -> None:
    small.measure("S", 20.0, gb_per_s=12.0)
    content = build(small.root, "quick")
    assert texts(content, "Latency (ms)")["S"] == "20.0"
    assert "55.5 GFLOP/s, 11.1 to 12 GB/s" in content.conditions["Latency, throughput"]


def test_no_two_calibrations_of_a_column_are_far_apart(store: Store) -> None:
    """Each is near the next, the first far from the last."""
    speeds = [10.0, 13.0, 15.9, 18.0, 22.0]
    for number, gb_per_s in enumerate(speeds):
        store.measure(f"G({number})", 1.0, gb_per_s=gb_per_s)
    found = read_measurements(store.root, networks(*(f"G({number})" for number in range(5))))
    assert all(table["gb_per_s"].max() / table["gb_per_s"].min() <= 1.6 for table in found.tables)
    assert [len(table) for table in found.tables] == [3, 2]


SLOW = "at times the machine was at 40 % of the best speed of that measuring"


def test_a_measuring_that_is_in_doubt_is_one_column(store: Store) -> None:
    """Beside other work the calibrations of one measuring are far apart; all of its timings are marked."""
    for number, gb_per_s in enumerate([10.0, 13.0, 18.0, 40.0]):
        store.measure(f"G({number})", 1.0, gb_per_s=gb_per_s, doubt=SLOW)
    [table] = read_measurements(store.root, networks(*(f"G({number})" for number in range(4)))).tables
    assert len(table) == 4


@pytest.mark.parametrize(("gb_per_s", "others"), [(17.0, {"G(0)", "G(1)"}), (20.0, {"G(2)"}), (99.0, {"G(2)"})])
def test_a_timing_in_doubt_stands_beside_those_of_the_nearest_speed(
    gb_per_s: float, others: set[str], store: Store
) -> None:
    """What is in no doubt is parted as if that one were not there: 10 and 14 GB/s from 24."""
    for number, speed in enumerate([10.0, 14.0, 24.0]):
        store.measure(f"G({number})", 1.0, gb_per_s=speed)
    store.measure("G(3)", 1.0, gb_per_s=gb_per_s, doubt=SLOW)
    found = read_measurements(store.root, networks(*(f"G({number})" for number in range(4))))
    columns = [{structure.removeprefix("WRN-16-2-") for structure in table["structure"]} for table in found.tables]
    assert len(columns) == 2
    assert others | {"G(3)"} in columns


def test_a_doubt_about_batches_leaves_a_latency_in_the_column_of_its_speed(small: Store) -> None:
    """That latency counts, so it may not stand beside those of another speed."""
    speed = Speed(60.0, 10.0)
    small.measure("S", 20.0, gb_per_s=22.2, doubt=uneven([Slice(EVEN, SOME, speed, speed)]))
    assert texts(build(small.root, "quick"), "Latency (ms) on B") == {"S": "20.0", "G(4)": "-"}


def test_other_structures_are_left_out(small: Store) -> None:
    [table] = read_measurements(small.root, networks("S")).tables
    assert list(table["latency_ms"]) == [20.0]


def test_no_measurements_are_no_columns(store: Store) -> None:
    assert read_measurements(store.root, networks("S", "G(4)")) == Measured()
    store.add("S", "scratch", 0, 0.9)
    content = build(store.plan(), "quick")
    assert content.conditions["Latency, throughput"] == "not measured"
    assert not any("Latency" in column.title for column in content.columns)


def test_seconds_of_another_machine_are_marked(small: Store) -> None:
    path = small.root / small.keys[0] / "environment.json"  # of the teacher
    path.write_text(json.dumps(ENVIRONMENT | {"threads": 8}))
    content = build(small.root, "quick")
    marks = content.rows.set_index(["conv", "method"])["training_marks"]
    assert marks.to_dict() == {("S", "scratch"): " [a]", ("G(4)", "kd"): " [b]"} | dict.fromkeys(
        [("G(4)", "online"), ("G(4)", "scratch")], ""
    )
    notes = dict(content.notes)
    assert notes["a"].startswith("trained on Small CPU (cpu, 8 CPU threads): ")
    assert notes["b"].startswith("its teacher was trained on Small CPU (cpu, 8 CPU threads): ")


@pytest.mark.parametrize(("slower", "latency_ms"), [(1.0, 15.0), (0.5, float("nan"))])
def test_a_mean_is_over_networks_that_were_timed_alike(slower: float, latency_ms: float, small: Store) -> None:
    """Each seed of a search ends with another network, and one may have been timed while the machine was busy."""
    for seed, speed in ((0, 1.0), (1, slower)):
        key = small.add("G(4)", "searched", seed, 0.9)
        path = small.root / key / "result.json"
        body = json.loads(path.read_text())
        body["networks"][0]["structure"] = f"WRN-16-2-found{seed}"
        path.write_text(json.dumps(body))
        small.measure(f"found{seed}", 10.0 * (1 + seed), gb_per_s=11.1 * speed)
    row = build(small.plan(), "quick").rows.set_index("method").loc["searched"]
    assert row["latency_ms"] == pytest.approx(latency_ms, nan_ok=True)
