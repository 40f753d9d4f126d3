"""The first line of a run, for whoever reads its log later."""

import pytest
import torch

from cheapconv.engine.run import session
from cheapconv.engine.run.settings import Settings
from cheapconv.engine.store.runs import Store
from cheapconv.suites.place import Place
from tests.engine import tiny


def test_it_says_what_is_run_and_where(tmp_path, capsys, monkeypatch):
    """The second time, when one of two cells is done and the other has failed."""
    tiny.install(monkeypatch)
    tiny.skip_measuring(monkeypatch)
    monkeypatch.setattr(session, "device_name", lambda device: "A CPU")
    store, whole = Store(tmp_path / "runs"), tiny.planned("scratch", "raising", epochs=1)
    settings = Settings(device="cpu", threads=1, cohort=1, mlflow=tiny.NO_MLFLOW)
    for done in (0, 1):
        session.run(whole, whole, store.root, settings)
        first = capsys.readouterr().out.splitlines()[0]
        assert first == f"sweep: 2 cells, {done} of them done; on A CPU, 1 thread; results in {store.root}"


@pytest.mark.parametrize(
    ("devices", "threads", "where"),
    [
        (["cpu"], 2, "on The cpu, 2 threads"),
        (["cpu", "cpu"], 1, "by 2 workers of 1 thread on The cpu"),
        (["cuda:0"], 8, "on The cuda:0"),
        (["cuda:0", "cuda:1", "cuda:0"], 8, "by 3 workers on The cuda:0 and The cuda:1"),
    ],
)
def test_where_a_run_trains(devices, threads, where, monkeypatch):
    monkeypatch.setattr(session, "device_name", lambda device: f"The {device}")
    assert session._where([Place(torch.device(name), threads) for name in devices]) == where
