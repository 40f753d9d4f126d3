"""A real Ray cluster of several node processes on this machine: the bits of a plain run, whatever happens to nodes."""

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"  # then nodes of one machine speak by 127.0.0.1 alone
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
os.environ["RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO"] = "0"
pytest.importorskip("ray")

import ray
from ray.cluster_utils import Cluster

from cheapconv import catalog
from cheapconv.catalog.errors import UserError
from cheapconv.engine.plan.plan import Plan
from cheapconv.engine.run import session
from cheapconv.engine.run.cluster.fleet import Fleet
from cheapconv.engine.run.cluster.versions import ROOMS
from cheapconv.engine.run.interrupt import INTERRUPTED
from cheapconv.engine.run.session import LEFT
from cheapconv.engine.run.settings import Settings
from cheapconv.engine.store.cell import Cell
from cheapconv.engine.store.runs import CHECKPOINT, Store
from cheapconv.engine.train.checkpoint import Position
from tests.engine import tiny, watchers
from tests.engine.outcomes import assert_same

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]

HERE = {"object_store_memory": 100 * 2**20}  # bytes
ROOT = Path(__file__).resolve().parents[4]


@pytest.fixture(autouse=True)
def world(tiny_world: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nodes know the tiny suite too, and keep their folders where the test's are."""
    monkeypatch.setattr(catalog, "plugins", lambda: ("tests.plugin",))
    paths = [str(ROOT), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(dict.fromkeys(paths)))
    monkeypatch.setenv("RAY_TMPDIR", tempfile.gettempdir())  # the paths of its sockets must be short
    monkeypatch.setenv("TMPDIR", str(tmp_path))


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """A head, on which nothing is trained."""
    made = Cluster(
        initialize_head=True,
        head_node_args={"num_cpus": 0, "include_dashboard": False, **HERE},
    )
    yield made
    ray.shutdown()
    made.shutdown()


def added(cluster: Cluster, count: int = 1) -> list[Any]:
    """Nodes that take one cohort each."""
    return [cluster.add_node(num_cpus=1, wait=False, **HERE) for _ in range(count)]


def lesson(epochs: int) -> Plan:
    """A teacher and eleven others, of several seeds."""
    taught = {"method": {"kd": {"teacher": "teacher"}}, "seeds": [0, 1, 2, 3]}
    grid = {"method": "noisy", "conv": ["standard", "depthwise"], "seeds": [0, 1, 2]}
    own = {"conv": "group(groups=2)", "seeds": [4]}
    return tiny.planned({"name": "teacher", "seeds": [5]}, taught, grid, own, epochs=epochs)


def fleet(store: Store, cluster: Cluster, *told: Any, **options: Any) -> Fleet:
    return Fleet(store, tiny.CPU, settings=Settings(cluster=cluster.address), watchers=told, every_s=0.0, **options)


def run(store: Store, whole: Plan, made: Fleet) -> list[str]:
    session.write_plan(store, whole)
    ends = made.run([planned.cell for planned in whole.cells])
    return [ends.get(planned.cell.key, "not reached") for planned in whole.cells]


class At(watchers.Watcher):
    """Does things, each at the end of a later epoch of a method's cells, counted over all of them."""

    def __init__(self, method: str, acts: dict[int, Callable[[], None]]) -> None:
        self.method, self.acts, self.epochs = method, acts, 0

    def epoch_ended(self, cell: Cell, position: Position) -> None:
        """Count."""
        if cell.method == self.method:
            self.epochs += 1
            if self.epochs in self.acts:
                self.acts[self.epochs]()


def kill(node: Any) -> None:
    """A node and all that runs on it, as a power cut would."""
    raylet = node.all_processes["raylet"][0].process.pid
    children = subprocess.run(["ps", "-o", "pid=", "--ppid", str(raylet)], capture_output=True, text=True).stdout
    for pid in [raylet, *map(int, children.split())]:
        os.kill(pid, signal.SIGKILL)


def test_twelve_cells_on_three_nodes_one_killed_one_added_late(store, tmp_path, cluster, caplog):
    whole, alone = lesson(epochs=8), Store(tmp_path / "alone")
    assert len(whole.cells) == 12
    nodes, said = added(cluster, 3), list[str]()
    cluster.wait_for_nodes()
    acts = {6: lambda: kill(nodes[0]), 10: lambda: (added(cluster), None)[1]}
    made = fleet(store, cluster, watchers.Listener(), At("noisy", acts), placed=said.append)
    assert run(store, whole, made) == ["done"] * 12
    assert {*tiny.run(alone, whole).values()} == {"done"}
    for planned in whole.cells:
        assert_same(store, alone, planned.cell.key)
        assert store.run(planned.cell.key).faults() == []
    assert "3 nodes" in {text.partition(",")[0] for text in said}
    assert "a task is lost" in caplog.text
    assert len(made._roll._known) == 4


class Storm(watchers.Watcher):
    """Kills a node at random steps, and has another one come for it."""

    def __init__(self, cluster: Cluster, nodes: list[Any], kills: int) -> None:
        self.cluster, self.nodes, self.kills, self.random = cluster, nodes, kills, random.Random(kills)
        self.until = self.random.randrange(20)  # messages of steps and epochs

    def stepped(self, cell: Cell, position: Position, steps: int) -> None:
        """Count down to the next one."""
        self.until -= 1
        if self.until <= 0 and self.kills:
            self.kills -= 1
            kill(self.nodes.pop(self.random.randrange(len(self.nodes))))
            self.nodes += added(self.cluster)
            self.until = self.random.randrange(20)

    def epoch_ended(self, cell: Cell, position: Position) -> None:
        """The same."""
        self.stepped(cell, position, 0)


def test_twenty_nodes_killed_at_random_moments_change_no_bit(store, tmp_path, cluster):
    whole, alone = lesson(epochs=150), Store(tmp_path / "alone")
    nodes = added(cluster, 3)
    cluster.wait_for_nodes()
    storm = Storm(cluster, nodes, kills=20)
    assert run(store, whole, fleet(store, cluster, watchers.Listener(), storm)) == ["done"] * 12
    assert storm.kills == 0
    assert {*tiny.run(alone, whole).values()} == {"done"}
    for planned in whole.cells:
        assert_same(store, alone, planned.cell.key)
        assert store.run(planned.cell.key).faults() == []


REGISTRY = """\
sweeps:
  long:
    plugins: [tests.plugin]
    suite: tiny
    recipe: short
    epochs: 150
    entries:
      - {name: teacher, architecture: WRN-10-1, conv: standard, method: scratch, seeds: [5]}
      - {architecture: WRN-10-1, conv: standard, method: {kd: {teacher: teacher}}, seeds: [0, 1]}
"""
DRIVER = """\
from cheapconv import runner
from cheapconv.engine.run.cluster import fleet
fleet.EVERY_S = 0.0
runner.main()
"""


@pytest.fixture
def driver(store: Store, cluster: Cluster, tmp_path: Path) -> Iterator[Callable[[], subprocess.Popen]]:
    """Starts `cheapconv run long` on the store and the cluster, as a user in a terminal does."""
    begun = list[subprocess.Popen]()
    (tmp_path / "registry.yaml").write_text(REGISTRY)

    def start() -> subprocess.Popen:
        command = [sys.executable, "-c", DRIVER, "run", "long", "--device", "cpu", "--mlflow", "none"]
        options = ["--cluster", cluster.address, "--store", str(store.root)]
        with (tmp_path / "log").open("w") as log:
            process = subprocess.Popen(
                [*command, *options], cwd=tmp_path, stdout=log, stderr=log, start_new_session=True
            )
        begun.append(process)
        return process

    yield start
    for process in begun:
        process.kill()
        process.wait()


def long() -> Plan:
    return tiny.planned(
        {"name": "teacher", "seeds": [5]}, {"method": {"kd": {"teacher": "teacher"}}, "seeds": [0, 1]}, epochs=150
    )


def wait_for(seen: Callable[[], bool], process: subprocess.Popen) -> None:
    """Until a process has come so far."""
    while not seen():
        assert process.poll() is None, "it has ended before"
        time.sleep(0.05)


def halfway(store: Store, cell: Cell) -> bool:
    run = store.run(cell.key)
    return (run.folder / CHECKPOINT).is_file() and run.result() is None


def assert_plain(store: Store, alone: Store, whole: Plan) -> None:
    """What a run without Ray gives."""
    assert {*tiny.run(alone, whole).values()} == {"done"}
    for planned in whole.cells:
        assert_same(store, alone, planned.cell.key)


def test_a_driver_that_is_killed_goes_on_when_it_is_started_again(store, tmp_path, cluster, driver):
    added(cluster, 2)
    cluster.wait_for_nodes()
    whole, first = long(), driver()
    wait_for(lambda: halfway(store, whole.cells[0].cell), first)
    first.kill()
    assert run(store, whole, fleet(store, cluster)) == ["done"] * 3
    starts = [len(store.run(planned.cell.key).environments()) for planned in whole.cells]
    assert starts[0] == 2  # it went on, and did not begin anew
    assert_plain(store, Store(tmp_path / "alone"), whole)


def test_ctrl_c_stops_all_nodes_and_a_plain_run_leaves_held_cells_alone(store, tmp_path, cluster, driver):
    added(cluster, 2)
    cluster.wait_for_nodes()
    whole, first = long(), driver()
    teacher = whole.cells[0].cell
    wait_for(lambda: halfway(store, teacher), first)
    assert tiny.ends(store, tiny.planned({"name": "teacher", "seeds": [5]}, epochs=150)) == ["running"]
    os.killpg(first.pid, signal.SIGINT)
    assert first.wait() == INTERRUPTED
    assert "long: " in (tmp_path / "log").read_text()
    assert store.run(teacher.key).state().state == "stopped"
    reached = len(store.run(teacher.key).curve())
    told = watchers.Listener()
    assert run(store, whole, fleet(store, cluster, told)) == ["done"] * 3
    assert next(event for event in told.told if event[0] == "epoch") == ("epoch", reached + 1)
    assert_plain(store, Store(tmp_path / "alone"), whole)


def test_two_drivers_train_no_cell_twice(store, tmp_path, cluster, driver):
    added(cluster, 2)
    cluster.wait_for_nodes()
    whole, both = long(), [driver(), driver()]
    assert {process.wait() for process in both} <= {0, LEFT}
    assert [len(store.run(planned.cell.key).environments()) for planned in whole.cells] == [1, 1, 1]
    assert_plain(store, Store(tmp_path / "alone"), whole)


def test_other_code_on_a_node_is_found_before_anything_trains_and_refused_when_it_comes_late(
    store, tmp_path, cluster, caplog
):
    other = tmp_path / "other"
    for room in (*ROOMS, "reports", "docs"):
        shutil.copytree(ROOT / room, other / "cheapconv" / room, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("__init__.py", "runner.py", "registry.yaml"):
        shutil.copy(ROOT / file, other / "cheapconv" / file)
    with (other / "cheapconv" / "methods" / "kd.py").open("a") as code:
        code.write("# another release\n")
    paths = {"PYTHONPATH": os.pathsep.join([str(other), str(ROOT)])}

    def add_other() -> None:
        cluster.add_node(num_cpus=1, env_vars=paths, wait=False, **HERE)

    add_other()
    cluster.wait_for_nodes()
    whole = tiny.planned({"method": "noisy", "seeds": [0, 1, 2]}, epochs=60)
    said = (
        r"^node \S+ \([0-9a-f]{8}\) has cheapconv files [0-9a-f]{12}, and the machine of the run files [0-9a-f]{12}: "
    )
    with pytest.raises(UserError, match=said):
        run(store, whole, fleet(store, cluster))
    assert [store.run(planned.cell.key).state().state for planned in whole.cells] == ["planned"] * 3
    for node in [*cluster.worker_nodes]:
        cluster.remove_node(node)
    added(cluster)
    cluster.wait_for_nodes()
    assert run(store, whole, fleet(store, cluster, At("noisy", {1: add_other}))) == ["done"] * 3
    assert "nothing is trained there" in caplog.text or "nothing more is trained there" in caplog.text
