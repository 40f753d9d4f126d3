"""A store in which anything may be damaged: every command ends with a named state or one sentence, and the run heals.

Never a traceback, never another cell's failure, never other numbers, and never a report that differs without a word.
"""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest

from cheapconv.catalog.errors import UserError
from cheapconv.catalog.printable import printable
from cheapconv.engine.measure import busy, profiled, timings
from cheapconv.engine.plan.plan import Plan
from cheapconv.engine.run import session, show
from cheapconv.engine.run.settings import Settings
from cheapconv.engine.store import networks
from cheapconv.engine.store.runs import CHECKPOINT, RESULT, Store
from cheapconv.engine.track import sent, tracked
from cheapconv.engine.track import sweep as sweeps
from cheapconv.reports.page import page
from cheapconv.reports.rows import collect, fair
from tests.engine import tiny, watchers
from tests.engine.outcomes import assert_same
from tests.engine.store.mutations import damage, forge
from tests.engine.timed import Watch, a_timing

NAMES = ("teacher", "student", "failing", "stopped")


@dataclass(frozen=True)
class World:
    """A store with a done teacher and student, a failed cell and a stopped one; and how it looks when all is done."""

    plan: Plan
    store: Store
    unbroken: Store
    keys: dict[str, str]
    report: str


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with pytest.MonkeyPatch.context() as patch:
        tiny.install(patch)
        tiny.skip_mlflow(patch)
        patch.setattr(timings, "time_network", lambda structure, network, device, turn: a_timing(structure))
        patch.setattr(profiled, "operators", lambda *_: ())  # which are measured anew with each timing
        patch.setattr(busy, "sentence", lambda: "")
        student = {"method": {"kd": {"teacher": "teacher"}}}
        whole = tiny.planned({"name": "teacher", "seeds": [5]}, student, "raising", "noisy", epochs=2)
        keys = dict(zip(NAMES, (p.cell.key for p in whole.cells), strict=True))
        root = tmp_path_factory.mktemp("damage")
        store, unbroken = Store(root / "runs"), Store(root / "unbroken")
        stop = watchers.StopAfter(tiny.STEPS + 1, "noisy")
        assert tiny.ends(store, whole, stop, should_stop=stop) == ["done", "done", "failed", "stopped"]
        assert tiny.ends(unbroken, whole) == ["done", "done", "failed", "done"]
        for key in keys.values():
            sent.remember(store.run(key).folder, "http://x", "sweep", sent.Sent("id", "1", 1, 1, digest="digest"))
        session.measure(whole, root / "runs", "cpu", 1, Watch(), "eager")
        page.render(store.root, "sweep", root / "report")
        yield World(whole, store, unbroken, keys, report(root / "report"))


def files(store: Store) -> list[Path]:
    """Every file and folder of a store that is not yet something odd, locks and all."""
    return sorted(p for p in store.root.rglob("*") if p.is_dir() or (p.is_file() and p.stat().st_size < 2**20))


def looks(world: World, store: Store, out: Path | None = None) -> list[str]:
    """What the commands say that train nothing, with `out` also the slow ones; each may refuse in a sentence."""
    said = []

    def sync() -> None:
        sweep = sweeps.read(store, "sweep")
        for key in sweep.keys:
            try:
                shown = tracked.read(store, key, sweep)
                assert shown is None or shown.digest
            except tracked.CellRefusedError:
                continue
            sent.recall(store.run(key).folder)

    quick = (
        lambda: show.cells_of("status", world.plan, store.root, as_json=True),
        lambda: collect.frame(collect.read_sweep(store.root, "sweep")),
        lambda: fair.lines(store.root, "sweep"),
        lambda: session.clean(store.root),
        sync,
    )
    whole = (
        lambda: session.measure(world.plan, store.root, "cpu", 1, Watch(), "eager"),
        lambda: page.render(store.root, "sweep", out),
    )
    for look in quick if out is None else (*quick, *whole):
        try:
            look()
        except UserError as error:
            said.append(str(error))
    assert not [words for words in said if "\n" in words]
    return said


def report(out: Path) -> str:
    """All that a report says."""
    return "".join((out / name).read_text() for name in ("index.html", "table.csv", "table.md", "table.tex"))


def run(world: World, store: Store) -> dict[str, str]:
    """Run the sweep and give each cell's state; the sweep has a failed cell, so it ends with 1."""
    settings = Settings(device="cpu", threads=1, mlflow=tiny.NO_MLFLOW)
    assert session.run(world.plan, world.plan, store.root, settings) == session.FAILED
    return {name: store.run(key).state().state for name, key in world.keys.items()}


