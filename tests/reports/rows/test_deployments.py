"""Networks that are deployed in int8 stand beside themselves as trained: rows of their own, never mixed with those."""

import io
import json
from pathlib import Path

import pandas as pd
import pytest

import cheapconv
from cheapconv.engine.store import deployments
from cheapconv.engine.store import runs as folders
from cheapconv.reports.answers.content import Content, build
from cheapconv.reports.claims import published
from cheapconv.reports.formats import tables
from cheapconv.reports.page import page, payload
from cheapconv.reports.rows.columns import method_label
from tests.reports.store import Store

INT8 = "int8 (ONNX Runtime)"
KD = f"kd, {INT8}"


@pytest.fixture
def deployed(small: Store) -> Store:
    """All of `small` but its online students in int8: standard at 94 %, scratch at 88 %, kd at 91 %."""
    for key, top1 in zip(small.keys[:6], (0.939, 0.941, 0.879, 0.881, 0.908, 0.912), strict=True):
        small.deploy(key, top1, weights_bytes=123_456 if "S" in key else 54_321)
    return small


def row(content: Content, conv: str, method: str) -> pd.Series:
    """The one row of that label."""
    labels = content.rows.apply(method_label, axis=1)
    [index] = content.rows.index[(content.rows["conv"] == conv) & (labels == method)]
    return content.rows.loc[index]


def texts(content: Content, title: str) -> dict[tuple[str, str], str]:
    """The column of that title, by conv and method."""
    [column] = [column for column in content.columns if column.title == title]
    return {(r["conv"], method_label(r)): column.text(r) for _, r in content.rows.iterrows()}


def test_a_row_of_its_own_is_never_averaged_with_the_network_as_trained(deployed: Store) -> None:
    content = build(deployed.root, "quick")
    trained, own = row(content, "G(4)", "scratch"), row(content, "G(4)", f"scratch, {INT8}")
    assert (trained["top1_mean"], own["top1_mean"]) == pytest.approx((0.9, 0.88))
    assert (trained["n"], own["n"], own["planned"]) == (2, 2, 2)
    assert own["top1_std"] == pytest.approx(0.002 / 2**0.5)
    assert (own["params"], own["macs"]) == (trained["params"], trained["macs"])
    assert (trained["weights_bytes"], own["weights_bytes"]) == (800_000, 54_321)
    assert own["train_s"] == trained["train_s"] == 10.0
    assert len(content.rows) == 7


def test_what_was_not_seen_of_it_is_not_said_of_it(small: Store) -> None:
    small.deploy(small.keys[-1], 0.9)
    own = row(build(small.root, "quick"), "G(4)", f"online, {INT8}")
    assert row(build(small.root, "quick"), "G(4)", "online")["ensemble_top1_mean"] == 0.97
    unknown = ("ensemble_top1_mean", "top1_best_mean", "by_validation_mean", "best_student_epoch_mean")
    assert own[[*unknown, "activation_bytes"]].isna().all()


def test_every_score_of_it_is_its_own(small: Store) -> None:
    small.deploy(small.keys[4], 0.9, top5=0.97, top1_error=0.004, pixel_accuracy=0.8)
    own = row(build(small.root, "quick"), "G(4)", KD)
    assert (own["top5_mean"], own["top1_error_mean"], own["pixel_accuracy_mean"]) == (0.97, 0.004, 0.8)
    assert pd.isna(row(build(small.root, "quick"), "G(4)", "kd")["top5_mean"])


def test_seeds_that_are_not_deployed_yet_are_missing(small: Store) -> None:
    small.deploy(small.keys[4], 0.91)
    content = build(small.root, "quick")
    assert texts(content, "n")["G(4)", KD] == "1/2"
    assert texts(content, "Rank")["G(4)", KD] == "-"
    assert row(content, "G(4)", "kd")["complete"]


