"""What a run says before it trains: cells of other code, and a processor that is slow in what is asked of it."""

import pytest

from cheapconv.engine.run import session
from cheapconv.engine.store.runs import Store
from tests.engine import tiny
from tests.engine.run.test_session import on_epoch, run


@pytest.fixture(autouse=True)
def world(monkeypatch: pytest.MonkeyPatch) -> None:
    tiny.install(monkeypatch)
    tiny.skip_measuring(monkeypatch)
    tiny.skip_mlflow(monkeypatch)


@pytest.fixture
def store(tmp_path) -> Store:
    return Store(tmp_path / "runs")


def test_cells_of_other_code_are_told_before_more_are_trained(store, caplog, monkeypatch):
    whole = tiny.planned("scratch", epochs=1)
    told = []
    monkeypatch.setattr(session.record, "of_other_code", lambda store, cells: {"plugin mine": 1})
    on_epoch(monkeypatch, lambda cell, position: told.append(caplog.text))
    run(store, whole)
    assert "1 of these cells were trained, or begun, by other code of the plugin mine than there is now" in told[0]


@pytest.mark.parametrize(
    ("precision", "times", "told"), [("bf16", 12.4, True), ("bf16", 0.6, False), ("fp32", 12.4, False)]
)
def test_a_processor_that_is_slow_in_bf16_is_told_before_training(precision, times, told, store, caplog, monkeypatch):
    whole, before = tiny.planned("scratch", epochs=1, precision=precision), []
    monkeypatch.setattr(session.bf16, "slowdown", lambda: times)
    on_epoch(monkeypatch, lambda cell, position: before.append(caplog.text))
    run(store, whole)
    assert ("1 cell in bf16, in which this processor takes 12 times as long" in before[0]) == told


def test_what_is_done_in_bf16_is_not_warned_of(store, caplog, monkeypatch):
    whole = tiny.planned("scratch", epochs=1, precision="bf16")
    monkeypatch.setattr(session.bf16, "slowdown", lambda: 1.0)
    run(store, whole)
    monkeypatch.setattr(session.bf16, "slowdown", lambda: 12.0)
    run(store, whole)
    assert "bf16" not in caplog.text
