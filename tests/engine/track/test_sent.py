"""Two that send at once do not lose each other's notes, nor send anything twice."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import filelock
import pytest

from cheapconv.engine.store.files import write_json
from cheapconv.engine.track import sent
from cheapconv.engine.track.sent import Sent, held, recall, remember


def test_notes_of_many_at_once_are_all_kept(tmp_path: Path) -> None:
    uris = [f"http://{i}" for i in range(20)]

    def note(uri: str) -> None:
        with held(tmp_path):
            remember(tmp_path, uri, "s", Sent("r", epochs=3))

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(note, uris))
    assert recall(tmp_path) == {uri: {"s": Sent("r", epochs=3)} for uri in uris}


def test_one_that_is_sent_by_another_for_long_is_left_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sent, "PATIENCE_S", 0.0)
    with filelock.FileLock(tmp_path / sent.LOCK), pytest.raises(TimeoutError, match="another process"), held(tmp_path):
        pass


def test_the_notes_of_earlier_versions_are_understood(tmp_path: Path) -> None:
    old = {"run_id": "r", "status": "FINISHED", "epochs": 3, "headline": 3, "final": 12}
    write_json(tmp_path / "mlflow.json", {"http://h": {"s": old}})
    assert recall(tmp_path)["http://h"]["s"] == Sent("r", epochs=3, status="FINISHED")
