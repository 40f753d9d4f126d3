"""Networks that leave the project, and come back as files that are scored."""

import errno
import json
import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import onnx
import pytest
import torch

from cheapconv import catalog
from cheapconv.catalog import entries
from cheapconv.catalog.errors import UserError
from cheapconv.engine.run import scored, shipping
from cheapconv.engine.run.formats import Format, known
from cheapconv.engine.run.quantised import OpenedData
from cheapconv.engine.run.sidecar import NAME, beside, readme
from cheapconv.engine.store.runs import Store
from tests.engine import tiny


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A store with two finished cells of a sweep."""
    with tiny.trained(tmp_path_factory.mktemp("trained") / "runs", "scratch", "noisy") as (store, whole):
        yield store, [planned.cell.key for planned in whole.cells]


def export(store: Store, out: Path, form: str = "onnx", **options: Any) -> list[str]:
    cell = shipping.find(store.root, "sweep/*/*/scratch")
    return [*shipping.export(store.root, cell, out, form, **{"batch": 4, "student": None, "data": None, **options})]


@pytest.mark.parametrize("form", ["onnx", "pt2"])
def test_a_file_scores_what_its_cell_has_scored(form, trained, tmp_path):
    """In batches of 4: the last of 23 images are filled up, and count once."""
    store, (key, _) = trained
    lines = export(store, tmp_path / "out", form)
    file = tmp_path / "out" / f"network.{form}"
    assert lines[0].startswith(f"{file}: ")
    assert sorted(path.name for path in file.parent.iterdir()) == sorted(["README.md", NAME, file.name])
    found, result = scored.accuracy(file, None, None, None), store.run(key).result()
    assert result is not None
    assert found["images"] == 23
    assert found["top1"] == result.students[0].scores["top1"]
    assert found["bytes"] == file.stat().st_size
    assert scored.accuracy(file.parent, None, None, None) | {"seconds": 0} == found | {"seconds": 0}


def test_in_int8_a_file_takes_images_as_they_are_and_is_scored_by_its_own_runtime(trained, tmp_path):
    store, (key, _) = trained
    lines = export(store, tmp_path / "out", int8=True)
    said, kinds = beside(tmp_path / "out" / "network.onnx"), onnx.load(tmp_path / "out" / "network.onnx").graph.node
    assert (said.precision, said.quantised_on.endswith(")")) == ("int8", True)
    assert "QuantizeLinear" in {node.op_type for node in kinds}
    assert "PyTorch's class" in lines[1]
    assert "int8, by the quantiser of ONNX Runtime" in (tmp_path / "out" / "README.md").read_text()
    assert beside(tmp_path / "out" / "network.onnx").quantised_on == str(
        OpenedData(None).calibration(store.run(key).cell())
    )
    found, result = scored.accuracy(tmp_path / "out" / "network.onnx", None, None, None), store.run(key).result()
    assert result is not None
    assert found["precision"] == "int8"
    assert found["top1"] == pytest.approx(result.students[0].scores["top1"], abs=2.5 / 23)


def test_images_that_were_held_out_calibrate_nothing(tmp_path):
    with tiny.trained(tmp_path / "runs", "scratch", validation=8) as (store, whole):
        cell = shipping.find(store.root, whole.cells[0].cell.key)
        assert shipping.Ready.of(store.root, cell, None, None).data.samples == tiny.TRAIN - 8


def test_of_equal_logits_the_first_class_wins():
    logits = torch.tensor([[0.5, 2.0, 2.0, -1.0], [1.0, 1.0, 1.0, 1.0], [0.0, float("nan"), 3.0, 3.0]])
    found = shipping.untied(logits)
    assert found[:2].tolist() == [[2, 4, 3, 1], [4, 3, 2, 1]]
    assert found[2].isnan().tolist() == [False, True, False, False]
    dense = torch.zeros(1, 3, 2, 2)
    assert shipping.untied(dense)[0, :, 1, 1].tolist() == [3, 2, 1]


def test_a_form_without_int8_says_so(trained, tmp_path):
    with pytest.raises(UserError, match="pt2 has no int8 here: name a --format that has"):
        export(trained[0], tmp_path / "out", "pt2", int8=True)


def test_int8_that_decides_otherwise_is_not_kept(trained, tmp_path, monkeypatch):
    monkeypatch.setattr(Format, "written", lambda self, network, job: ((), lambda x: -network(x)))
    with pytest.raises(UserError, match="in int8 it says another class for 100% of 23 test images"):
        export(trained[0], tmp_path / "out", int8=True)
    assert not (tmp_path / "out").exists()


def test_a_file_says_what_it_is(trained, tmp_path):
    store, (key, _) = trained
    export(store, tmp_path / "out")
    said, props = beside(tmp_path / "out" / "network.onnx"), onnx.load(tmp_path / "out" / "network.onnx").metadata_props
    assert (said.key, said.image, said.batch, said.class_names[3]) == (key, (3, 8, 8), 4, "class 3")
    assert (said.mean, said.std) == ((0.5, 0.4, 0.3), (0.3, 0.2, 0.1))
    assert {prop.key: json.loads(prop.value) for prop in props} == json.loads((tmp_path / "out" / NAME).read_text())
    page = (tmp_path / "out" / "README.md").read_text()
    assert "float32 (4, 3, 8, 8)" in page
    assert "terms not known here" in page
    assert "Of a photograph" not in page
    of = replace(beside(tmp_path / "out" / "network.onnx"), framing="cut in its middle")
    assert "[0.3, 0.2, 0.1]. Of a photograph that is cut in its middle.\n" in readme(of, tmp_path / "out")


@pytest.mark.parametrize("form", ["onnx", "pt2"])
def test_the_code_of_its_page_reads_it(form, trained, tmp_path, monkeypatch):
    export(trained[0], tmp_path / "out", form, batch=2)
    [code] = re.findall(r"```python\n(.*?)```", (tmp_path / "out" / "README.md").read_text(), re.DOTALL)
    monkeypatch.chdir(tmp_path / "out")
    images = torch.rand(2, 3, 8, 8)
    names = {"images": images.numpy() if form == "onnx" else images}
    exec(code, names)
    ready = shipping.Ready.of(trained[0].root, shipping.find(trained[0].root, "sweep/*/*/scratch"), None, None)
    torch.testing.assert_close(torch.as_tensor(names["logits"]), ready.network(images), atol=1e-4, rtol=1e-4)


def test_a_full_disk_is_told_from_a_folder_that_cannot_be_written(trained, tmp_path, monkeypatch):
    for number, fix in ((errno.ENOSPC, "make room, or name another folder"), (errno.EACCES, "name another folder")):
        monkeypatch.setattr(shipping, "write_bytes", Mock(side_effect=OSError(number, os.strerror(number))))
        with pytest.raises(UserError, match=rf"cannot be written \({os.strerror(number)}\): {fix}\."):
            export(trained[0], tmp_path / str(number))


def test_a_file_of_a_cell_that_has_learnt_nothing_says_so(trained, tmp_path):
    store, (key, _) = trained
    doubts = store.run(key).result().doubts
    assert "as guessing has" in doubts  # after an epoch of the tiny suite
    lines = export(store, tmp_path / "out")
    assert f"its cell's score means nothing: {doubts}" in lines
    assert beside(tmp_path / "out" / "network.onnx").warnings == doubts
    assert f"**The score of its cell means nothing**: {doubts}." in (tmp_path / "out" / "README.md").read_text()
    of = replace(beside(tmp_path / "out" / "network.onnx"), warnings="")
    assert "means nothing" not in readme(of, tmp_path / "out")


def test_a_network_is_found_by_key_or_pattern(trained):
    store, (key, other) = trained
    assert [shipping.find(store.root, what).key for what in (key, key[:9], "sweep/*/S/noisy/0")] == [key, key, other]
    for what, why in (
        ("", "means 2 finished cells"),
        ("sweep/*", "means 2 finished cells"),
        ("0123", "names no finished cell"),
        ("swep/*", "no plan of a sweep 'swep'"),
    ):
        with pytest.raises(UserError, match=why):
            shipping.find(store.root, what)


def test_a_file_with_other_answers_is_not_kept(trained, tmp_path, monkeypatch):
    right = Format.written

    def wrong(self: Format, *args: Any) -> Any:
        files, answer = right(self, *args)
        return files, lambda images: answer(images) + torch.eye(10)[0]

    monkeypatch.setattr(Format, "written", wrong)
    with pytest.raises(UserError, match="answers differ from PyTorch's by"):
        export(trained[0], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_is_there_is_not_written_over(trained, tmp_path):
    (tmp_path / "mine").write_text("")
    with pytest.raises(UserError, match="is there already: name a new folder"):
        export(trained[0], tmp_path)


def test_a_folder_is_made_where_it_can_be(trained, tmp_path):
    lines = export(trained[0], tmp_path / "new" / "deeper")
    assert lines[0].startswith(str(tmp_path / "new" / "deeper" / "network.onnx"))
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"file/out cannot be written \(Not a directory\): name another folder"):
        export(trained[0], tmp_path / "file" / "out")


def test_a_cell_says_which_plugins_its_parts_come_from(trained, tmp_path, monkeypatch):
    monkeypatch.setattr(entries, "_brought", {"my_methods": [catalog.entry("method", "noisy")]})
    with tiny.trained(tmp_path / "runs", "scratch", "noisy") as (store, _):
        assert shipping.find(store.root, "sweep/*/*/scratch").plugins == ()
        assert shipping.find(store.root, "sweep/*/*/noisy").plugins == ("my_methods",)
    cell = shipping.find(trained[0].root, "sweep/*/*/scratch")
    with pytest.raises(UserError, match="parts of the user's own: give --plugin my_lost_convs to import them from"):
        shipping.Ready.of(trained[0].root, replace(cell, plugins=("my_lost_convs",)), None, None)


def test_an_unknown_format_is_refused_with_those_that_are_near():
    with pytest.raises(UserError, match=r"unknown format 'onx'; did you mean onnx\?"):
        known("onx")
    assert known("onnx").label == known("onnxruntime").label


def test_a_file_of_another_suite_is_refused(trained, tmp_path):
    export(trained[0], tmp_path / "out", "pt2")
    with pytest.raises(
        UserError, match=r"takes images of 3 x 8 x 8 and knows 10 classes, CIFAR-10 has 3 x 32 x 32 and 10"
    ):
        scored.accuracy(tmp_path / "out" / "network.pt2", "cifar10", None, None)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (None, "is not there: an exported network is read with"),
        ("{", "cannot be used"),
        ('{"format": 3}', "export .* again"),
    ],
)
def test_a_file_of_which_nothing_is_said_is_refused(said, why, tmp_path):
    file = tmp_path / "network.onnx"
    with pytest.raises(UserError, match="there is no file"):
        scored.accuracy(file, None, None, None)
    file.write_bytes(b"")
    if said is not None:
        (tmp_path / NAME).write_text(said)
    with pytest.raises(UserError, match=why):
        scored.accuracy(file, None, None, None)


def test_a_damaged_file_is_refused(trained, tmp_path):
    export(trained[0], tmp_path / "out")
    file = tmp_path / "out" / "network.onnx"
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(UserError, match="ONNX Runtime cannot load this network"):
        scored.accuracy(file, None, None, None)
