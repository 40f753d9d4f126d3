"""The guides tell the truth: their code is written to files, and planned, trained and reported as they say."""

import importlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from cheapconv import catalog, methods, runner
from cheapconv.catalog import entries
from cheapconv.engine.read import registry
from cheapconv.engine.run.planning import plan
from cheapconv.methods.base import Build, Method
from cheapconv.methods.parts.offline import Seen
from cheapconv.models import architectures, convs
from tests.docs.guide import NO_TRACKING, Guide
from tests.engine import tiny
from tests.methods.fixed import BATCH, Fixed, fixed_method
from tests.methods.inputs import STUDENT, TEACHER

METHOD, CONV = Guide.read("add-a-method.md"), Guide.read("add-a-conv.md")
FOLDERS = {  # where the guides' files would go
    "confidence_penalty": (METHOD, "method", methods),
    "cosines": (METHOD, "method", methods),
    "pooling": (CONV, "conv", convs),
    "plain": (CONV, "architecture", architectures),
}


@pytest.fixture
def fresh_catalog(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A catalog that forgets what the test registers, and an interpreter that forgets the guides' modules."""
    catalog.load()
    monkeypatch.setattr(entries, "_entries", dict(entries._entries))
    yield
    catalog.load.cache_clear()
    written = {Path(name).stem for name in (*METHOD.files, *CONV.files)}
    for module in [module for module in sys.modules if module.split(".")[-1] in written]:
        del sys.modules[module]


def results(folder: Path) -> list[tuple[str, str, str, dict]]:
    """Architecture, conv, method and result of every finished cell of the folder's store."""
    rows = []
    for path in sorted(folder.glob("runs/*/result.json")):
        cell, result = (json.loads((path.parent / name).read_text()) for name in ("cell.json", "result.json"))
        rows.append((cell["architecture_label"], cell["conv_label"], cell["method_label"], result))
    return sorted(rows, key=lambda row: row[:3])


def check_method(folder: Path) -> None:
    """What the guide to methods promises of its commands."""
    rows = results(folder)
    labels = ["confidence_penalty", "confidence_penalty(weight=0.3)", "scratch"]
    assert [row[:3] for row in rows] == [("WRN-10-1", "G(4)", label) for label in labels]
    assert all(result["epochs"] == 1 and result["scores"]["top1"] > 0.1 for *_, result in rows)
    assert len({result["scores"]["top1"] for *_, result in rows}) > 1
    assert "confidence_penalty" in (folder / "report" / "table.md").read_text()


def test_a_plugin_beside_the_registry_is_found_by_the_installed_command(tmp_path):
    """Its interpreter does not look into the folder that it is run in."""
    (tmp_path / "my_parts.py").write_text("raise SystemError('it was imported')\n")
    entry = "{architecture: WRN-10-1, conv: S, method: scratch}"
    (tmp_path / "my.yaml").write_text(
        f"sweeps:\n  mine: {{suite: digits, recipe: short, plugins: [my_parts], entries: [{entry}]}}\n"
    )
    code = "import sys; from cheapconv.runner import main; sys.argv[0] = 'cheapconv'; main()"
    command = [sys.executable, "-I", "-c", code, "check", "--registry", "my.yaml"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, "it was imported" in done.stderr) == (2, True), done.stderr


def check_conv(folder: Path) -> None:
    """What the guide to convs and architectures promises of its commands."""
    rows = results(folder)
    assert [row[:3] for row in rows] == [("Plain-8", "S", "scratch"), ("Plain-8", "pool", "scratch")]
    standard, pooling = (result["networks"][0]["sizes"]["macs"] for *_, result in rows)
    assert pooling < standard


def test_the_method_runs_from_the_registry(
    fresh_catalog: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    METHOD.write(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", NO_TRACKING)
    tiny.skip_timing(monkeypatch)  # which takes as long as all else
    for arguments in METHOD.commands:
        ended = CliRunner().invoke(runner.app, arguments)
        assert ended.exit_code == 0, ended.output
    check_method(tmp_path)


def test_the_conv_and_the_architecture_are_planned(
    fresh_catalog: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    CONV.write(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    planned = plan(registry.load(tmp_path / "my.yaml").sweep("mine"), "mine")
    labels = [(p.cell.architecture_label, p.cell.conv_label, p.cell.method_label) for p in planned.cells]
    assert labels == [("Plain-8", "S", "scratch"), ("Plain-8", "pool", "scratch")]


@pytest.mark.slow
@pytest.mark.parametrize(("guide", "check"), [(METHOD, check_method), (CONV, check_conv)])
def test_the_shell_commands_work_as_they_stand(guide: Guide, check: Callable, tmp_path: Path) -> None:
    guide.write(tmp_path)
    guide.run(tmp_path)
    check(tmp_path)


def test_the_guide_s_own_test_passes(fresh_catalog: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    METHOD.write(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    importlib.import_module("confidence_penalty")
    importlib.import_module("test_confidence_penalty").test_the_loss()


def test_the_method_with_a_teacher_compares_cosines(
    fresh_catalog: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two images: right angles for the student, none for the teacher; two of four cosines differ by 1."""
    METHOD.write(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    importlib.import_module("cosines")
    method = fixed_method("cosines", [Fixed(STUDENT)], Fixed(TEACHER))
    student, teacher = (
        Seen([], torch.tensor(of), logits)
        for of, logits in (([[2.0, 0], [0, 3]], STUDENT), ([[1.0, 1], [2, 2]], TEACHER))
    )
    assert method.transfer(student, teacher, BATCH).item() == pytest.approx(0.5)
    assert (method.needs_teacher, method.couples_samples, method.weight) == (True, True, 1.0)


@pytest.mark.parametrize("name", FOLDERS)
def test_a_file_in_its_folder_is_found_without_a_plugin(
    fresh_catalog: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    guide, kind, package = FOLDERS[name]
    (tmp_path / f"{name}.py").write_text(guide.files[f"{name}.py"])
    assert name not in catalog.names(kind)
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path)])
    catalog.load.cache_clear()
    catalog.load()
    assert catalog.entry(kind, name).cls.__module__ == f"{package.__name__}.{name}"


@pytest.mark.parametrize(
    "promise",
    [
        "stages_can_be_entered_in_the_middle",
        "stages_leave_their_input_as_it_was",
        "gradient_reaches_every_parameter",
        "channels_last_computes_the_same",
        "two_independent_counters_agree_on_macs",
    ],
)
def test_conv_and_architecture_keep_the_contract(
    fresh_catalog: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, promise: str
) -> None:
    from tests.contract import test_networks  # before the guide's names are registered: it is about all that are

    CONV.write(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    for module in ("pooling", "plain"):
        importlib.import_module(module)
    check = getattr(test_networks, f"test_{promise}")
    for architecture, conv in (("plain", "pooling"), ("wrn(depth=10, width=1)", "pooling"), ("plain", "B(2)")):
        check(catalog.parse("architecture", architecture), catalog.parse("conv", conv))


def test_the_guide_names_the_whole_interface() -> None:
    of_method = {name for name in vars(Method) if not name.startswith("_")} - {"registered_name", "Config"}
    of_build = {name for name in (*vars(Build), *Build.__annotations__) if not name.startswith("_")}
    missing = {name for name in of_method | of_build if name not in METHOD.text}
    assert missing == set()
