"""The guide to one's own network tells the truth: its code is written to files and run as it says."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cheapconv import catalog, runner
from cheapconv.catalog.errors import UserError
from cheapconv.engine.store.content import content_hash
from cheapconv.models.build import build_network
from tests.docs.guide import NO_TRACKING, Guide
from tests.engine import tiny

OWN = Guide.read("your-own-network.md")
TEXT = "module(path='my_net:build', taps=('early', 'late'))"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The guide's files, in a folder of their own in which the commands run."""
    catalog.load()
    OWN.write(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", NO_TRACKING)
    tiny.skip_timing(monkeypatch)  # which takes as long as all else
    yield tmp_path
    for name in ("my_net", "my_blocks"):
        sys.modules.pop(name, None)


def test_its_commands_run_as_they_stand(folder: Path) -> None:
    said = [CliRunner().invoke(runner.app, arguments) for arguments in OWN.commands]
    assert [ended.exit_code for ended in said] == [0, 0, 0], [ended.output for ended in said]
    assert "early.0.conv1" in said[0].output
    cells = [json.loads(path.read_text()) for path in sorted(folder.glob("runs/*/cell.json"))]
    assert sorted((c["conv_label"], c["method"]) for c in cells) == [
        (conv, method) for conv in ("G(4)", "G(N)") for method in ("at", "scratch")
    ] + [("S", "scratch")]
    assert len(list(folder.glob("runs/*/result.json"))) == 5
    assert "my_net:build" in (folder / "report" / "table.md").read_text()


def test_a_stage_ends_at_the_taps_that_are_named(folder: Path) -> None:
    network = build_network(TEXT, "group(groups=4)", 10)
    assert network.channels == [16, 32]
    replaced = [row.name for row in network.substitutions if row.replaced_by]
    assert replaced == [f"{block}.conv{k}" for block in ("early.0", "early.1", "late") for k in (1, 2)]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("module(path='my_net:build', taps=('early', 'lat'))", "it has no module 'lat'; did you mean late?"),
        ("module(path='my_net:build', taps=('early.0.conv1', 'late'))", "not all of the taps .* can end a stage"),
        ("module(path='my_net:biuld')", "module 'my_net' has no function 'biuld'; did you mean build?"),
        ("module(path='my_net')", "path is a module and a function in it, such as 'pkg.mod:build', not 'my_net'"),
        ("module(path='my_nett:build')", "plugin 'my_nett' cannot be imported"),
        ("module(path='my_net:Tensor')", "its function cannot make it|it returns a Tensor, not an nn.Module"),
    ],
)
def test_what_is_wrong_is_a_sentence(folder: Path, text: str, complaint: str) -> None:
    with pytest.raises((UserError, ValueError), match=complaint):
        build_network(text, "standard", 10)


def test_its_identity_is_its_source_and_that_of_what_it_imports_beside_it(folder: Path) -> None:
    def content(path: str = "my_net:build") -> str:
        return catalog.build("architecture", "module", {"path": path}).contents(content_hash)["path"]

    before = content()
    assert content("my_net:Net") != before  # another function of the same file
    (folder / "unrelated.py").write_text("x = 1\n")
    assert content() == before
    blocks = (folder / "my_blocks.py").read_text()
    (folder / "my_blocks.py").write_text(blocks.replace(".relu()\n", ".relu() * 2\n"))
    assert content() != before
    (folder / "my_blocks.py").write_text(blocks)
    assert content() == before
    (folder / "my_net.py").write_text((folder / "my_net.py").read_text() + "\n# more\n")
    assert content() != before