def test_two_runtimes_are_two_rows(small: Store) -> None:
    for key in small.keys[4:6]:
        small.deploy(key, 0.91)
        small.deploy(key, 0.85, runtime="openvino")
    content = build(small.root, "quick")
    assert row(content, "G(4)", KD)["top1_mean"] == pytest.approx(0.91)
    assert row(content, "G(4)", "kd, int8 (OpenVINO)")["top1_mean"] == pytest.approx(0.85)


def test_they_rank_like_any_other_and_only_the_standard_network_as_trained_is_the_reference(deployed: Store) -> None:
    """At two seeds 94, 91.6, 90 and 88 % are told apart among seven; not 93 and 91 %, whose seeds are far apart."""
    ranks = texts(build(deployed.root, "quick"), "Rank")
    assert ranks == {
        ("S", "scratch"): "ref",
        ("S", f"scratch, {INT8}"): "1 to 3",
        ("G(4)", "kd"): "1 to 5",
        ("G(4)", "online"): "2 to 4",
        ("G(4)", KD): "1 to 6",
        ("G(4)", "scratch"): "3 to 5",
        ("G(4)", f"scratch, {INT8}"): "5 to 6",
    }


def test_the_gap_is_one_between_networks_that_are_deployed_alike(deployed: Store) -> None:
    """(91 - 88) / (94 - 88) in int8, (93 - 90) / (95 - 90) as trained."""
    content = build(deployed.root, "quick")
    assert row(content, "G(4)", KD)["gap_recovered"] == pytest.approx(0.5)
    assert row(content, "G(4)", "kd")["gap_recovered"] == pytest.approx(0.6)
    assert row(content, "G(4)", KD)["gap_note"] == f"gap between networks that are all in {INT8}"
    assert row(content, "G(4)", "kd")["gap_note"] == ""


@pytest.mark.parametrize(
    ("without", "missing"), [(2, "baseline of this conv and recipe"), (0, "standard network to compare with")]
)
def test_without_a_like_there_is_no_gap(without: int, missing: str, small: Store) -> None:
    for place in {0, 2, 4} - {without}:
        for key in small.keys[place : place + 2]:
            small.deploy(key, 0.9)
    own = row(build(small.root, "quick"), "G(4)", KD)
    assert pd.isna(own["gap_recovered"])
    assert own["gap_note"] == f"no gap: the sweep has no {missing} in {INT8}"


def test_no_paper_stands_beside_int8(store: Store) -> None:
    key = store.add("S", "scratch", 0, 0.93, architecture="WRN-40-2")
    store.deploy(key, 0.93)
    content = build(store.plan(), "quick")
    trained, own = row(content, "S", "scratch"), row(content, "S", f"scratch, {INT8}")
    assert trained["papers"]
    assert own["papers"] == []
    assert published.match(own) == []


def test_timings_stand_in_the_rows_that_are_deployed_so(deployed: Store) -> None:
    for conv, latency_ms in (("S", 4.0), ("G(4)", 2.0)):
        deployed.measure(conv, latency_ms, runtime="onnxruntime", precision="int8", date="2025-01-01")
        deployed.measure(conv, 9.0, runtime="openvino", precision="int8")
    content = build(deployed.root, "quick")
    trained, int8 = texts(content, "Latency (ms) on A"), texts(content, "Latency (ms) on B")
    assert trained["S", "scratch"] == "20.0"
    assert {text for (_, method), text in trained.items() if INT8 in method} == {"-"}
    assert int8["S", f"scratch, {INT8}"] == "4.00"
    assert int8["G(4)", KD] == int8["G(4)", f"scratch, {INT8}"] == "2.00"
    assert {text for (_, method), text in int8.items() if INT8 not in method} == {"-"}
    assert "onnxruntime; latency: batch 1, 1 thread, int8" in content.conditions["Latency, throughput on B"]
    assert "fp32" in content.conditions["Latency, throughput on A"]
    assert not any(column.title.endswith("on C") for column in content.columns)


