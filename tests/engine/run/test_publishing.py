"""Networks that become models in MLflow: what loads them again, what is said of them, once, and what goes wrong."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
import torch

from cheapconv.catalog.errors import UserError
from cheapconv.engine.run import publishing
from cheapconv.engine.store.runs import RESULT, Store
from cheapconv.engine.track.server import connect
from tests.engine import tiny
from tests.engine.published import answered
from tests.engine.track.mirrors import only_run, runs
from tests.engine.written_cell import shared_database

NAME = "Tiny-WRN-10-1-S"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Store, list[str]]]:
    """A store with two finished cells of a sweep."""
    with tiny.trained(tmp_path_factory.mktemp("trained") / "runs", "scratch", "noisy") as (store, whole):
        yield store, [planned.cell.key for planned in whole.cells]


@pytest.fixture
def uri(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The database of the test session."""
    return shared_database(tmp_path_factory)


def publish(store: Store, what: str, uri: str, **options: Any) -> list[str]:
    return [*publishing.publish(store.root, what, option=uri, **options)]


@pytest.mark.slow
def test_a_fresh_process_without_this_package_gives_the_same_logits(trained, uri, tmp_path):
    store, (key, _) = trained
    lines = publish(store, "sweep/*/*/scratch", uri, name="fresh")
    assert lines[0].startswith("checked on 23 test images: logits differ from PyTorch's by")
    assert lines[-1] == "models:/fresh/1 is registered"
    ready = publishing.Ready.of(store.root, store.run(key).cell(), None, None)
    logits, names = answered(tmp_path, uri, "models:/fresh/1", ready.images[:5])
    assert names == [f"class {number}" for number in range(10)]
    torch.testing.assert_close(logits, ready.network(ready.images[:5]), rtol=1e-5, atol=1e-5)


def test_a_version_says_what_it_is_answers_as_its_network_does_and_stands_below_its_cell(trained, uri):
    from mlflow import pyfunc

    store, (key, _) = trained
    lines = publish(store, key, uri, name="told")
    client, cell, result = connect(uri), store.run(key).cell(), store.run(key).result()
    assert cell
    assert result
    assert f"its cell's score means nothing: {result.doubts}" in lines
    version = client.get_model_version("told", "1")
    tags = {"cell_key": key, "method": "scratch", "seed": "0", "architecture": "wrn(depth=10, width=1)"}
    tags |= {"conv": "standard", "sweep": "sweep", "top1": f"{result.students[0].scores['top1']:.6g}"}
    tags |= {"warnings": result.doubts, "data_licence": "terms not known here: ask whoever has the images"}
    assert tags.items() <= version.tags.items()
    warned = f"on 23 test samples. The score means nothing: {result.doubts}. "
    assert f"{warned}It takes float32 images (3, 8, 8), RGB from 0 to 1" in version.description
    [run] = [run for run in runs(uri, "sweep") if run.data.tags["cell_key"] == key]
    [sent] = run.outputs.model_outputs
    model = client.get_logged_model(sent.model_id)
    assert (model.source_run_id, str(model.status)) == (version.run_id, "READY") == (run.info.run_id, "READY")
    assert version.source == model.artifact_location
    loaded, ready = pyfunc.load_model(model.artifact_location), publishing.Ready.of(store.root, cell, None, None)
    for images in (ready.images[:1], ready.images[:7]):
        answers = torch.from_numpy(loaded.predict(images.numpy())["logits"])
        torch.testing.assert_close(answers, ready.network(images), rtol=1e-5, atol=1e-5)
    signature = loaded.metadata.signature
    assert [(spec.shape, str(spec.type)) for spec in signature.inputs.inputs] == [((-1, 3, 8, 8), "float32")]
    assert [(spec.shape, spec.name) for spec in signature.outputs.inputs] == [((-1, 10), "logits")]


def test_what_is_there_is_not_sent_again_and_another_cell_is_another_version(trained, uri):
    store, keys = trained
    assert publish(store, keys[0], uri)[-1] == f"models:/{NAME}/1 is registered"
    assert publish(store, keys[0], uri) == [f"models:/{NAME}/1 is this network already"]
    assert publish(store, keys[1], uri)[-1] == f"models:/{NAME}/2 is registered"
    assert len(connect(uri).search_model_versions(f"name = '{NAME}'")) == 2


