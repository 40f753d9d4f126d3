"""One cell in MLflow: everything arrives, once, in one run, whatever happened in between."""

import json
import math
from typing import Any

import pytest

from cheapconv.engine.store import compute
from cheapconv.engine.store.compute import StepCount
from cheapconv.engine.store.files import write_bytes, write_json
from cheapconv.engine.store.runs import CURVE, ENVIRONMENT, Store
from cheapconv.engine.track.redact import public
from cheapconv.engine.track.server import connect
from cheapconv.engine.track.tracked import CellRefusedError
from tests.engine.track.mirrors import history, only_run, push
from tests.engine.written_cell import START_MS, read_memory, write_cell, write_deployment, write_measurement

KEY, TEACHER = "0123456789abcdef", "fedcba9876543210"
SIZES = {"params": 100, "params_with_bn_stats": 120, "macs": 1000, "flops": 2000}
SIZES |= {"weights_bytes": 400, "activation_bytes": 800}


def test_what_its_training_computed_arrives(store: Store, uri: str, sweep: str) -> None:
    write_cell(store, TEACHER)
    write_cell(store, KEY, teacher=TEACHER)
    teacher, student = store.run(TEACHER).cell(), store.run(KEY).cell()
    assert teacher is not None
    assert student is not None
    compute.of(store).write(compute.name_of(student, teacher), StepCount(macs=600, images=4))
    push(store, KEY, sweep, uri, ask=True)
    images = sum(row.images_per_s * row.seconds for row in store.run(KEY).curve())
    found = only_run(uri, sweep).data.metrics
    assert found["train_macs"] == pytest.approx(150 * images)
    assert "train_macs_with_teacher" not in found  # as long as that is not known
    compute.of(store).write(compute.name_of(teacher, None), StepCount(macs=400, images=4))
    push(store, KEY, sweep, uri, ask=True)
    assert only_run(uri, sweep).data.metrics["train_macs_with_teacher"] == pytest.approx(250 * images)


def test_a_finished_cell_arrives_in_full(store: Store, uri: str, sweep: str) -> None:
    write_cell(store, KEY, teacher="fedcba9876543210")
    write_measurement(store, "A CPU", 1.5)
    push(store, KEY, sweep, uri, ask=True)
    run = only_run(uri, sweep)
    assert (run.info.run_name, run.info.status) == ("WRN-10-2 G(4) kd seed 0", "FINISHED")
    assert (run.info.start_time, run.info.end_time) == (START_MS, START_MS + 3_600_000)
    tags = {
        "suite": "digits",
        "architecture": "wrn(depth=10, width=2)",
        "conv": "group(groups=4)",
        "conv_label": "G(4)",
    }
    tags |= {"method": "kd", "seed": "0", "teacher": "fedcba9876543210", "cell_key": KEY, "sweep": sweep}
    tags |= {"protocol": "1", "recipe": "short", "device": "cpu", "precision": "fp32", "git_sha": "abc"}
    assert tags.items() <= run.data.tags.items()
    params = {"architecture": "wrn(depth=10, width=2)", "conv": "group(groups=4)", "method": "kd", "seed": "0"}
    assert run.data.params == params | {"method.temperature": "4.0", "method.form": "batchmean"}
    final = {"final_top1": 0.6, "final_ensemble_top1": 0.9, "best_epoch_top1_optimistic": 0.7, "train_s": 9.0}
    final |= {"train_s_with_teacher": 15.0, "latency_ms": 1.5, "throughput_images_per_s": 500.0, **SIZES}
    assert {name: run.data.metrics[name] for name in final} == pytest.approx(final)
    assert "final_top5" not in run.data.metrics


def test_every_epoch_is_a_step_at_its_own_time(store: Store, uri: str, sweep: str) -> None:
    write_cell(store, KEY)
    push(store, KEY, sweep, uri, ask=True)
    run = only_run(uri, sweep)
    times = [START_MS + 3000, START_MS + 6000, START_MS + 9000]
    assert history(uri, run, "loss") == list(zip(range(3), [2.0, 1.0, 0.0], times, strict=True))
    assert [value for _, value, _ in history(uri, run, "top1")] == pytest.approx([0.4, 0.5, 0.6])
    names = {
        "validation_top1/student_0",
        "loss/ce",
        "loss/kd",
        "top1/student_0",
        "top1/student_1",
        "top1/ensemble",
        "lr",
        "images_per_s",
        "epoch_s",
    }
    assert names <= run.data.metrics.keys()


def test_what_is_deployed_after_it_was_sent_is_sent_once(store: Store, uri: str, sweep: str) -> None:
    write_cell(store, KEY)
    push(store, KEY, sweep, uri)
    write_deployment(store, KEY, 0.7, 0.4)
    assert push(store, KEY, sweep, uri) == 2
    assert push(store, KEY, sweep, uri) == push(store, KEY, sweep, uri, ask=True) == 0
    run = only_run(uri, sweep)
    assert [(step, value) for step, value, _ in history(uri, run, "int8_onnxruntime/top1")] == [(0, 0.55)]
    assert run.data.metrics["int8_onnxruntime/weights_bytes"] == 150
    assert run.data.metrics["final_top1"] == pytest.approx(0.6)