def test_timings_of_few_int8_networks_are_weighed_by_their_own_rows(small: Store) -> None:
    """One cell of eight is deployed: its timing is all there is of int8."""
    small.deploy(small.keys[4], 0.91)
    small.measure("G(4)", 2.0, runtime="onnxruntime", precision="int8")
    content = build(small.root, "quick")
    assert texts(content, "Latency (ms) on B")["G(4)", KD] == "2.00"
    assert not any("left out" in name for name in content.conditions)


def test_int8_timings_without_a_score_are_told_and_have_no_column(small: Store) -> None:
    for conv in ("S", "G(4)"):
        small.measure(conv, 2.0, runtime="onnxruntime", precision="int8")
    content = build(small.root, "quick")
    assert texts(content, "Latency (ms)")["S", "scratch"] == "20.0"
    assert content.conditions["Latency, throughput of int8 alone"] == (
        "int8 timings of 2 networks by onnxruntime are kept: "
        "`cheapconv measure quick --runtime onnxruntime --int8` scores them"
    )


def test_the_header_says_by_whom_and_on_what_they_were_quantised(deployed: Store) -> None:
    content = build(deployed.root, "quick")
    by = "int8 by ONNX Runtime 1.23.2, its own quantiser calibrated on 256 images of CIFAR-10 for training (0a1b2c3d)"
    assert content.conditions["Deployments"] == by
    deployed.deploy(deployed.keys[0], 0.93, version="1.24.0")
    assert f"{by} [5 cells]; int8 by ONNX Runtime 1.24.0" in build(deployed.root, "quick").conditions["Deployments"]
    assert any("quantised after training" in remark for remark in content.remarks)


def test_nothing_is_said_of_int8_where_there_is_none(small: Store) -> None:
    content = build(small.root, "quick")
    assert "Deployments" not in content.conditions
    assert "int8" not in tables.markdown(content)
    assert "deployed" not in pd.read_csv(io.StringIO(tables.csv(content)))


def test_every_format_has_the_row(deployed: Store, tmp_path: Path) -> None:
    report = page.render(deployed.root, "quick", tmp_path)
    table = pd.read_csv(tmp_path / "table.csv", keep_default_na=False)
    assert list(table["deployed"]).count(INT8) == 3
    assert list(table["deployed"]).count("") == 4
    assert "| **kd, int8 (ONNX Runtime)** | **91.00 ± 0.28** | 2 |" in (tmp_path / "table.md").read_text()
    assert r"\textbf{kd, int8 (ONNX Runtime)} & \textbf{91.00" in (tmp_path / "table.tex").read_text()
    assert "Small: deployed in another precision" in (tmp_path / "index.html").read_text()
    assert KD in set(report.summary["Method"])


def test_the_frame_has_them_beside_their_cells(deployed: Store) -> None:
    cells = cheapconv.frame(deployed.root, "quick")
    assert list(cells["deployed"]).count("") == len(deployed.keys)
    own = cells[(cells["deployed"] == INT8) & (cells["method"] == "kd")]
    assert list(own["top1"]) == [0.908, 0.912]
    assert list(own["seed"]) == [0, 1]


def test_the_frame_has_timings_as_the_table_names_them(deployed: Store) -> None:
    for conv, latency_ms in (("S", 4.0), ("G(4)", 2.0)):
        deployed.measure(conv, latency_ms, runtime="onnxruntime", precision="int8", doubt="the machine was at 60 %")
    cells = cheapconv.frame(deployed.root, "quick")
    table = pd.read_csv(io.StringIO(tables.csv(build(deployed.root, "quick"))))
    named = {name for name in table if name.startswith(("latency_ms", "throughput_images", "measured_on"))}
    assert {"latency_ms", "latency_ms_2", "throughput_images_per_s_2", "measured_on_2"} <= named <= {*cells}
    kd = cells[(cells["conv"] == "G(4)") & (cells["method"] == "kd")].set_index(["deployed", "seed"])
    assert (kd.loc[("", 0), "latency_ms"], kd.loc[(INT8, 1), "latency_ms_2"]) == (10.0, 2.0)
    assert kd.loc[(INT8, 0), "doubt_2"] == "the machine was at 60 %"
    assert kd.loc[(INT8, slice(None)), "latency_ms"].isna().all()


