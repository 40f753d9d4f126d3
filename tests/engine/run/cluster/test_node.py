"""A node and a keeper in one process: what is trained in a store of its own comes to the driver's, bit by bit."""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from cheapconv import catalog
from cheapconv.catalog.errors import UserError
from cheapconv.engine.plan.plan import Plan
from cheapconv.engine.run import session
from cheapconv.engine.run.cluster import courier, node
from cheapconv.engine.run.cluster.keeper import Dismissed, Keeper, Message
from cheapconv.engine.run.cluster.node import Job, Node
from cheapconv.engine.run.cluster.transfer import Content, Folder, Manifest
from cheapconv.engine.run.cluster.versions import versions
from cheapconv.engine.run.record import described
from cheapconv.engine.run.settings import Settings
from cheapconv.engine.store.cell import CellRecord
from cheapconv.engine.store.runs import CHECKPOINT, Store
from cheapconv.suites.place import Place
from tests.engine import tiny
from tests.engine.outcomes import assert_same

PLUGINS = ("tests.plugin",)


@pytest.fixture(autouse=True)
def world(tiny_world: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(catalog, "plugins", lambda: PLUGINS)
    monkeypatch.setattr(node.tempfile, "gettempdir", lambda: str(tmp_path / "tmp"))
    monkeypatch.setattr(courier, "BEAT_S", 0.01)


def job(**settings: Any) -> Job:
    ours = versions(PLUGINS, ["tiny"])
    return Job(Settings(**settings), "driver", ours, PLUGINS, ("tiny",), threads=1, cuda=False, every_s=0.0)


@pytest.mark.parametrize(("gpus", "sharing"), [(None, 1), (1.0, 1), (0.5, 2), (0.3, 3)])
def test_cohorts_that_have_a_part_of_a_gpu_share_it(gpus: float | None, sharing: int) -> None:
    on_gpus = dataclasses.replace(job(gpus=gpus), cuda=True)
    assert on_gpus.place == Place(torch.device("cuda", 0), sharing=sharing)


def cells_of(whole: Plan) -> list[CellRecord]:
    return [described(planned.cell) for planned in whole.cells]


def trained(
    keeper: Keeper, cells: Sequence[CellRecord], ticket: int, name: str, given: Job | None = None
) -> list[Message]:
    """What a node tells that has taken these cells; it gives them back."""
    assert {*keeper.take(ticket, cells, False).values()} == {None}
    try:
        node.train(keeper, ticket, cells, given or job(), Node(name, f"node {name}"))
    finally:
        heard = [message for _, message in keeper.heard()]
        keeper.give_back(ticket)
    return heard


def test_cells_on_two_nodes_have_the_bits_of_one_machine(store, tmp_path):
    whole, alone = tiny.planned_by("kd", epochs=2), Store(tmp_path / "alone")
    session.write_plan(store, whole)
    tiny.run(alone, whole)
    keeper, (teacher, student) = Keeper(store.root), cells_of(whole)
    heard = trained(keeper, [teacher], 1, "a")
    assert heard[0] == ("on", "a")
    assert heard[-1] == ("ended", teacher.key, "done")
    assert [of for of, *_ in heard if of in ("started", "epoch_ended")] == ["started", "epoch_ended", "epoch_ended"]
    trained(keeper, [student], 2, "b")
    for cell in (teacher, student):
        assert store.run(cell.key).state().state == "done"
        assert store.run(cell.key).faults() == []
        assert not (store.run(cell.key).folder / CHECKPOINT).exists()
        assert_same(store, alone, cell.key)
    there = Node("b", "").home("driver")
    assert {path.name for path in there.iterdir() if path.is_dir()} == {teacher.key, student.key}


class Watching(Keeper):
    """Does something at what it is told."""

    def __init__(self, root: Path, at: Callable[[Keeper, Message], None]) -> None:
        super().__init__(root)
        self.at = at

    def tell(self, ticket: int, messages: Sequence[Message]) -> bool:
        for message in messages:
            self.at(self, message)
        return super().tell(ticket, messages)


def test_a_stopped_cell_goes_on_elsewhere_from_what_came_back(store, tmp_path):
    whole, alone = tiny.planned("noisy", epochs=60), Store(tmp_path / "alone")
    session.write_plan(store, whole)
    cells = cells_of(whole)
    keeper = Watching(store.root, lambda keeper, message: keeper.stop() if message[0] == "epoch_ended" else None)
    heard = trained(keeper, cells, 1, "a")
    assert heard[-1] == ("ended", cells[0].key, "stopped")
    stopped = store.run(cells[0].key)
    assert stopped.state().state == "stopped"
    reached = len(stopped.curve())
    assert 0 < reached < 60
    assert (stopped.folder / CHECKPOINT).exists()
    heard = trained(Keeper(store.root), cells, 1, "b")
    epochs = [message[2].epoch for message in heard if message[0] == "epoch_ended"]
    assert epochs == [*range(reached + 1, 61)]
    tiny.run(alone, whole)
    assert_same(store, alone, cells[0].key)


def test_checkpoints_come_while_it_trains(store):
    whole, seen = tiny.planned("noisy", epochs=40), []
    session.write_plan(store, whole)
    folder = store.run(cells_of(whole)[0].key).folder

    def look(keeper: Keeper, message: Message) -> None:
        seen.append((folder / CHECKPOINT).exists())

    trained(Watching(store.root, look), cells_of(whole), 1, "a")
    assert seen[0] is False
    assert any(seen)


def test_who_was_given_up_for_lost_is_heard_no_more(store):
    whole = tiny.planned("noisy", epochs=2)
    session.write_plan(store, whole)
    (cell,) = cells_of(whole)
    keeper = Keeper(store.root)
    assert keeper.take(1, [cell], False) == {cell.key: None}
    keeper.give_back(1)
    assert keeper.take(2, [cell], False) == {cell.key: None}
    for asked in (
        lambda: keeper.tell(1, []),
        lambda: keeper.land(1, cell.key, {}),
        lambda: keeper.have(1, cell.key, CHECKPOINT, Content("0" * 64, 1)),
    ):
        with pytest.raises(Dismissed):
            asked()
    assert keeper.tell(2, [("on", "b")]) is False
    assert keeper.heard() == [(2, ("on", "b"))]
    keeper.give_back(2)


def test_a_second_run_on_the_store_leaves_held_cells_alone(store):
    whole = tiny.planned("noisy", epochs=1)
    session.write_plan(store, whole)
    (cell,) = cells_of(whole)
    first, second = Keeper(store.root), Keeper(store.root)
    assert first.take(1, [cell], False) == {cell.key: None}
    assert second.take(1, [cell], False) == {cell.key: "running"}
    assert tiny.ends(store, whole) == ["running"]
    first.give_back(1)
    assert second.take(2, [cell], False) == {cell.key: None}
    second.give_back(2)


def test_what_is_done_failed_or_waiting_is_not_taken(store):
    whole = tiny.planned_by("kd", epochs=1)
    session.write_plan(store, whole)
    teacher, student = cells_of(whole)
    keeper = Keeper(store.root)
    assert keeper.take(1, [student], False) == {student.key: "waiting"}
    trained(keeper, [teacher], 2, "a")
    assert keeper.take(3, [teacher], False) == {teacher.key: "done"}
    store.run(student.key).fail("it broke", "it broke", 1)
    assert keeper.take(4, [student], False) == {student.key: "failed"}
    assert keeper.take(5, [student], True) == {student.key: None}
    keeper.give_back(5)


def test_a_cell_that_fails_comes_back_as_failed_with_its_traceback(store):
    whole = tiny.planned("raising", "noisy", epochs=1)
    session.write_plan(store, whole)
    raising, noisy = cells_of(whole)
    heard = trained(Keeper(store.root), [raising, noisy], 1, "a")
    assert [message[1:] for message in heard if message[0] == "ended"] == [(raising.key, "failed"), (noisy.key, "done")]
    assert store.run(raising.key).state().error == "ArithmeticError: seven is not a number"
    assert "Traceback" in (store.run(raising.key).folder / "error.txt").read_text()


def test_a_node_with_another_torch_trains_nothing(store):
    whole = tiny.planned("noisy", epochs=1)
    session.write_plan(store, whole)
    ours = job()
    other = dataclasses.replace(ours, versions={**ours.versions, "torch": "1.0"})
    with pytest.raises(UserError, match=r"^node a has torch 2\S+, and the machine of the run 1\.0: install the same"):
        trained(Keeper(store.root), cells_of(whole), 1, "a", other)
    assert store.run(cells_of(whole)[0].key).state().state == "planned"


def test_a_node_without_data_says_so(store, monkeypatch, tmp_path):
    def missing(self: object, folder: Path | None, download: bool) -> Any:
        raise UserError(f"no data in {folder}.")

    monkeypatch.setattr(tiny.Tiny, "load", missing)
    with pytest.raises(UserError, match=r"^node a: no data in /nowhere\.$"):
        node.examine(Keeper(store.root), job(data=Path("/nowhere")), Node("a", "node a"))


def test_data_are_brought_once_by_content(store, monkeypatch, tmp_path):
    files, opened = tmp_path / "driver", list[Path]()
    (files / "noise").mkdir(parents=True)
    (files / "noise" / "train.bin").write_bytes(b"images")
    monkeypatch.setattr(tiny.Tiny, "load", lambda self, folder, download: opened.append(folder) or tiny.data())
    asked: list[str] = []

    class Counting(Keeper):
        def data_piece(self, name: str, at: int) -> bytes:
            asked.append(name)
            return super().data_piece(name, at)

    keeper = Counting(store.root, files, [files / "noise"])
    for name in ("a", "b"):
        node.examine(keeper, job(data=Path("/nowhere")), Node(name, name))
    assert asked == ["noise/train.bin"]
    assert opened[0] == opened[1] != files
    assert (opened[0] / "noise" / "train.bin").read_bytes() == b"images"
    node.examine(keeper, job(data=files), Node("c", "c"))  # a node that has them needs nothing
    assert (opened[2], asked) == (files, ["noise/train.bin"])


def test_a_full_disk_of_a_node_is_the_nodes(store, monkeypatch):
    whole = tiny.planned("noisy", epochs=1)
    session.write_plan(store, whole)
    there = Node("a", "").home("driver")

    def full(self: Any, *given: Any) -> Any:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("cheapconv.engine.train.checkpoint.write_bytes", full)
    with pytest.raises(UserError, match=rf"^node a: the store {there} cannot take more \(No space left on device\)"):
        trained(Keeper(store.root), cells_of(whole), 1, "a")


def test_a_full_disk_of_the_driver_ends_the_run(store, monkeypatch):
    whole = tiny.planned("noisy", epochs=1)
    session.write_plan(store, whole)
    (cell,) = cells_of(whole)

    class Full(Folder):
        def land(self, manifest: Manifest) -> list[str]:
            raise OSError(28, "No space left on device")

    keeper = Keeper(store.root)
    keeper.take(1, [cell], False)
    monkeypatch.setattr(keeper, "_folder", lambda ticket, key: Full(store.run(key).folder))
    sentence = rf"the store {store.root} cannot take more \(No space left on device\)"
    with pytest.raises(UserError, match=sentence):
        node.train(keeper, 1, [cell], job(), Node("a", "node a"))
    with pytest.raises(UserError, match=f"^{sentence}"):
        keeper.heard()
    keeper.give_back(1)


def test_a_store_that_cannot_be_written_is_a_sentence(tmp_path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(UserError, match=r"cannot be written \(.*\): choose another with --store"):
        Keeper(tmp_path / "file" / "runs").prepare()


def test_a_folder_in_which_another_run_trains_is_not_forgotten(tmp_path):
    home = tmp_path / "home"
    with node._in_use(home):
        home.mkdir()
        (tmp_path / "home.0.used").touch()  # of a process that was killed
        node.forget(home)
        assert home.is_dir()
    node.forget(home)
    assert not home.exists()
    assert not [*tmp_path.glob("*.used")]
    node.forget(home)  # which is no trouble