class Odd:
    """A client of which one request fails."""

    def __init__(self, client: Any, name: str, error: Exception) -> None:
        self._client, self._name, self._error = client, name, error

    def __getattr__(self, name: str) -> Any:
        return self._fail if name == self._name else getattr(self._client, name)

    def _fail(self, *args: object, **named: object) -> None:
        raise self._error


@pytest.mark.slow
def test_two_at_once_make_one_version(trained, uri):
    store, [key, *_] = trained
    with ThreadPoolExecutor(2) as pool:
        said = [*pool.map(lambda _: publish(store, key, uri, name="twice"), range(2))]
    last = sorted(lines[-1].rpartition(" is ")[2] for lines in said)
    assert last == ["registered", "this network already"]


def test_a_model_of_the_run_alone_survives_a_broken_upload_and_is_registered_later_without_another(trained, uri):
    store, _ = trained
    store.write_plan(replace(store.known_plan("sweep"), sweep="alone"))
    what, client = "alone/*/*/scratch", connect(uri)
    broken: Any = Odd(client, "log_model_artifacts", ConnectionError("no connection"))
    with pytest.raises(UserError, match=r"MLflow at .* does not answer \(no connection\): start it, or name another"):
        publish(store, what, uri, name="alone", registered=False, connect=lambda _: broken)
    model = publish(store, what, uri, registered=False)[-1].split()[0].removeprefix("models:/")
    assert client.search_model_versions("name = 'alone'") == []
    assert publish(store, what, uri, name="alone")[-1] == "models:/alone/1 is registered"
    sent = client.search_logged_models([only_run(uri, "alone").info.experiment_id])
    assert {each.model_id: str(each.status) for each in sent}[model] == "READY"
    assert sorted(str(each.status) for each in sent) == ["FAILED", "READY"]
    assert client.get_model_version("alone", "1").source == client.get_logged_model(model).artifact_location


def test_a_server_without_a_registry_is_told_from_one_that_is_not_there(trained, uri):
    store, (key, _) = trained
    lacking: Any = Odd(connect(uri), "search_registered_models", RuntimeError("no such endpoint"))
    with pytest.raises(UserError, match=r"has no model registry \(no such endpoint\): name another .* --unregistered"):
        publish(store, key, uri, connect=lambda _: lacking)
    with pytest.raises(UserError, match=r"MLflow at http://127.0.0.1:9 does not answer \(\[Errno 111\] Conn.* refused"):
        publish(store, key, "http://me:hush-hush@127.0.0.1:9")


def test_what_cannot_be_published_is_told_in_a_sentence(trained, uri, tmp_path):
    store, (key, _) = trained
    with pytest.raises(UserError, match="'0123' names no finished cell: see `status`"):
        publish(store, "0123", uri)
    with pytest.raises(UserError, match="has no saved network 'student_7'"):
        publish(store, key, uri, student="student_7")
    with pytest.raises(UserError, match="there is nowhere to publish: name a server"):
        publish(store, key, "none")
    with pytest.raises(UserError, match="refuses this: "):
        publish(store, key, uri, name="a/b:c")
    unfinished = Store(tmp_path / "runs")
    unfinished.run(key).folder.mkdir(parents=True)
    for file in store.run(key).folder.iterdir():
        if file.is_file() and file.name != RESULT:
            (unfinished.run(key).folder / file.name).write_bytes(file.read_bytes())
    with pytest.raises(UserError, match=r"names a cell that is not finished \(\w+\): run it first"):
        publish(unfinished, key, uri)
    for path in store.run(key).folder.iterdir():
        target = unfinished.run(key).folder / path.name
        if path.name == RESULT:
            target.write_bytes(path.read_bytes())
    with pytest.raises(UserError, match=r"no sweep that .* has a plan of holds the cell .*: plan it by a run"):
        publish(unfinished, key, uri)


def test_a_password_is_not_in_what_is_said(trained, uri):
    store, (key, _) = trained
    lines = publish(store, key, "http://me:hush-hush@host:5000", name="secret", connect=lambda _: connect(uri))
    memory = (store.run(key).folder / "mlflow.json").read_text()
    assert "http://host:5000" in memory
    assert "hush" not in f"{lines} {memory} {connect(uri).get_model_version('secret', '1')}"
