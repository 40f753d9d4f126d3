"""What a launch loses on its way: a checkpoint, a folder, the store, a file of weights; and that no other cell does."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from cheapconv.catalog.errors import UserError
from cheapconv.engine.plan.plan import Plan
from cheapconv.engine.store.runs import CHECKPOINT, Store
from cheapconv.models.build import build_network
from tests.engine import tiny, watchers
from tests.engine.outcomes import assert_same
from tests.engine.tiny import ends

pytestmark = pytest.mark.usefixtures("tiny_world")


# Checkpoints that cannot be taken up


def stopped(store: Store, method: str = "noisy") -> Plan:
    """A plan whose one cell stopped in its second epoch."""
    whole = tiny.planned(method, epochs=2)
    stop = watchers.StopAfter(tiny.STEPS + 1, method)
    assert ends(store, whole, stop, should_stop=stop) == ["stopped"]
    return whole


def spoil(folder: Path, **changes: Any) -> None:
    """Another, whole checkpoint."""
    saved = torch.load(folder / CHECKPOINT, weights_only=True)
    torch.save(saved | changes, folder / CHECKPOINT)


@pytest.mark.parametrize(
    "changes",
    [
        {"method": {"student.what": torch.zeros(3)}},
        {"optimiser": {"state": {}, "param_groups": []}},
        {"position": {"epoch": "x"}},
        {"position": None},
        {"clock": {}},
        {"structure": {"kept": [10**9]}},
        {"randomness": None},
        {"cell": "another"},
        {"version": 1},
    ],
)
def test_a_cell_whose_checkpoint_cannot_be_taken_up_starts_afresh(changes, store, tmp_path):
    whole = stopped(store)
    key = whole.cells[0].cell.key
    spoil(store.run(key).folder, **changes)
    store.run(key).fail("ValueError: no", "traceback", 2)
    assert ends(store, whole, retry_failed=True) == ["done"]
    unbroken = Store(tmp_path / "unbroken")
    ends(unbroken, whole)
    assert_same(store, unbroken, key)


def test_a_checkpoint_that_a_cell_fails_with_is_kept_if_it_can_be_taken_up(store):
    whole = stopped(store)
    listener = watchers.Listener()
    ends(store, whole, listener)
    assert ("epoch", 1) not in listener.told
    assert ("epoch", 2) in listener.told


# What vanishes in mid-run


class Remover(watchers.Watcher):
    """Removes a folder as soon as a noisy training has taken a step."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def stepped(self, cell: Any, position: Any, steps: int) -> None:
        if cell.method == "noisy":
            shutil.rmtree(self.folder, ignore_errors=True)


def test_a_run_folder_that_is_removed_in_mid_run_is_a_failed_cell_that_says_what_it_is(store):
    whole = tiny.planned("noisy", "scratch", epochs=1)
    first = store.run(whole.cells[0].cell.key)
    assert ends(store, whole, Remover(first.folder)) == ["failed", "done"]
    assert first.cell() is not None
    assert "No such file or directory" in first.state().error
    assert ends(store, whole, retry_failed=True) == ["done", "done"]


def test_a_store_that_is_removed_in_mid_run_ends_the_run_in_a_sentence_and_stays_away(store):
    with pytest.raises(UserError, match=f"the store {store.root} is gone: put it back"):
        ends(store, tiny.planned("noisy", "scratch", epochs=1), Remover(store.root))
    assert not store.root.exists()


def test_a_folder_that_cannot_be_used_is_its_own_cells_trouble(store):
    whole = tiny.planned("noisy", "scratch", epochs=1)
    store.root.mkdir()
    folder = store.run(whole.cells[0].cell.key).folder
    folder.write_text("no folder")
    assert ends(store, whole) == ["unreadable", "done"]
    assert store.run(folder.name).state().error == f"{folder} is no folder: move it away"
    assert folder.read_text() == "no folder"


def test_a_file_of_weights_that_changes_after_the_plan_fails_its_own_cell(store, tmp_path):
    first = tmp_path / "first.pt"
    torch.save({"weights": build_network("timm(name=test_resnet)", "standard", 10).state_dict()}, first)
    whole = tiny.planned({"architecture": f"timm(name=test_resnet, weights='{first}')"}, "scratch", epochs=1)
    first.write_bytes(first.read_bytes() + b"0")
    assert ends(store, whole) == ["failed", "done"]
    error = store.run(whole.cells[0].cell.key).state().error
    assert "is not the one that was planned with: start the run again" in error
