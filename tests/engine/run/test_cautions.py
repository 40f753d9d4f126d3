"""What a run says before it trains: cells of other code, a processor that is slow in bf16, batches of all images."""

from dataclasses import replace
from pathlib import Path

import pytest

from cheapconv.engine.measure import bf16
from cheapconv.engine.run import cautions, record, session
from cheapconv.engine.run.progress import Progress
from cheapconv.engine.run.settings import Settings
from cheapconv.engine.store.cell import Cell
from cheapconv.engine.store.runs import Store
from tests.engine import tiny


@pytest.fixture(autouse=True)
def world(monkeypatch: pytest.MonkeyPatch) -> None:
    tiny.install(monkeypatch)
    tiny.skip_measuring(monkeypatch)
    tiny.skip_mlflow(monkeypatch)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "runs")


def cells(**fields: object) -> list[Cell]:
    return [p.cell for p in tiny.planned("scratch", epochs=1, **fields).cells]


def test_they_are_told_before_anything_is_trained(store, caplog, monkeypatch):
    told = []
    monkeypatch.setattr(session, "cautions", lambda store, cells, here: ["it is late", "it is 100 % dark"])
    monkeypatch.setattr(Progress, "started", lambda self, cell: told.append(caplog.messages[:]))
    whole = tiny.planned("scratch", epochs=1)
    session.run(whole, whole, store.root, Settings(device="cpu", threads=1, cohort=1, mlflow=tiny.NO_MLFLOW))
    assert told[0] == ["it is late", "it is 100 % dark"]


def test_cells_of_other_code_are_counted(store, monkeypatch):
    monkeypatch.setattr(record, "of_other_code", lambda store, cells: {"plugin mine": len(cells)})
    [said] = cautions.cautions(store, cells(), here=True)
    assert said.startswith("1 of these cells were trained, or begun, by other code of the plugin mine than there is")


@pytest.mark.parametrize(
    ("precision", "times", "here", "told"),
    [
        ("bf16", 12.4, True, ["1 cell in bf16, in which this processor takes 12 times as long"]),
        ("bf16", 12.4, False, []),
        ("bf16", 0.6, True, []),
        ("fp32", 12.4, True, []),
    ],
)
def test_a_processor_that_is_slow_in_bf16(precision, times, here, told, store, monkeypatch):
    monkeypatch.setattr(bf16, "slowdown", lambda: times)
    found = [*cautions.cautions(store, cells(precision=precision), here=here)]
    assert [sentence[: len(told[0])] for sentence in found] == told


def test_what_is_done_is_not_trained_and_is_no_matter(store, monkeypatch):
    whole = tiny.planned("scratch", epochs=1)
    assert tiny.ends(store, whole) == ["done"]
    monkeypatch.setattr(cautions, "recipe_of", pytest.fail)
    assert [*cautions.cautions(store, [p.cell for p in whole.cells], here=True)] == []


def test_a_batch_of_more_images_than_there_are(store):
    """Of the 1,297 digits 97 are held out: 1,200 are one whole batch. How many an unread folder has is not known."""
    [cell] = cells(batch=1201, validation=97)
    held, unknown = replace(cell, suite="digits"), cell
    full = replace(held, recipe={**held.recipe, "batch": 1200})
    whole = replace(held, recipe={**held.recipe, "validation": None})
    assert [*cautions.cautions(store, [held, full, whole, unknown, held], here=True)] == [
        "a batch of 1201 is more than the 1200 training images of digits: an epoch is one step; a smaller `batch` in "
        "the sweep gives it more"
    ]
