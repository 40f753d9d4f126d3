"""A folder of photographs through planning, training and a report: what is broken is named where the results are."""

from pathlib import Path

import pytest

from cheapconv.catalog.errors import UserError
from cheapconv.engine.run import plan_cache, planning
from cheapconv.engine.store.runs import Store
from cheapconv.reports.answers import content
from cheapconv.suites import images
from tests.engine import outcomes, tiny, watchers
from tests.suites.pictures import folder


@pytest.fixture(autouse=True)
def world(monkeypatch: pytest.MonkeyPatch) -> None:
    tiny.install(monkeypatch)
    tiny.skip_measuring(monkeypatch)


@pytest.fixture
def suite(tmp_path: Path) -> str:
    root = folder(tmp_path / "my photos", {"кошки": 9, "dogs": 9})
    (root / "dogs" / "broken.jpg").write_bytes(b"none")
    return f"images(path={str(root)!r}, side=8)"


@pytest.mark.parametrize("in_memory", [2**28, 0])
def test_photographs_are_trained_on(
    suite: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_memory: int
) -> None:
    monkeypatch.setattr(images, "IN_MEMORY", in_memory)
    monkeypatch.setenv("CHEAPCONV_WORKERS", "0")
    store = Store(tmp_path / "runs")
    plan = tiny.planned("scratch", suite=suite, epochs=1)
    assert tiny.ends(store, plan) == ["done"]
    result = store.run(plan.cells[0].cell.key).result()
    assert result is not None
    assert result.broken_images == {"dogs/broken.jpg": "it is no image of a known kind"}
    said = content.build(store.root, plan.sweep).remarks
    assert "Images that cannot be read, 1, were left out: dogs/broken.jpg (it is no image of a known kind)." in said


def test_what_two_workers_began_and_none_ended_is_the_same_bits(
    suite: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(images, "IN_MEMORY", 0)
    plan = tiny.planned("scratch", suite=suite, epochs=2, batch=4)
    whole, broken = Store(tmp_path / "whole"), Store(tmp_path / "broken")
    monkeypatch.setenv("CHEAPCONV_WORKERS", "1")
    assert tiny.ends(whole, plan) == ["done"]
    monkeypatch.setenv("CHEAPCONV_WORKERS", "2")
    stop = watchers.StopAfter(2, "scratch")
    assert tiny.ends(broken, plan, stop, should_stop=stop) == ["stopped"]
    monkeypatch.setenv("CHEAPCONV_WORKERS", "0")
    assert tiny.ends(broken, plan) == ["done"]
    outcomes.assert_same(broken, whole, plan.cells[0].cell.key)


def test_a_folder_that_is_not_there_is_told_by_the_plan(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no folder"):
        tiny.planned("scratch", suite=f"images(path={str(tmp_path / 'none')!r}, side=8)")


def test_a_plan_of_the_users_data_is_made_each_time(tmp_path: Path, suite: str) -> None:
    """What the folder holds may have changed."""
    entry = "      - {architecture: WRN-10-1, conv: standard, method: scratch}"
    path = tmp_path / "registry.yaml"
    path.write_text(f'sweeps:\n  mine:\n    suite: "{suite}"\n    recipe: short\n    entries:\n{entry}\n')
    planning.planned("mine", path, None, None)
    assert plan_cache.read(plan_cache.fingerprint(path, "mine", None)) is None
