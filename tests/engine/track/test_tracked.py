"""What of a cell is shown, before anything is sent."""

from dataclasses import replace
from pathlib import Path

import pytest

from cheapconv.engine.store.records import ResultWarning
from cheapconv.engine.store.runs import Store
from cheapconv.engine.track import sweep as sweeps
from cheapconv.engine.track.tracked import Tracked, read
from tests.engine.written_cell import write_cell, write_deployment, write_measurement, write_sweep

KEY = "0123456789abcdef"


def shown(store: Store) -> Tracked:
    """The cell as it stands in the store."""
    write_sweep(store, "sweep", [KEY])
    tracked = read(store, KEY, sweeps.read(store, "sweep"))
    assert tracked is not None
    return tracked


def test_what_is_measured_later_under_other_threads_replaces_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path)
    write_cell(store, KEY)
    write_measurement(store, "A CPU", 1.5)
    [first] = store.measurements.all("s0")
    later = replace(first, date="2099-01-01T00:00:00+00:00", latency=replace(first.latency, median_ms=9.0))
    store.measurements.write("s0-a cpu-more-threads", later)
    tracked = shown(store)
    assert tracked.measurement == first


def test_a_timing_in_int8_is_never_that_of_the_network_as_trained(tmp_path: Path) -> None:
    store = Store(tmp_path)
    write_cell(store, KEY)
    write_measurement(store, "Another CPU", 1.5)
    [trained] = store.measurements.all("s0")
    int8 = replace(trained, device_name="A CPU", latency=replace(trained.latency, median_ms=0.5, precision="int8"))
    store.measurements.write("s0-a cpu-int8", int8)
    tracked = shown(store)
    assert tracked.measurement == trained


def test_other_runtimes_and_precisions_on_its_device_stand_below_their_names(tmp_path: Path) -> None:
    store = Store(tmp_path)
    write_cell(store, KEY)
    write_measurement(store, "A CPU", 1.5)
    [usual] = store.measurements.all("s0")
    quick = replace(usual, doubt="it was busy", latency=replace(usual.latency, median_ms=0.5, precision="int8"))
    other = replace(usual, runtime="openvino", date="2099-01-01T00:00:00+00:00")
    for name, timing in {
        "s0-a cpu-t1": replace(usual, doubt="the machine was slow"),
        "s0-a cpu-int8": quick,
        "s0-a cpu-int8-later": replace(quick, date="2099-01-01T00:00:00+00:00"),
        "s0-a cpu-other": replace(other, latency=replace(usual.latency, median_ms=2.0)),
        "s0-a board": replace(usual, device_name="A board", runtime="mnn"),
    }.items():
        store.measurements.write(name, timing)
    tracked = shown(store)
    found = {name: value for name, value in tracked.final.items() if name.endswith("latency_ms")}
    assert found == {"latency_ms": 1.5, f"int8_{usual.runtime}/latency_ms": 0.5, "fp32_openvino/latency_ms": 2.0}
    assert tracked.final["fp32_openvino/throughput_images_per_s"] == usual.throughput.images_per_s
    assert tracked.tags["latency_doubt"] == "the machine was slow"
    uneven = replace(usual, doubt="a quarter of the runs of a batch took at most 1 ms, another at least 2 ms")
    store.measurements.write("s0-a cpu-t1", uneven)
    again = shown(store)
    assert again.tags["latency_doubt"] == ""


def test_a_deployment_is_the_mean_of_the_students_that_count_and_the_size_of_the_first(tmp_path: Path) -> None:
    store = Store(tmp_path)
    write_cell(store, KEY)
    before = shown(store)
    write_deployment(store, KEY, 0.7, 0.4)
    after = shown(store)
    new = {name: value for name, value in after.final.items() if name not in before.final}
    assert new == {"int8_onnxruntime/top1": pytest.approx(0.55), "int8_onnxruntime/weights_bytes": 150.0}
    assert after.digest != before.digest


def test_a_score_that_means_nothing_is_a_tag_which_a_better_one_empties(tmp_path: Path) -> None:
    store = Store(tmp_path)
    write_cell(store, KEY)
    good = shown(store)
    warnings = (ResultWarning(kind="chance", text="student_0 has 10 %"), ResultWarning(kind="loss", text="it was 1e9"))
    run = store.run(KEY)
    run.finish(replace(run.result(), warnings=warnings))
    poor = shown(store)
    assert (good.tags["warnings"], poor.tags["warnings"]) == ("", "student_0 has 10 %; it was 1e9")
    assert good.digest != poor.digest