def test_a_second_push_adds_nothing(store: Store, uri: str, sweep: str) -> None:
    write_cell(store, KEY)
    assert push(store, KEY, sweep, uri, ask=True) > 0
    assert push(store, KEY, sweep, uri, ask=True) == 0
    assert len(history(uri, only_run(uri, sweep), "loss")) == 3


@pytest.mark.parametrize("state", ["running", "failed", "done"])
def test_a_cell_sent_as_it_is_asks_no_server(store: Store, uri: str, state: Any) -> None:
    sweep = f"asked once, {state}"
    write_cell(store, KEY, state=state)
    push(store, KEY, sweep, uri)

    def refuse(uri: str) -> Any:
        raise AssertionError("a server was asked")

    assert push(store, KEY, sweep, uri, connect=refuse) == 0


def test_a_resumed_cell_continues_its_run(store: Store, uri: str, sweep: str) -> None:
    write_cell(store, KEY, state="running", epochs=2)
    push(store, KEY, sweep, uri, ask=True)
    first = only_run(uri, sweep)
    assert "top1" not in first.data.metrics, "which networks are the headline is not known yet"
    write_cell(store, KEY, epochs=3)
    push(store, KEY, sweep, uri, ask=True)
    second = only_run(uri, sweep)
    assert second.info.run_id == first.info.run_id
    assert second.info.status == "FINISHED"
    assert [step for step, _, _ in history(uri, second, "loss")] == [0, 1, 2]
    assert [step for step, _, _ in history(uri, second, "top1")] == [0, 1, 2]


def test_a_running_cell_whose_process_is_gone_is_killed(store: Store, uri: str, sweep: str) -> None:
    write_cell(store, KEY, state="running", epochs=1)
    statuses = []
    with store.run(KEY).lock():
        push(store, KEY, sweep, uri, ask=True)
        statuses.append(only_run(uri, sweep).info.status)
    push(store, KEY, sweep, uri, ask=True)
    statuses.append(only_run(uri, sweep).info.status)
    with store.run(KEY).lock():
        push(store, KEY, sweep, uri, ask=True)
        statuses.append(only_run(uri, sweep).info.status)
    assert statuses == ["RUNNING", "KILLED", "RUNNING"]


def test_a_failed_cell_says_why_until_it_succeeds(store: Store, uri: str, sweep: str) -> None:
    write_cell(store, KEY, state="failed", epochs=1)
    push(store, KEY, sweep, uri, ask=True)
    run = only_run(uri, sweep)
    assert (run.info.status, run.data.tags["error"]) == ("FAILED", "ValueError: nan")
    write_cell(store, KEY)
    push(store, KEY, sweep, uri, ask=True)
    run = only_run(uri, sweep)
    assert (run.info.status, run.data.tags["error"]) == ("FINISHED", "")


def test_a_planned_cell_has_no_run(store: Store, uri: str, sweep: str) -> None:
    write_cell(store, KEY, state="planned", epochs=0)
    assert push(store, KEY, sweep, uri, ask=True) == 0
    assert not (store.run(KEY).folder / "mlflow.json").exists()


def test_a_deleted_run_is_sent_again(store: Store, uri: str, sweep: str) -> None:
    write_cell(store, KEY)
    sent = push(store, KEY, sweep, uri, ask=True)
    deleted = only_run(uri, sweep).info.run_id
    connect(uri).delete_run(deleted)
    assert push(store, KEY, sweep, uri, ask=True) == sent
    run = only_run(uri, sweep)
    assert run.info.run_id != deleted
    assert len(history(uri, run, "loss")) == 3


def test_a_run_that_the_server_does_not_know_is_sent_again(store: Store, uri: str, sweep: str) -> None:
    write_cell(store, KEY)
    push(store, KEY, "elsewhere", uri)
    known = read_memory(store, KEY)[uri]["elsewhere"] | {"run_id": "0" * 32}
    write_bytes(store.run(KEY).folder / "mlflow.json", json.dumps({uri: {sweep: known}}).encode())
    push(store, KEY, sweep, uri, ask=True)
    assert len(history(uri, only_run(uri, sweep), "loss")) == 3


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"%s": 3}', '{"%s": {"%s": {"run_id": "x", "epochs": null}}}'])
def test_a_damaged_memory_finds_its_run_and_doubles_nothing(store: Store, uri: str, damage: str) -> None:
    sweep = f"damaged {damage}"
    write_cell(store, KEY)
    push(store, KEY, sweep, uri, ask=True)
    before = only_run(uri, sweep).info.run_id
    text = damage.replace("%s", uri, 1).replace("%s", sweep, 1)
    (store.run(KEY).folder / "mlflow.json").write_text(text)
    push(store, KEY, sweep, uri, ask=True)
    run = only_run(uri, sweep)
    assert run.info.run_id == before == read_memory(store, KEY)[uri][sweep]["run_id"]
    assert len(history(uri, run, "loss")) == 3


