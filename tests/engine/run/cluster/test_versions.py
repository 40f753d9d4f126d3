"""What has to be equal on all machines, and the sentence where it is not."""

from pathlib import Path

import pytest

from cheapconv.engine.run.cluster import versions as module
from cheapconv.engine.run.cluster.versions import mismatch, versions

pytestmark = pytest.mark.usefixtures("tiny_world")


def test_versions_name_code_python_libraries_plugins_and_data():
    found = versions(["tests.plugin"], ["tiny"])
    assert found["the data of tiny"] == "noise"
    assert found["plugin tests.plugin"].startswith("files ")
    assert {"cheapconv", "python", "torch", "torchvision", "timm", "numpy"} < found.keys()
    assert versions(["tests.plugin"], ["tiny"]) == found


def test_code_is_compared_by_what_it_holds_wherever_it_lies(tmp_path, monkeypatch):
    def found(root: str, body: str) -> str:
        room = tmp_path / root / "catalog"
        room.mkdir(parents=True)
        (room / "one.py").write_text(body)
        (room / "notes.md").write_text(root)  # no code
        monkeypatch.setattr(module, "PACKAGE", tmp_path / root)
        return versions([], [])["cheapconv"]

    assert found("a", "x = 1\n") == found("b", "x = 1\n")
    assert found("c", "x = 1\n") != found("d", "x = 2\n")


def test_a_mismatch_names_the_node_and_both():
    ours = {"python": "3.11.7", "torch": "2.11.0", "the data of photos": "1f0e"}
    assert mismatch(ours, ours, "node a") is None
    assert mismatch({**ours, "extra": "1"}, ours, "node a") is None
    end = ": install the same on all machines."
    said = f"node a has torch 2.12.0, and the machine of the run 2.11.0{end}"
    assert mismatch({**ours, "torch": "2.12.0"}, ours, "node a") == said
    said = f"node a has the data of photos none, and the machine of the run 1f0e{end}"
    assert mismatch({"python": "3.11.7", "torch": "2.11.0"}, ours, "node a") == said


def test_the_hash_covers_this_package():
    assert Path(module.PACKAGE / "engine" / "run" / "cluster" / "versions.py").is_file()