def test_a_frame_without_timings_has_their_columns(store: Store) -> None:
    store.add("S", "scratch", 0, 0.9)
    assert cheapconv.frame(store.plan(), "quick")["latency_ms"].isna().all()


def test_a_terminal_shows_the_latency_of_the_first_condition(deployed: Store, tmp_path: Path) -> None:
    deployed.measure("G(4)", 2.0, runtime="onnxruntime", precision="int8")
    summary = page.render(deployed.root, "quick", tmp_path).summary
    assert [title for title in summary if "Latency" in title] == ["Latency (ms) on A"]
    assert {*summary["Latency (ms) on A"]} == {"20.0", "10.0", "-"}


def test_pictures_have_them_at_their_own_weights_and_timings(deployed: Store) -> None:
    deployed.measure("G(4)", 2.0, runtime="onnxruntime", precision="int8")
    found = payload.payload(build(deployed.root, "quick"))
    named = {row["id"]: row for row in found["rows"]}
    trained, int8 = named["WRN-16-2/G(4)/kd"], named[f"WRN-16-2/G(4)/kd/{INT8}"]
    assert (trained["deployed"], int8["deployed"], int8["method"]) == ("", INT8, KD)
    assert trained["numbers"]["weights_bytes"] > int8["numbers"]["weights_bytes"]
    assert trained["numbers"]["macs"] == int8["numbers"]["macs"]
    for field, deployed_as in (("latency_ms", ""), ("latency_ms_2", INT8)):
        assert {row["deployed"] for row in named.values() if row["numbers"][field]} == {deployed_as}


def test_a_curve_is_that_of_the_training_and_drawn_once(deployed: Store) -> None:
    cells = payload.payload(build(deployed.root, "quick"))["cells"]
    assert sorted(cell["key"] for cell in cells if cell["curve"]) == sorted(deployed.keys)
    assert {tuple(epoch for epoch, *_ in cell["curve"]) for cell in cells if cell["curve"]} == {(1, 2)}


def test_variants_stay_apart_in_int8(store: Store) -> None:
    for lr, top1 in ((0.1, 0.9), (0.1, 0.9), (0.05, 0.8)):
        store.deploy(store.add("S", "scratch", len(store.keys), top1, recipe={"lr": lr}), top1 - 0.01)
    content = build(store.plan(), "quick")
    assert row(content, "S", f"scratch [lr=0.05], {INT8}")["top1_mean"] == pytest.approx(0.79)
    assert row(content, "S", f"scratch, {INT8}")["top1_mean"] == pytest.approx(0.89)


@pytest.mark.parametrize("lack", ["student", "score", "size", "end"])
def test_one_that_does_not_speak_of_the_result_is_no_row(lack: str, deployed: Store) -> None:
    run = folders.Store(deployed.root).run(deployed.keys[0])
    path = run.folder / deployments.FOLDER / "onnxruntime-int8.json"
    body = json.loads(path.read_text())
    del body["sha256"]
    [student] = body["students"]
    damaged = {
        "student": {"name": "nobody"},
        "score": {"scores": {"top5": 1.0}},
        "size": {"weights_bytes": 0},
        "end": {},
    }
    path.write_text(json.dumps(body | {"students": [student | damaged[lack]]})[: -40 if lack == "end" else None])
    assert deployments.read(run) == []
    assert row(build(deployed.root, "quick"), "S", f"scratch, {INT8}")["n"] == 1