def test_a_deleted_experiment_comes_back(store: Store, uri: str, sweep: str) -> None:
    write_cell(store, KEY)
    push(store, KEY, sweep, uri, ask=True)
    client = connect(uri)
    client.delete_experiment(client.get_experiment_by_name(sweep).experiment_id)
    push(store, KEY, sweep, uri, ask=True)
    assert len(history(uri, only_run(uri, sweep), "loss")) == 3


def test_a_shared_cell_has_a_run_in_each_sweep(store: Store, uri: str) -> None:
    write_cell(store, KEY)
    assert push(store, KEY, "first of two", uri) == push(store, KEY, "second of two", uri)
    assert only_run(uri, "first of two").info.run_id != only_run(uri, "second of two").info.run_id
    assert push(store, KEY, "first of two", uri) == 0


def test_a_measurement_of_the_training_device_is_preferred_and_may_come_late(
    store: Store, uri: str, sweep: str
) -> None:
    write_cell(store, KEY)
    push(store, KEY, sweep, uri, ask=True)
    for device_name, latency_ms in (("A board", 30.0), ("A CPU", 1.5), ("Z", 2.0)):
        write_measurement(store, device_name, latency_ms)
    push(store, KEY, sweep, uri)
    run = only_run(uri, sweep)
    assert (run.data.metrics["latency_ms"], run.data.tags["latency_device"]) == (1.5, "A CPU")


def test_a_cell_of_two_machines_began_on_the_first_and_shows_the_last(store: Store, uri: str, sweep: str) -> None:
    write_cell(store, KEY)
    path = store.run(KEY).folder / ENVIRONMENT
    first = json.loads(path.read_text())[0]
    second = {"start": "2026-01-02T00:00:00+00:00", "end": "2026-01-02T01:00:00+00:00", "device_name": "A GPU"}
    write_json(path, [first | {"end": None}, first | second])
    push(store, KEY, sweep, uri)
    run = only_run(uri, sweep)
    day_ms = 86_400_000
    assert (run.info.start_time, run.info.end_time) == (START_MS, START_MS + day_ms + 3_600_000)
    assert run.data.tags["device_name"] == "A GPU"


def test_the_only_network_is_the_headline_from_the_first_epoch(store: Store, uri: str, sweep: str) -> None:
    write_cell(store, KEY, state="running", epochs=1, networks=1)
    push(store, KEY, sweep, uri, ask=True)
    assert only_run(uri, sweep).data.metrics["top1"] == 0.5


def test_what_mlflow_would_reject_is_made_to_fit(store: Store, uri: str, sweep: str) -> None:
    settings = {f"setting {i} (odd)": i for i in range(250)} | {"structure": "x" * 10_000}
    write_cell(store, KEY, method_settings=settings)
    push(store, KEY, sweep, uri, ask=True)
    params = only_run(uri, sweep).data.params
    assert params["method.setting 249 _odd_"] == "249"
    assert len(params["method.structure"]) == 6000


def test_many_epochs_go_in_several_requests(store: Store, uri: str, sweep: str) -> None:
    write_cell(store, KEY, epochs=120)  # more than the 1000 values that the server takes at once
    push(store, KEY, sweep, uri, ask=True)
    assert [step for step, _, _ in history(uri, only_run(uri, sweep), "lr")] == list(range(120))


def test_diverged_values_arrive(store: Store, uri: str, sweep: str) -> None:
    write_cell(store, KEY, state="failed", epochs=1)
    path = store.run(KEY).folder / CURVE
    path.write_text(path.read_text().replace('"loss": 2.0', '"loss": NaN'))
    push(store, KEY, sweep, uri, ask=True)
    assert math.isnan(only_run(uri, sweep).data.metrics["loss"])


@pytest.mark.parametrize("name", ["cell.json", "curve.jsonl", "result.json"])
def test_a_damaged_cell_is_refused(store: Store, uri: str, sweep: str, name: str) -> None:
    write_cell(store, KEY)
    (store.run(KEY).folder / name).write_text("{")
    with pytest.raises(CellRefusedError, match=f"{name} is missing or damaged"):
        push(store, KEY, sweep, uri)


def test_files_that_contradict_one_another_are_refused(store: Store, uri: str, sweep: str) -> None:
    write_cell(store, KEY)
    path = store.run(KEY).folder / CURVE
    path.write_text(path.read_text().replace("student_1", "student_7"))
    with pytest.raises(CellRefusedError, match="its files are damaged: KeyError: 'student_1'"):
        push(store, KEY, sweep, uri)


def test_a_value_that_the_server_rejects_is_the_cells_fault(store: Store, uri: str, sweep: str) -> None:
    write_cell(store, KEY)
    path = store.run(KEY).folder / CURVE
    path.write_text(path.read_text().replace('"ce"', '"../ce"'))
    with pytest.raises(CellRefusedError, match="Invalid value"):
        push(store, KEY, sweep, uri, ask=True)


def test_passwords_are_not_written_down(store: Store, sweep: str, uri: str) -> None:
    write_cell(store, KEY)
    push(store, KEY, sweep, "http://me:secret@host:5000", connect=lambda _: connect(uri))
    assert list(read_memory(store, KEY)) == ["http://host:5000"] == [public("http://me:secret@host:5000")]
