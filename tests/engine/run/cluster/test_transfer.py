"""Folders on their way: what is sent, what is lacking, what was cut off, what arrives as something else."""

import hashlib
from pathlib import Path

import pytest

from cheapconv.engine.run.cluster import transfer
from cheapconv.engine.run.cluster.transfer import Content, Folder, Garbled, Manifest, carry, snapshot

FILES = {
    "cell.json": b"{}",
    "curve.jsonl": b"1\n2\n",
    "last.pt": bytes(range(256)) * 8,
    "networks/one.pt": b"weights",
    "networks/two.pt": b"weights",  # equal bytes in two files
    "empty.txt": b"",
}
OF_THIS_MACHINE = ("lock", "mlflow.json", "unfinished-last.pt-1f0e9a7b.1.2-abcd", "networks/aside-one.pt-1234")


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "PIECE", 1000)


@pytest.fixture
def there(tmp_path: Path) -> Path:
    return filled(tmp_path / "there", {**FILES, **dict.fromkeys(OF_THIS_MACHINE, b"mine")})


def filled(folder: Path, files: dict[str, bytes]) -> Path:
    for name, body in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(body)
    return folder


def held(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


class Line(Folder):
    """Counts what is put into a folder, and can be cut."""

    def __init__(self, path: Path, cut_after: int | None = None) -> None:
        super().__init__(path)
        self.taken: list[tuple[str, int]] = []  # file and bytes
        self.cut_after = cut_after

    def put(self, name: str, content: Content, at: int, piece: bytes) -> int:
        if self.cut_after is not None and len(self.taken) == self.cut_after:
            raise ConnectionError("cut")
        self.taken.append((name, len(piece)))
        return super().put(name, content, at, piece)


def bring(there: Path, here: Folder) -> Manifest:
    with snapshot(there) as taken:
        carry(taken.manifest, taken.piece, here)
        return taken.manifest


def test_a_folder_arrives_without_what_is_of_its_machine(there, tmp_path):
    here = Line(tmp_path / "here")
    manifest = bring(there, here)
    assert held(here.path) == FILES
    assert manifest["last.pt"] == Content(hashlib.sha256(FILES["last.pt"]).hexdigest(), 2048)
    assert [size for name, size in here.taken if name == "last.pt"] == [1000, 1000, 48]


def test_only_what_is_lacking_is_sent(there, tmp_path):
    here = Line(tmp_path / "here")
    bring(there, here)
    (there / "curve.jsonl").write_bytes(b"1\n2\n3\n")
    here.taken.clear()
    bring(there, here)
    assert here.taken == [("curve.jsonl", 6)]
    assert held(here.path)["curve.jsonl"] == b"1\n2\n3\n"


def test_what_was_cut_off_goes_on_where_it_was(there, tmp_path):
    cut = Line(tmp_path / "here", cut_after=2)
    with pytest.raises(ConnectionError):
        bring(there, cut)
    assert cut.taken == [("last.pt", 1000), ("last.pt", 1000)]  # it is sent first, and nothing is in its place yet
    assert not (tmp_path / "here" / "last.pt").exists()
    on = Line(tmp_path / "here")
    bring(there, on)
    assert [size for name, size in on.taken if name == "last.pt"] == [48]
    assert held(on.path) == FILES


def test_a_lie_changes_nothing_and_is_told(there, tmp_path):
    here = Folder(filled(tmp_path / "here", {"curve.jsonl": b"1\n", "last.pt": b"before"}))
    with snapshot(there) as taken, pytest.raises(Garbled, match=r"last\.pt did not arrive as sent, 3 times"):
        carry(taken.manifest, lambda name, at: bytes(len(taken.piece(name, at))), lying_about(here, "last.pt"))
    assert held(here.path) == {"curve.jsonl": b"1\n", "last.pt": b"before"}


def lying_about(here: Folder, name: str) -> Folder:
    """A receiver that is asked for one file alone."""
    land = here.land
    here.land = lambda manifest: land({name: manifest[name]})  # type: ignore[method-assign]
    have = here.have
    here.have = lambda asked, content: have(asked, content) if asked == name else content.size  # type: ignore[method-assign]
    return here


def test_a_lie_that_is_told_once_is_put_right(there, tmp_path):
    lies = iter([True])

    with snapshot(there) as taken:

        def piece(name: str, at: int) -> bytes:
            true = taken.piece(name, at)
            return bytes(len(true)) if name == "last.pt" and next(lies, False) else true

        carry(taken.manifest, piece, Folder(tmp_path / "here"))
    assert held(tmp_path / "here") == FILES


def test_what_is_replaced_meanwhile_is_sent_as_it_was(there, tmp_path):
    with snapshot(there) as taken:
        (there / "new").write_bytes(b"another")
        (there / "new").replace(there / "last.pt")
        carry(taken.manifest, taken.piece, Folder(tmp_path / "here"))
    assert held(tmp_path / "here") == FILES


def test_a_done_cell_loses_its_checkpoint_and_an_error_that_is_over(there, tmp_path):
    here = Folder(tmp_path / "here")
    bring(there, here)
    filled(here.path, {"error.txt": b"of before", "deployments/x-int8.json": b"made here"})
    (there / "last.pt").unlink()
    filled(there, {"result.json": b"{}"})
    bring(there, here)
    kept = {name: body for name, body in FILES.items() if name != "last.pt"}
    assert held(here.path) == {**kept, "result.json": b"{}", "deployments/x-int8.json": b"made here"}


def test_the_result_comes_last_and_the_checkpoint_after_the_curve(there, tmp_path, monkeypatch):
    order: list[str] = []
    place = Folder._place

    def noted(self: Folder, path: Path, brought: Path | None) -> None:
        order.append(path.name)
        place(self, path, brought)

    monkeypatch.setattr(Folder, "_place", noted)
    filled(there, {"result.json": b"{}", "state.json": b"{}"})
    bring(there, Folder(tmp_path / "here"))
    assert order[-3:] == ["last.pt", "state.json", "result.json"]
    assert {*order[:-3]} == {"cell.json", "curve.jsonl", "one.pt", "two.pt", "empty.txt"}


@pytest.mark.parametrize("name", ["../other/result.json", "/etc/passwd", "networks/../../x", ""])
def test_no_file_is_put_outside_the_folder(tmp_path, name):
    with pytest.raises(ValueError, match="is no file of a run folder"):
        Folder(tmp_path / "here").put(name, Content("0" * 64, 1), 0, b"x")


def test_a_piece_that_does_not_follow_is_not_taken(tmp_path):
    here, content = Folder(tmp_path), Content(hashlib.sha256(b"abcdef").hexdigest(), 6)
    assert here.put("x", content, 0, b"abc") == 3
    assert here.put("x", content, 4, b"ef") == 3  # it goes on from there
    assert here.put("x", content, 3, b"def") == 6
    assert here.land({"x": content}) == []
    assert (tmp_path / "x").read_bytes() == b"abcdef"
