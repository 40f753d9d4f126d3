"""The same cell and seed give the same bits: twice, stopped and resumed anywhere, killed and resumed, started anew."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from cheapconv.engine.plan.plan import Plan
from cheapconv.engine.store.cell import Cell
from cheapconv.engine.store.files import TEMPORARY
from cheapconv.engine.store.runs import CHECKPOINT, Store
from cheapconv.engine.train.checkpoint import Position
from tests.engine import tiny, watchers
from tests.engine.outcomes import assert_same, weights

ROOT = Path(__file__).resolve().parents[3]
METHODS = ("scratch", "kd", "od", "noisy", "pruned")


@pytest.fixture(autouse=True)
def world(monkeypatch: pytest.MonkeyPatch) -> None:
    tiny.install(monkeypatch)
    tiny.skip_measuring(monkeypatch)


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Store]:
    """A store in which the cell of a method ran through, made once for all tests."""
    made: dict[str, Store] = {}

    def store(method: str) -> Store:
        if method not in made:
            made[method] = Store(tmp_path_factory.mktemp(method))
            run(made[method], method)
        return made[method]

    return store


def plan(method: str) -> Plan:
    """The method's cell last; four epochs, so that two phases have two each."""
    return tiny.planned_by(method, epochs=4)


def run(store: Store, method: str, *watchers: object, **options: object) -> str:
    """The end of the method's cell."""
    whole = plan(method)
    return tiny.run(store, whole, *watchers, **options)[whole.cells[-1].cell.key]


def stop_after(store: Store, method: str, steps: int, **options: object) -> None:
    """Train a number of steps and stop."""
    stop = watchers.StopAfter(steps, method)
    assert run(store, method, stop, should_stop=stop, **options) == "stopped"


def last(method: str) -> Cell:
    return plan(method).cells[-1].cell


@pytest.mark.parametrize("method", METHODS)
def test_a_cell_run_twice_has_the_same_bits(method, unbroken, tmp_path):
    assert run(Store(tmp_path), method) == "done"
    assert_same(Store(tmp_path), unbroken(method), last(method).key)


def test_a_mixed_strong_recipe_is_resumed_within_an_epoch_with_the_same_bits(tmp_path):
    """The method draws from the generators that the strong views draw beside."""
    views = {"views": ["weak", "strong"], "cutmix": 1.0, "epochs": 2}
    whole, ends = tiny.planned("noisy", **views), {}
    for name, steps in (("unbroken", None), ("stopped", 4)):
        store = Store(tmp_path / name)
        if steps:
            stop = watchers.StopAfter(steps, "noisy")
            assert [*tiny.run(store, whole, stop, should_stop=stop).values()] == ["stopped"]
        ends[name] = tiny.run(store, whole)
        assert [*ends[name].values()] == ["done"]
    assert_same(Store(tmp_path / "stopped"), Store(tmp_path / "unbroken"), whole.cells[0].cell.key)


def test_another_seed_has_other_bits(unbroken, tmp_path):
    other = tiny.planned("scratch", seeds=[1], epochs=1)
    tiny.run(Store(tmp_path), other)
    ours = weights(Store(tmp_path), other.cells[0].cell.key)
    theirs = weights(unbroken("scratch"), last("scratch").key)
    assert not torch.equal(ours["student.stem.weight"], theirs["student.stem.weight"])


@pytest.mark.parametrize("method", METHODS)
def test_stopped_within_an_epoch_twice_and_resumed(method, unbroken, tmp_path):
    store = Store(tmp_path)
    stop_after(store, method, 2)  # in the first epoch
    stop_after(store, method, 6)  # at step 8, in the third: the second phase of `pruned`
    assert run(store, method) == "done"
    assert_same(store, unbroken(method), last(method).key)


