"""Several processes that train a cell together: what one process alone would have found, and what happens when one of
them leaves. In float64, where sums in another order agree to the last digits that the networks' depth leaves."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest
import torch

from cheapconv import catalog
from cheapconv.catalog.errors import UserError
from cheapconv.engine.plan.plan import Plan
from cheapconv.engine.run import launch, session
from cheapconv.engine.run.settings import Settings
from cheapconv.engine.run.team import Team, started, team_places
from cheapconv.engine.store.cell import Cell
from cheapconv.engine.store.runs import Store
from cheapconv.engine.train.checkpoint import Position
from cheapconv.suites import images, memory
from cheapconv.suites.place import Place
from tests.engine import outcomes, tiny, watchers
from tests.suites.pictures import folder

TAUGHT = {"teacher": "teacher"}
FEW = {"scratch": None, "at": TAUGHT, "crd": {**TAUGHT, "negatives": 20}}
MANY = {
    "kd": TAUGHT,
    "od": {"students": 2},
    "dml": {"update": "sequential"},
    "one": None,
    "slimming": None,
    "rkd": TAUGHT,
    "sp": TAUGHT,
    "pkt": TAUGHT,
    "cc": TAUGHT,
    "dist": TAUGHT,
    "reviewkd": TAUGHT,
    "kdcl": {"target": "linear"},
    "taylor": None,
    "pruned": None,
}


@pytest.fixture(autouse=True)
def world(tiny_world: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Others know the tiny suite too, and everybody computes in float64."""
    monkeypatch.setattr(catalog, "plugins", lambda: ("tests.plugin64",))
    root = Path(__file__).resolve().parents[3]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(root), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.setenv("GLOO_SOCKET_IFNAME", "lo")
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    memory.constants.cache_clear()  # of the other precision
    yield
    torch.set_default_dtype(before)
    memory.constants.cache_clear()


def team(world: int = 2) -> Team:
    return started([Place(tiny.CPU, 1, rank, world) for rank in range(world)])


def run(
    store: Store, whole: Plan, by: Team | None = None, *told: Any, place: Place = tiny.PLACE, **options: Any
) -> dict[str, str]:
    session.write_plan(store, whole)
    place = by.place if by else place
    launcher = launch.Launcher(
        store,
        place,
        settings=Settings(cohort=1),
        watchers=[watchers.Listener(), *told],
        measure=lambda *_: None,
        team=by,
        **options,
    )
    return {**launcher.run([planned.cell for planned in whole.cells])}


def lesson(methods: dict[str, Any], **fields: Any) -> Plan:
    students = [{"method": {name: own} if own else name, "conv": "group(groups=2)"} for name, own in methods.items()]
    first = [{"name": "teacher", "seeds": [5]}] if any(own and "teacher" in own for own in methods.values()) else []
    return tiny.planned(*first, *students, epochs=2, **fields)


def assert_alike(found: Store, expected: Store, cells: list[Cell]) -> None:
    """Losses, scores and weights, running statistics among them, up to the order of sums."""
    for cell in cells:
        ours, theirs = outcomes.curve(found, cell.key), outcomes.curve(expected, cell.key)
        assert [row["scores"] for row in ours] == [row["scores"] for row in theirs]
        assert [row["terms"] for row in ours] == [pytest.approx(row["terms"], rel=1e-7) for row in theirs]
        mistakes = outcomes.mistakes(expected, cell.key)
        assert all((one == mistakes[name]).all() for name, one in outcomes.mistakes(found, cell.key).items())
        weights = outcomes.weights(expected, cell.key)
        for name, tensor in outcomes.weights(found, cell.key).items():
            torch.testing.assert_close(tensor, weights[name], rtol=1e-7, atol=1e-9, msg=f"{cell.method} {name}")


def compared(tmp_path: Path, whole: Plan, world: int = 2) -> None:
    cells = [planned.cell for planned in whole.cells]
    alone, together = Store(tmp_path / "alone"), Store(tmp_path / "together")
    assert {*run(alone, whole).values()} == {"done"}
    assert {*run(together, whole, team(world)).values()} == {"done"}
    assert_alike(together, alone, cells)
    assert {together.run(cell.key).environments()[0].processes for cell in cells} == {world}


def test_two_processes_find_what_one_finds(tmp_path):
    compared(tmp_path, lesson(FEW))


@pytest.mark.slow
def test_so_they_do_by_every_kind_of_method(tmp_path):
    compared(tmp_path, lesson(MANY))


@pytest.mark.slow
def test_and_three_with_an_activation_in_their_norms(tmp_path):
    effnet = {"architecture": "timm(name='efficientnet_lite0')", "conv": "standard", "method": "scratch"}
    compared(tmp_path, tiny.planned(effnet, epochs=1), world=3)


@pytest.mark.gpu
def test_two_gpus_find_what_one_finds(tmp_path):
    if torch.cuda.device_count() < 2:
        pytest.skip("there are no two GPUs")
    whole, alone, together = lesson(FEW), Store(tmp_path / "alone"), Store(tmp_path / "together")
    here = Place(torch.device("cuda", 0), 1)  # whose random numbers are not the CPU's
    assert {*run(alone, whole, place=here).values()} == {"done"}
    assert {*run(together, whole, started(team_places(2))).values()} == {"done"}
    assert_alike(together, alone, [planned.cell for planned in whole.cells])


@pytest.mark.slow
def test_ghost_batches_are_those_of_as_many_processes(tmp_path):
    compared(tmp_path, lesson({"scratch": None, "kd": TAUGHT}, ghost_batches=2))


