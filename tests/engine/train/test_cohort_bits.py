"""Cells side by side have the bits that each has alone: any mix of methods, stopped or killed anywhere, met again."""

import random
import shutil
from collections.abc import Callable

import pytest

from cheapconv import catalog
from cheapconv.engine.run.launch import Launcher
from cheapconv.engine.run.settings import Settings
from cheapconv.engine.store.cell import Cell
from cheapconv.engine.store.runs import Store
from cheapconv.engine.train.checkpoint import Position
from cheapconv.suites.place import Place
from tests.engine import tiny, watchers
from tests.engine.outcomes import assert_same

EPOCHS = 4  # so that two phases have two each
TOYS = ("noisy", "pruned")  # dropout in every step; a second phase with another structure


@pytest.fixture(autouse=True)
def world(monkeypatch: pytest.MonkeyPatch) -> None:
    tiny.install(monkeypatch)
    tiny.skip_measuring(monkeypatch)


@pytest.fixture(scope="module", params=["fp32", pytest.param("bf16", marks=pytest.mark.slow)])
def pool(request: pytest.FixtureRequest) -> list[Cell]:
    """A teacher, and a cell of every method that answers for an image, with and without one, on two convs."""
    with pytest.MonkeyPatch.context() as patch:
        tiny.install(patch)
        entries = [catalog.entry("method", name) for name in catalog.names("method")]
        real = [e for e in entries if e.cls.__module__.startswith("cheapconv.") or e.name in TOYS]
        names = [e.name for e in real if e.cls.trains and "image" in e.cls.answers]
        taught = {name: {"teacher": "teacher"} for name in names if catalog.entry("method", name).cls.needs_teacher}
        methods = [{name: {**tiny.settings(name), **taught.get(name, {})}} for name in names]
        grid = {"method": methods, "conv": ["standard", "group(groups=4)"]}
        whole = tiny.planned({"name": "teacher", "seeds": [5]}, grid, epochs=EPOCHS, precision=request.param)
        return [planned.cell for planned in whole.cells]


@pytest.fixture(scope="module")
def alone(pool: list[Cell], tmp_path_factory: pytest.TempPathFactory) -> Callable[[Cell], Store]:
    """A store in which a cell was trained alone, made when it is asked for; the teacher is in it."""
    with pytest.MonkeyPatch.context() as patch:
        tiny.install(patch)
        tiny.skip_measuring(patch)
        store = Store(tmp_path_factory.mktemp("alone"))

    def trained(cell: Cell) -> Store:
        if store.run(cell.key).result() is None:
            assert run(store, [pool[0], cell], cohort=1) == {"done"}
        return store

    return trained


def run(store: Store, cells: list[Cell], *watchers: object, cohort: int | None = None, **options: object) -> set[str]:
    """How they ended, with the error of what failed."""
    launcher = Launcher(store, Place(tiny.CPU), settings=Settings(cohort=cohort), watchers=watchers, **options)  # type: ignore[arg-type]
    ends = launcher.run(cells)
    return {
        end if end != "failed" else f"{store.run(key).cell().method}: {store.run(key).state().error}"
        for key, end in ends.items()
    }


class After(watchers.Watcher):
    """Stops a run after so many steps of all its cells, or kills it there: what is on the disk is all that is left."""

    def __init__(self, steps: int, kill: bool) -> None:
        self.left, self.kill = steps, kill

    def stepped(self, cell: Cell, position: Position, steps: int) -> None:
        """Count."""
        self.left -= 1
        if self.left == 0 and self.kill:
            raise KeyboardInterrupt

    def __call__(self) -> bool:
        """Whether to stop."""
        return self.left <= 0


def broken_off(store: Store, cells: list[Cell], chance: random.Random) -> None:
    """Train some of them for some steps, with an end of some kind."""
    some = [cells[0], *chance.sample(cells[1:], chance.randint(1, len(cells) - 1))]
    end = After(chance.randint(1, EPOCHS * tiny.STEPS * len(some)), kill=chance.random() < 0.5)
    try:
        run(store, some, end, cohort=chance.choice((None, 2, 3)), should_stop=end)
    except KeyboardInterrupt:
        assert end.kill


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 60))])
def test_random_mixes_broken_off_anywhere_have_the_bits_of_cells_alone(seed, pool, alone, tmp_path):
    chance, store = random.Random(seed), Store(tmp_path)
    cells = [pool[0], *chance.sample(pool[1:], chance.randint(2, 6))]
    teacher = pool[0].key
    if chance.random() < 0.8:  # else it is trained in the first cohort, and its students wait
        shutil.copytree(alone(pool[0]).run(teacher).folder, store.run(teacher).folder)
    for _ in range(chance.randint(0, 4)):
        broken_off(store, cells, chance)
    assert run(store, cells, cohort=chance.choice((None, None, 3))) == {"done"}
    for cell in cells:
        assert_same(store, alone(cell), cell.key)


@pytest.mark.slow
def test_all_methods_in_one_cohort_have_the_bits_of_cells_alone(pool, alone, tmp_path, monkeypatch):
    monkeypatch.setattr("cheapconv.engine.run.room.AUTO", 1000)
    assert run(Store(tmp_path), pool) == {"done"}
    for cell in pool:
        assert_same(Store(tmp_path), alone(cell), cell.key)
