"""All that is asked of Ray: a cluster, what nodes it has, where a task may run."""

import contextlib
import os
import signal
import socket
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from cheapconv.catalog.errors import UserError, reason
from cheapconv.engine.run.cluster import node, token
from cheapconv.engine.run.cluster.keeper import Keeper, Kept
from cheapconv.engine.run.cluster.node import Job, Node
from cheapconv.engine.run.stop import heard
from cheapconv.engine.store.cell import Cell

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # before it is imported: nothing is sent to anybody
try:
    import ray
    from ray.exceptions import RayActorError, RayTaskError
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy
except ImportError as missing:
    raise UserError(f"--cluster needs Ray ({missing}): pip install 'cheapconv[ray]'.") from missing

LOCAL, AUTO = "local", "auto"
PATIENCE_S = 5.0  # for somebody to listen at an address
SETTINGS = 4  # the type of a frame of HTTP/2, its fourth byte
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, SETTINGS, 0, 0, 0, 0, 0])
ANSWERS_S = 120.0  # a node has to import torch and read data before it answers
GIB = 2**30
UNSHOWN = {"num_cpus": 0, "max_retries": 0, "enable_task_events": False}  # the dashboard shows cells, and not our looks
ID = "ray.io/node-id"  # the label by which Ray knows a node


@dataclass(frozen=True)
class Needs:
    """What a cohort takes of a node, in Ray's units."""

    cpus: int
    gpus: float = 0.0
    memory: int = 0  # bytes

    def fit_in(self, resources: dict[str, float]) -> int:
        """How many at once a node with these resources can take."""
        shares = {"CPU": self.cpus, "GPU": self.gpus, "memory": self.memory}
        return min(int(resources.get(name, 0.0) / share + 1e-9) for name, share in shares.items() if share)

    def of_several(self, gpus: int, nodes: Sequence[dict[str, float]]) -> "Needs":
        """What a cell takes that asks for so many GPUs: as many as one node has, with a cohort's CPUs for each."""
        for number in range(gpus if self.gpus else 1, 1, -1):
            several = replace(self, cpus=number * self.cpus, gpus=number)
            if any(several.fit_in(resources) for resources in nodes):
                return several
        return self


@contextlib.contextmanager
def connected(address: str) -> Iterator[None]:
    """Within it there is a cluster: one of this machine's own (`local`), the one that runs here, or one at an address.
    A UserError where there is none."""
    if address not in (LOCAL, AUTO):
        _look_at(address)
        token.present(address)
    before = {number: signal.getsignal(number) for number in heard()}
    try:
        quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR", "configure_logging": True}
        ray.init(address=address, **quiet, **({"include_dashboard": False} if address == LOCAL else {}))
    except Exception as error:  # Ray has no kind of its own for this
        start = "start one with `ray start --head`, or say --cluster local" if address == AUTO else "see `ray status`"
        raise UserError(f"there is no Ray cluster at '{address}' ({reason(error)}): {start}.") from error
    finally:
        for number, handler in before.items():  # Ray would end at once
            signal.signal(number, handler)
    try:
        yield
    finally:
        ray.shutdown()


def _look_at(address: str) -> None:
    """A UserError for an address at which nobody listens, or somebody else, which Ray would try for minutes."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit():
        raise UserError(f"--cluster {address} is no address: give local, auto or the HOST:PORT of the cluster's head.")
    try:
        with socket.create_connection((host, int(port)), PATIENCE_S) as connection:
            if not os.environ.get("RAY_USE_TLS"):
                _require_grpc(connection)
    except (OSError, OverflowError) as error:
        raise UserError(
            f"no Ray cluster answers at '{address}' ({error}): give the address that `ray start --head` has printed."
        ) from error


def _require_grpc(connection: socket.socket) -> None:
    """An OSError where the other end does not speak HTTP/2 (RFC 9113, section 3.4): it opens with its settings."""
    connection.sendall(PREFACE)
    head = connection.recv(9)
    if len(head) < 9 or head[3] != SETTINGS:
        raise OSError("something else listens there")


def answer(asked: Any) -> Any:
    """What a task or an actor gives; raises what it raised, as it was raised there."""
    try:
        return ray.get(asked)
    except RayTaskError as error:
        raise error.cause if isinstance(error.cause, Exception) else error from None
    except RayActorError as error:
        raise UserError(
            f"the process that kept the store is gone ({reason(error)}): the same command goes on where it stopped."
        ) from error


class Asked:
    """A keeper in its own process, as a `keeper.Kept`."""

    def __init__(self, actor: Any) -> None:
        self._actor = actor

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._actor, name)
        return lambda *given: answer(method.remote(*given))


def keeper_here(*given: Any) -> tuple[Any, Keeper]:
    """A keeper in a process of this machine, as Ray hands it to tasks and as the driver asks it."""
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    options = {"num_cpus": 0, "max_restarts": 0, "scheduling_strategy": here}
    options["enable_task_events"] = False
    actor = ray.remote(Keeper).options(**options).remote(*given)
    return actor, cast(Keeper, Asked(actor))


def alive() -> dict[str, dict[str, float]]:
    """The resources of every node that lives, by its id."""
    return {each["NodeID"]: each["Resources"] for each in ray.nodes() if each["Alive"]}


def has_gpus() -> bool:
    """Whether a node has any."""
    return any("GPU" in resources for resources in alive().values())


def train(given: tuple[Any, int, Sequence[Cell], Job], needs: Needs, name: str, not_on: Collection[str]) -> Any:
    """A task that trains cells, given as for `node.train` with the keeper's handle, on any node but some."""
    options = {"name": name, "num_cpus": needs.cpus, "num_gpus": needs.gpus, "memory": needs.memory or None}
    if not_on:
        options |= {"label_selector": {ID: f"!in({', '.join(sorted(not_on))})"}}
    # A process for each: torch looks at its GPUs once, and the next task may have others.
    return ray.remote(max_calls=1)(_train).options(max_retries=0, **options).remote(*given)


def examine(actor: Any, job: Job, node_id: str) -> Any:
    """A task that looks whether a node is fit."""
    there = NodeAffinitySchedulingStrategy(node_id, soft=False)
    return ray.remote(_examine).options(scheduling_strategy=there, **UNSHOWN).remote(actor, job)


def forget(job: Job, node_id: str) -> Any:
    """A task that removes what a node has of a run."""
    there = NodeAffinitySchedulingStrategy(node_id, soft=False)
    return ray.remote(_forget).options(scheduling_strategy=there, **UNSHOWN).remote(job)


def ended(tasks: Collection[Any], patience_s: float) -> list[Any]:
    """Those of some tasks that have ended, after so many seconds at most where none has."""
    return ray.wait([*tasks], num_returns=1, timeout=patience_s)[0]


def cancel(task: Any) -> None:
    """Let a task that has not begun not begin."""
    ray.cancel(task, force=False)


def _here() -> Node:
    own = ray.get_runtime_context().get_node_id()
    return Node(own, f"node {socket.gethostname()} ({own[:8]})")


def _train(actor: Any, ticket: int, cells: Sequence[Cell], job: Job) -> None:
    node.train(cast(Kept, Asked(actor)), ticket, cells, job, _here())


def _examine(actor: Any, job: Job) -> None:
    node.examine(cast(Kept, Asked(actor)), job, _here())


def _forget(job: Job) -> None:
    node.forget(_here().home(job.store))