class Act(watchers.Watcher):
    """Does something at the end of the first epoch of a seed's cells."""

    def __init__(self, act: Any) -> None:
        self.act = act

    def epoch_ended(self, cell: Cell, position: Position) -> None:
        """Once."""
        if position.epoch == 1:
            self.act()


def kept(by: Team) -> list[BaseProcess]:
    """The processes that a team will have started."""
    start, found = by.start, list[BaseProcess]()

    def noting(number: int) -> list[BaseProcess]:
        found.extend(start(number))
        return found

    by.start = noting
    return found


def test_one_that_is_killed_ends_the_run_in_a_sentence_and_any_number_goes_on(tmp_path):
    whole, alone, store = lesson({"scratch": None}), Store(tmp_path / "alone"), Store(tmp_path / "runs")
    by = team()
    others = kept(by)
    with pytest.raises(UserError, match=r"^one of the 2 processes that train a cell together has ended: .* goes on"):
        run(store, whole, by, Act(lambda: others[0].kill()))
    [cell] = [planned.cell for planned in whole.cells]
    assert store.run(cell.key).state().state == "stopped"
    assert run(store, whole) == {cell.key: "done"}  # alone, from the checkpoint
    assert [item.processes for item in store.run(cell.key).environments()] == [2, 1]
    run(alone, whole)
    assert_alike(store, alone, [cell])


def test_a_stop_is_everybodys_and_another_number_goes_on(tmp_path):
    whole, alone, store = lesson({"scratch": None}), Store(tmp_path / "alone"), Store(tmp_path / "runs")
    stopped: list[bool] = []
    by = team()
    ends = run(store, whole, by, Act(lambda: stopped.append(True)), should_stop=lambda: bool(stopped))
    [cell] = [planned.cell for planned in whole.cells]
    assert ends == {cell.key: "stopped"}
    assert run(store, whole, by) == {cell.key: "done"}
    run(alone, whole)
    assert_alike(store, alone, [cell])


def test_what_fails_in_another_process_is_the_cells_failure_and_the_next_cell_is_trained(tmp_path):
    whole = tiny.planned("fails_beside", "scratch", epochs=1)
    store = Store(tmp_path / "runs")
    ends = run(store, whole, team())
    first, second = [planned.cell.key for planned in whole.cells]
    assert ends == {first: "failed", second: "done"}
    assert store.run(first).state().error == "RuntimeError: process 2 of 2: RuntimeError: only here"


def test_other_threads_than_those_of_a_worker_are_no_reason_to_leave_a_cell(tmp_path):
    """As beside several workers, of which each has a part of the threads."""
    whole, by, store = lesson({"scratch": None}), team(), Store(tmp_path / "runs")
    session.write_plan(store, whole)
    place = Place(tiny.CPU, threads=2)
    launcher = launch.Launcher(store, place, settings=Settings(cohort=1), measure=lambda *_: None, team=by)
    assert {*launcher.run([planned.cell for planned in whole.cells]).values()} == {"done"}


def test_photographs_are_decoded_by_workers_of_each_process(tmp_path, monkeypatch):
    monkeypatch.setattr(catalog, "plugins", lambda: ("tests.plugin64", "tests.plugin_photos"))
    monkeypatch.setattr(images, "IN_MEMORY", 0)
    monkeypatch.setenv("CHEAPCONV_WORKERS", "2")
    root = folder(tmp_path / "photos", {"cats": 9, "dogs": 9})
    compared(tmp_path, tiny.planned("scratch", suite=f"images(path={str(root)!r}, side=8)", epochs=1, batch=5))


def test_a_batch_that_cannot_be_shared_is_a_sentence(tmp_path):
    whole = tiny.planned("scratch", epochs=1, batch=38)
    store, [cell] = Store(tmp_path / "runs"), [planned.cell for planned in whole.cells]
    assert run(store, whole, team(3)) == {cell.key: "failed"}
    said = store.run(cell.key).state().error
    assert "an epoch has a batch of 2 samples, which cannot be parted into 3" in str(said)


@pytest.mark.slow
@pytest.mark.parametrize("asked", [None, signal.SIGINT])
def test_torchrun_trains_a_sweep_and_stops_in_order(tmp_path, asked):
    """As a user starts it, on the real digits, in float32."""
    registry = tmp_path / "registry.yaml"
    entry = "architecture: 'wrn(depth=10, width=1)', conv: standard, method: scratch"
    registry.write_text(
        f"sweeps:\n  digits_two: {{suite: digits, recipe: short, epochs: 40, entries: [{{{entry}}}]}}\n"
    )
    run_it = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-addr", "127.0.0.1"]
    run_it += ["--master-port", str(free_port()), "-m", "cheapconv.runner", "run", "digits_two", "--mlflow", "none"]
    run_it += ["--registry", str(registry), "--store", str(tmp_path / "runs"), "--device", "cpu", "--threads", "1"]
    process = subprocess.Popen(run_it, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if asked is not None:
        curves = tmp_path / "runs"
        while not [*curves.glob("*/curve.jsonl")] and process.poll() is None:
            process.poll()
        process.send_signal(asked)
    said, _ = process.communicate(timeout=300)
    [folder] = (tmp_path / "runs").glob("????????????????")
    state = Store(tmp_path / "runs").run(folder.name).state().state
    if asked is None:
        assert (process.returncode, state) == (0, "done"), said
        assert "1 done of 1 cells" in said
        assert "Traceback" not in said
    else:
        assert state == "stopped", said
        assert "the same command goes on where it stopped" in said


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])