def check(world: World, folder: Path, seed: int) -> None:
    """Damage one file, now and then where the student is to be trained anew; look, run, look again."""
    random = Random(seed)
    store, out = Store(folder / "runs"), folder / "report"
    shutil.copytree(world.store.root, store.root)
    anew = random.random() < 0.3
    if anew:
        (store.run(world.keys["student"]).folder / RESULT).unlink()
    path = random.choice(files(store))
    hurt = path.relative_to(store.root).parts[0]
    what = f"{seed}: {hurt} {damage(path, random)}"
    said = looks(world, store, out)
    if not said and not anew and (text := report(out)) != world.report:
        assert any(word in text for word in ("Left out", "damaged", "unreadable", "no record")), what
    before = {key: (store.run(key).folder / RESULT).read_bytes() for key in keys_but(world, hurt, anew)}
    states = run(world, store)
    for key, result in before.items():
        assert (store.run(key).folder / RESULT).read_bytes() == result, what
    for name, key in world.keys.items():
        expected = {"done"} if name != "failing" else {"failed"}
        if key == hurt:
            expected |= {"unreadable"}
        if name == "student" and anew and hurt == world.keys["teacher"]:
            expected |= {"failed", "planned", "damaged"}
        assert states[name] in expected, (what, states, store.run(key).state().error)
        retrained = key not in before and states[name] == "done" and not (key == hurt and path.suffix == ".pt")
        if retrained and not (key == hurt and "networks" in path.parts) and store.run(key).result():
            assert store.run(key).result().scores == world.unbroken.run(key).result().scores, what
    if states["stopped"] == "done":
        if not (hurt == world.keys["stopped"] and path.name == "networks"):
            assert_same(store, world.unbroken, world.keys["stopped"])
        assert not (store.run(world.keys["stopped"]).folder / CHECKPOINT).is_file()
    if anew and states["student"] == "done":
        assert_same(store, world.unbroken, world.keys["student"])


def keys_but(world: World, hurt: str, anew: bool) -> list[str]:
    """Done cells to which nothing was done."""
    return [world.keys[name] for name in NAMES[: 1 if anew else 2] if world.keys[name] != hurt]


@pytest.mark.parametrize("seed", range(8))
def test_whatever_is_damaged_the_commands_end_in_words_and_the_run_heals(seed, world, tmp_path, capsys):
    check(world, tmp_path, seed)


@pytest.mark.slow
def test_hundreds_of_damaged_stores(world, tmp_path, capsys):
    for seed in range(1000, 1300):
        check(world, tmp_path / "one", seed)
        shutil.rmtree(tmp_path / "one")


def look_at(world: World, folder: Path, seed: int) -> None:
    """Damage up to three files, and look at what nobody has healed."""
    random, store = Random(seed), Store(folder)
    shutil.copytree(world.store.root, store.root)
    for _ in range(random.choice([1, 1, 2, 3])):
        damage(random.choice(files(store)), random)
    looks(world, store)
    for key in world.keys.values():
        state = store.run(key).state()
        assert state.state in ("planned", "stopped", "failed", "done", "damaged", "unreadable"), seed
        assert state.state in ("planned", "stopped", "done") or state.error, seed


@pytest.mark.parametrize("seed", range(40))
def test_what_is_damaged_in_several_places_can_be_looked_at(seed, world, tmp_path, capsys):
    look_at(world, tmp_path / "runs", seed)


@pytest.mark.slow
def test_thousands_of_stores_that_are_damaged_in_several_places(world, tmp_path, capsys):
    for seed in range(1000, 6000):
        look_at(world, tmp_path / "runs", seed)
        shutil.rmtree(tmp_path / "runs")


def look_at_forged(world: World, folder: Path, seed: int, capsys: pytest.CaptureFixture[str]) -> None:
    """Forge up to three documents, checksums and all; nothing that is looked at leaves the store or steers a terminal.

    Now and then the network of a done cell is loaded, as for a student or to be timed, and a report rendered.
    """
    random, store, out = Random(seed), Store(folder / "a/b/runs"), folder / "a/b/report"
    shutil.copytree(world.store.root, store.root)
    documents = sorted(path for path in store.root.rglob("*.json*") if path.suffix in (".json", ".jsonl"))
    what = [forge(path, random) for path in random.sample(documents, random.choice([1, 1, 2, 3]))]
    said = looks(world, store, out if seed % 10 == 0 else None)
    show.cells_of("status", world.plan, store.root, as_json=False)
    for key in world.keys.values():
        try:
            assert networks.load(store, key).class_names
        except UserError as error:
            said.append(str(error))
    printed = "".join(capsys.readouterr())
    assert all(0 < len(line) < 2000 for line in said), (seed, what, said)
    assert all(line == printable(line) for line in [*said, *printed.split("\n")]), (seed, what)
    assert [path.name for path in folder.iterdir()] == ["a"], (seed, what)
    assert [path.name for path in (folder / "a").iterdir()] == ["b"], (seed, what)
    assert {path.name for path in (folder / "a/b").iterdir()} <= {"runs", "report"}, (seed, what)
    shared = {"sweeps", "measurements", "compute"}
    assert {path.name for path in store.root.iterdir()} <= {*map(str, world.keys.values())} | shared


@pytest.mark.parametrize("seed", range(0, 60, 2))
def test_what_is_forged_leads_nowhere(seed, world, tmp_path, capsys):
    look_at_forged(world, tmp_path, seed, capsys)


@pytest.mark.slow
def test_thousands_of_forged_stores_lead_nowhere(world, tmp_path, capsys):
    for seed in range(1000, 3000):
        look_at_forged(world, tmp_path / "one", seed, capsys)
        shutil.rmtree(tmp_path / "one")
