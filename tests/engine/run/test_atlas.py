"""The atlas's measuring: every conv in turn, what is refused has its reason, what is there is not timed again."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from cheapconv import catalog
from cheapconv.catalog.errors import UserError
from cheapconv.engine.measure import turn
from cheapconv.engine.measure.timings import Way
from cheapconv.engine.run import atlas as atlases
from cheapconv.engine.run.atlas import Asked, measure, ways
from cheapconv.engine.run.conv_timings import Setting, in_turn
from cheapconv.engine.run.options import Anew
from cheapconv.engine.store import atlas
from cheapconv.engine.store.atlas import Atlas
from tests.engine.timed import Watch

SMALL = Setting("WRN-10-1", 10, 8)
ASKED = Asked((SMALL,), ("S", "G(4)"))


@pytest.fixture(autouse=True)
def quiet(monkeypatch, tmp_path):
    """A machine that nobody else uses or times."""
    catalog.load()
    monkeypatch.setattr(turn.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr(atlases.busy, "sentence", lambda: "")
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


def made(out: Path, runtimes: str = "eager", watch: Watch | None = None, again: Anew | None = None) -> list[str]:
    given = {"int8": False, "again": again}
    return [*measure(ASKED, runtimes, **given, out=out, told=lambda line: None, watch=watch or Watch())]


def test_convs_take_turns_and_a_refusal_is_a_row(tmp_path):
    watch, told = Watch(one_s=0.002), list[str]()
    [way] = ways("onnxruntime", False, SMALL.shape)
    found = in_turn(SMALL, ["S", "G(3)", "G(4)"], way, tmp_path, told.append, watch)
    assert watch.sliced[:4] == ["WRN-10-1 S", "WRN-10-1 G(4)", "WRN-10-1 G(4)", "WRN-10-1 S"]
    assert [(row.conv, row.median_ms, row.is_standard) for row in found.latencies] == [
        ("S", 2.0, True),
        ("G(3)", None, False),
        ("G(4)", 2.0, False),
    ]
    assert "3" in found.latencies[1].refused
    assert (found.latencies[2].params, found.latencies[1].params) == (28218, None)
    kinds = {(share.conv, share.kind): share.count for share in found.shares}
    assert kinds["S", "conv 3x3"] == 7
    assert kinds["G(4)", "conv 3x3 groups=4"] == 6


def lacking(kept: Atlas, way: Way) -> set[str]:
    return atlases.lacking(atlases.there(kept, SMALL, way), ASKED.convs)


def test_what_is_there_is_not_timed_again_unless_it_is_asked_for(tmp_path):
    assert made(tmp_path / "out") == ["WRN-10-1, eager fp32: 2 of 2 convs"]
    assert made(tmp_path / "out") == []
    assert len(made(tmp_path / "out", again=Anew.ALL)) == 1
    assert len(atlas.read(tmp_path / "out").latencies) == 2


def test_a_doubt_is_told_and_kept(tmp_path):
    [line] = made(tmp_path / "out", watch=Watch([1.0, 0.5] * 50))
    assert line == "WRN-10-1, eager fp32: 2 of 2 convs, 2 of them in doubt"
    assert all(row.doubt for row in atlas.read(tmp_path / "out").latencies)


def test_what_is_in_doubt_is_timed_again_and_kept_where_that_is_better(tmp_path):
    out, slowing = tmp_path / "out", [1.0, 0.5] * 50
    made(out, watch=Watch(slowing))
    first = atlas.read(out)
    [line] = made(out, watch=Watch(slowing), again=Anew.DOUBTFUL)
    assert line == "WRN-10-1, eager fp32: 2 in doubt again, the old stay"
    assert atlas.read(out) == first
    assert made(out, again=Anew.DOUBTFUL) == ["WRN-10-1, eager fp32: 2 of 2 convs"]
    assert not any(row.doubt for row in atlas.read(out).latencies)
    assert made(out, again=Anew.DOUBTFUL) == []


def test_another_version_is_timed_anew(tmp_path):
    made(tmp_path / "out")
    [way] = ways("eager", False, SMALL.shape)
    kept = atlas.read(tmp_path / "out")
    assert lacking(kept, way) == set()
    older = replace(kept, latencies=(kept.latencies[0], replace(kept.latencies[1], runtime_version="0.1")))
    assert lacking(older, way) == {"G(4)"}


def test_two_machines_share_no_table(tmp_path):
    made(tmp_path / "out")
    kept = atlas.read(tmp_path / "out")
    atlas.write(tmp_path / "out", replace(kept, latencies=(replace(kept.latencies[0], device_name="Another CPU"),)))
    with pytest.raises(UserError, match=r"out is of another machine \(Another CPU\): give .* a folder with --out"):
        made(tmp_path / "out", again=Anew.ALL)
    assert len(atlas.read(tmp_path / "out").latencies) == 1


def test_each_runtime_that_has_int8_is_taken_in_both(caplog):
    found = ways("onnxruntime,eager,tensorrt", True, (3, 8, 8))
    assert [(way.runtime, way.precision) for way in found] == [
        ("onnxruntime", "fp32"),
        ("onnxruntime", "int8"),
        ("eager", "fp32"),
    ]
    assert "left out: " in caplog.text
    with pytest.raises(UserError, match="none of the runtimes tensorrt can be used here"):
        ways("tensorrt", True, (3, 8, 8))


def test_the_usual_runtime_is_the_first_column(monkeypatch):
    found = atlases.installed()
    assert (found[0], found[-1]) == ("onnxruntime", "eager")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("convs: [S]", "says no atlas"),
        ("networks: [{architecture: WRN-10-1}]\nconvs: [S]", "says no atlas"),
        ("networks: [", "says no atlas"),
        ("networks: [{architecture: WRN-10-1, classes: 10, side: 8}]\nconvs: [G4]", "unknown conv 'G4'"),
    ],
)
def test_a_file_of_something_else_is_a_sentence(text, why, tmp_path):
    (tmp_path / "of.yaml").write_text(text)
    with pytest.raises(UserError, match=why):
        Asked.read(tmp_path / "of.yaml")


def test_the_suites_own_names_networks_and_convs():
    asked = Asked.read(Path(atlases.__file__).parents[2] / "reports" / "atlases" / "atlas.yaml")
    assert [setting.label for setting in asked.settings] == ["WRN-16-2", "WRN-40-2", "ResNet-18"]
    used = {catalog.parse("conv", text).registered_name for text in asked.convs}
    pointwise = {name for name in catalog.names("conv") if 3 not in catalog.entry("conv", name).cls.kernel_sizes}
    assert used | pointwise == {*catalog.names("conv")}