@pytest.mark.parametrize("epoch", [1, 2, 3, 4])
@pytest.mark.parametrize("method", ["od", "noisy", "pruned"])
def test_interrupted_at_the_end_of_an_epoch_and_resumed(method, epoch, unbroken, tmp_path):
    class Interrupt(watchers.Watcher):
        def epoch_ended(self, cell: Cell, position: Position) -> None:
            if position.epoch == epoch:
                raise KeyboardInterrupt

    store = Store(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        run(store, method, Interrupt())
    assert store.run(last(method).key).state().state == "stopped"
    assert run(store, method) == "done"
    assert_same(store, unbroken(method), last(method).key)


@pytest.mark.parametrize(("method", "place"), [("kd", "step"), ("od", "epoch"), ("noisy", "write")])
def test_killed_and_resumed(method, place, tmp_path):
    broken, unbroken, whole = Store(tmp_path / "broken"), Store(tmp_path / "unbroken"), tiny.planned_by(method)
    key = whole.cells[-1].cell.key
    command = [sys.executable, "-m", "tests.engine.killed", str(broken.root), method, place]
    assert subprocess.run(command, cwd=ROOT, check=False, timeout=120).returncode == -9
    assert broken.run(key).state().state == "stopped"
    assert len(list(broken.run(key).folder.glob(f"{TEMPORARY}*"))) == (place == "write")
    tiny.run(broken, whole)
    tiny.run(unbroken, whole)
    assert_same(broken, unbroken, key)
    assert not list(broken.root.rglob(f"{TEMPORARY}*"))


def test_a_checkpoint_of_the_last_epoch_needs_no_more_training(unbroken, tmp_path):
    """Killed between the last epoch and the result: not a step is taken again."""

    class Interrupt(watchers.Watcher):
        def epoch_ended(self, cell: Cell, position: Position) -> None:
            if position.epoch == 4:
                raise KeyboardInterrupt

    class NoStep(watchers.Watcher):
        def stepped(self, cell: Cell, position: Position, steps: int) -> None:
            raise AssertionError("trained again")

    with pytest.raises(KeyboardInterrupt):
        run(Store(tmp_path), "scratch", Interrupt())
    assert run(Store(tmp_path), "scratch", NoStep()) == "done"
    assert_same(Store(tmp_path), unbroken("scratch"), last("scratch").key)


@pytest.mark.parametrize("damage", [lambda body: b"", lambda body: body[:-50], lambda body: b"\0" * len(body)])
def test_a_damaged_checkpoint_starts_the_cell_anew(damage, unbroken, tmp_path):
    store = Store(tmp_path)
    stop_after(store, "noisy", 5)
    path = store.run(last("noisy").key).folder / CHECKPOINT
    path.write_bytes(damage(path.read_bytes()))
    assert run(store, "noisy") == "done"
    assert_same(store, unbroken("noisy"), last("noisy").key)


def test_a_resumed_cell_keeps_its_threads_and_the_next_one_does_not(tmp_path):
    """Two threads add up in another order than one."""
    seen: dict[str, set[int]] = {}

    class Threads(watchers.Watcher):
        def stepped(self, cell: Cell, position: Position, steps: int) -> None:
            seen.setdefault(cell.method, set()).add(torch.get_num_threads())

    store, whole = Store(tmp_path), tiny.planned("noisy", "scratch", epochs=1)
    stop = watchers.StopAfter(1, "noisy")
    tiny.run(store, whole, stop, threads=1, should_stop=stop)
    tiny.run(store, whole, Threads(), threads=2)
    assert seen == {"noisy": {1}, "scratch": {2}}
    threads = [[e.threads for e in store.run(p.cell.key).environments()] for p in whole.cells]
    assert threads == [[1, 1], [2]]


def test_the_curve_of_a_resumed_cell_has_every_epoch_once(tmp_path):
    store = Store(tmp_path)
    stop_after(store, "scratch", 7)
    assert store.run(last("scratch").key).state().epoch == 2
    run(store, "scratch")
    lines = (store.run(last("scratch").key).folder / "curve.jsonl").read_text().splitlines()
    assert [line.split(",")[0] for line in lines] == [f'{{"epoch": {i}' for i in range(4)]
