"""Two that follow the same cell do not lose each other's notes."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from cheapconv.engine.store.files import write_json
from cheapconv.engine.track.sent import Sent, recall, remember


def test_notes_of_many_at_once_are_all_kept(tmp_path: Path) -> None:
    uris = [f"http://{i}" for i in range(20)]
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda uri: remember(tmp_path, uri, "s", Sent("r", 3)), uris))
    assert recall(tmp_path) == {uri: {"s": Sent("r", 3)} for uri in uris}


def test_a_slower_one_does_not_take_back_what_a_faster_one_has_sent(tmp_path: Path) -> None:
    for sent in (Sent("r", 5, 5, "x"), Sent("r", 3, 3, "y")):
        remember(tmp_path, "http://h", "s", sent)
    assert recall(tmp_path)["http://h"]["s"] == Sent("r", 5, 5, "x")
    remember(tmp_path, "http://h", "s", Sent("another run", 1))
    assert recall(tmp_path)["http://h"]["s"] == Sent("another run", 1)


def test_the_notes_of_earlier_versions_are_understood(tmp_path: Path) -> None:
    old = {"run_id": "r", "status": "FINISHED", "epochs": 3, "headline": 3, "final": 12}
    write_json(tmp_path / "mlflow.json", {"http://h": {"s": old}})
    assert recall(tmp_path)["http://h"]["s"] == Sent("r", 3)
