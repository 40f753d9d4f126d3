"""The trials of the campaign: each lets one kind of fault happen to a sweep and says what came out wrong."""

import contextlib
import os
import shutil
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random

from tests.chaos import faults, servers
from tests.chaos.child import Child, call, running
from tests.chaos.world import QUIET, RUN, World, complaints
from tests.engine.mutations import mutated
from tests.engine.read.test_fuzzed_registries import TEXTS

Trial = Callable[[World, Random], list[str]]
KILLED = -signal.SIGKILL
SOME_CELLS = (0, 1, 2, 3)  # done, failed cells, one sentence, cells left over
SERVER_S = 60.0  # more: what a follower is given to settle its first cell, for MLflow takes long to import
OPERATIONS, WRITES, LOOKS = 400, 150, 120  # about how many a run has
LAST_S = 2.0  # about how long one takes


def killed_at_operation(world: World, chance: Random) -> list[str]:
    """One to three kills, each before some operation on a file."""
    folder = world.folder()
    found: list[str] = []
    for _ in range(chance.randint(1, 3)):
        fault = faults.KilledAt(folder / "runs", chance.randint(1, OPERATIONS))
        found += complaints(
            "a run that is killed", call(folder, *QUIET, fault=fault, patience_s=world.patience_s), (KILLED, 0)
        )
    return found or world.healed(folder)


def killed_at_random(world: World, chance: Random) -> list[str]:
    """A kill at some moment, by a signal of the kernel's or the user's."""
    folder = world.folder()
    child = Child(folder, QUIET)
    with running([child]):
        child.within(chance.uniform(0, LAST_S))
        sent = chance.choice([signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
        child.signal(sent)
        ended = child.outcome(world.patience_s)
    return complaints(f"a run with signal {sent}", ended, (KILLED, 0, 130, 143, 129, -sent)) or world.healed(folder)


def full_disk(world: World, chance: Random) -> list[str]:
    """No space from some write on, for a while or for good; by number of files or by the size of one."""
    folder = world.folder(finished=chance.random() < 0.2)
    fault: Callable[[], None] = faults.FullDisk(
        folder / "runs", chance.randint(1, WRITES), chance.choice([1, 3, 10**9])
    )
    if chance.random() < 0.3:
        fault = faults.NoLargeFile(int(10 ** chance.uniform(0, 6)))
    return complaints(
        "a run on a full disk", call(folder, *QUIET, fault=fault, patience_s=world.patience_s), SOME_CELLS
    ) or world.healed(folder)


def vanished_store(world: World, chance: Random) -> list[str]:
    """The store, or a folder in it, is removed while a run writes to it."""
    folder = world.folder()
    child = Child(folder, QUIET)
    with running([child]):
        child.within(chance.uniform(0, LAST_S))
        within = [path for path in (folder / "runs").rglob("*") if path.is_dir()]
        shutil.rmtree(chance.choice([folder / "runs", *within]), ignore_errors=True)
        ended = child.outcome(world.patience_s)
    return complaints("a run whose store vanishes", ended, SOME_CELLS) or world.healed(folder, damaged=True)


def ill_server(world: World, chance: Random) -> list[str]:
    """The tracking server is ill in some way; the training does not notice."""
    folder = world.folder()
    with servers.ill(chance) as (name, uri):
        ended = call(folder, *RUN, "--mlflow", uri, patience_s=SERVER_S + world.patience_s)
    return complaints(f"a run whose server {name}", ended, (0,)) or world.healed(folder)


def crowd(world: World, chance: Random, runners: int) -> list[str]:
    """Several runners share a store, and some of them are killed."""
    folder = world.folder()
    children = [Child(folder, QUIET) for _ in range(runners)]
    with running(children):
        victims = chance.sample(children, chance.randint(0, runners // 2))
        for victim in victims:
            victim.within(chance.uniform(0, LAST_S / 2))
            victim.signal(signal.SIGKILL)
        ends = [(child in victims, child.outcome(runners * world.patience_s)) for child in children]
    found = []
    for victim, ended in ends:
        found += complaints(f"one of {runners} runners", ended, (0, 3, *([KILLED] if victim else [])))
    return found or world.healed(folder)


def killed_worker(world: World, chance: Random) -> list[str]:
    """One of the processes that train for a run is killed, once or twice; its cells go on in another."""
    folder = world.folder()
    child = Child(folder, (*QUIET, "--workers", "2"))
    with running([child]):
        for _ in range(chance.randint(1, 2)):
            while not (workers := child.grandchildren()) and not child.within(0.1):
                pass
            if not child.within(chance.uniform(0, LAST_S)) and workers:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(chance.choice(workers), signal.SIGKILL)
        ended = child.outcome(2 * SERVER_S + world.patience_s)
    return complaints("a run whose worker is killed", ended, (0,)) or world.healed(folder)


def jumping_clock(world: World, chance: Random) -> list[str]:
    """The clock is set, forwards or back."""
    folder = world.folder()
    fault = faults.JumpingClock(chance.randint(1, LOOKS), chance.choice([-1, 1]) * 10 ** chance.uniform(0, 8))
    found = complaints("a run whose clock jumps", call(folder, *QUIET, fault=fault, patience_s=world.patience_s), (0,))
    return found or world.healed(folder)


def torn_file(world: World, chance: Random) -> list[str]:
    """Some files of a finished store are damaged; every command says so or heals it."""
    folder = world.folder(finished=True)
    files = sorted(path for path in (folder / "runs").rglob("*") if path.is_file())
    torn = [damage(path, chance) for path in chance.sample(files, chance.choice([1, 1, 1, 2, 4]))]
    found: list[str] = []
    looks = [("status", "small"), ("status", "small", "--json"), ("plan", "small"), ("report", "small"), ("clean",)]
    for command in chance.sample(looks, 2):
        found += complaints(f"{command} of {torn}", call(folder, *command, patience_s=world.patience_s), SOME_CELLS)
    return found or [f"{line} after {torn}" for line in world.healed(folder, damaged=True)]


def damage(path: Path, chance: Random) -> str:
    """Damage one file in some way, and say how."""
    body = path.read_bytes()
    at = chance.randrange(max(1, len(body)))
    bodies = {
        "cut": body[:at],
        "empty": b"",
        "a flipped bit": body[:at] + bytes([(body[at] if body else 0) ^ 1 << chance.randrange(8)]) + body[at + 1 :],
        "zeros": bytes(len(body)),
        "noise": chance.randbytes(64),
        "a list": b"[]",
        "nan": b"NaN",
        "a long number": b"9" * 5000,
        "deep": b"[" * 5000,
        "UTF-16": body.decode("latin-1").encode("utf-16"),
        "twice": body + body,
    }
    kind = chance.choice([*bodies, "a folder", "a link to itself", "a link to nowhere", "gone"])
    path.unlink()
    if kind == "a folder":
        path.mkdir()
    elif kind.startswith("a link"):
        path.symlink_to(path.name if kind == "a link to itself" else "nowhere")
    elif kind != "gone":
        path.write_bytes(bodies[kind])
    return f"{os.path.relpath(path, path.parents[2])}: {kind}"


def wrong_registry(world: World, chance: Random) -> list[str]:
    """A registry with one to three things wrong is planned, or told in sentences."""
    folder = world.folder()
    text = mutated(chance.choice(TEXTS), chance)
    (folder / "registry.yaml").write_bytes(text)
    return complaints(f"check of {text!r}", call(folder, "check", patience_s=2 * world.patience_s), (0, 2))


TRIALS: dict[str, Trial] = {
    "killed before a file operation": killed_at_operation,
    "killed at a random moment": killed_at_random,
    "full disk": full_disk,
    "store removed": vanished_store,
    "ill tracking server": ill_server,
    "two runners": partial(crowd, runners=2),
    "eight runners": partial(crowd, runners=8),
    "worker killed": killed_worker,
    "clock set": jumping_clock,
    "damaged files": torn_file,
    "wrong registry": wrong_registry,
}
