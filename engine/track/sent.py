"""The tracker's memory: to which run a cell was sent, and what of it.

`mlflow.json` in a run folder is that of the cell, the one beside the run folders that of the sweeps' parent runs. One
file serves several servers and several sweeps that share the cell: `{uri: {experiment: {...}}}`.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import filelock
from pydantic import TypeAdapter

from cheapconv.engine.store.files import read_json, write_json
from cheapconv.engine.track.redact import FILES, HIDDEN

MEMORY, LOCK = "mlflow.json", "mlflow.lock"
PATIENCE_S = 30.0  # for another process that sends the same; it is through after a few requests


@dataclass(frozen=True)
class Sent:
    """What was sent to one experiment of one server."""

    run_id: str = ""
    experiment_id: str = ""
    epochs: int = 0
    means: int = 0
    content: str = ""  # hash of the points of so many epochs and means
    digest: str = ""  # of everything; empty while it is under way, so that a kill leaves it in doubt
    status: str = ""  # of a sweep
    report: tuple[str, ...] = ()  # files of a sweep's rendered report that still have to be attached


Memory = dict[str, dict[str, Sent]]
_memory = TypeAdapter(Memory)


def recall(folder: Path) -> Memory:
    """All that is remembered; nothing where the file is absent or damaged, which costs no more than asking."""
    try:
        return _memory.validate_python(read_json(folder / MEMORY) or {})
    except ValueError:
        return {}


def remember(folder: Path, uri: str, experiment: str, sent: Sent) -> None:
    """Note what was sent, beside what was sent elsewhere; the memory is `held`."""
    memory = recall(folder)
    if memory.get(uri, {}).get(experiment) != sent:
        memory.setdefault(uri, {})[experiment] = sent
        write_json(folder / MEMORY, _memory.dump_python(memory))


@contextlib.contextmanager
def held(folder: Path) -> Iterator[None]:
    """Whoever else wants to send what the memory is of, or to note something in it, waits."""
    try:
        with filelock.FileLock(folder / LOCK, timeout=PATIENCE_S):
            yield
    except filelock.Timeout as error:
        raise TimeoutError(f"another process has been sending for {PATIENCE_S:g} s") from error


def learn(folder: Path, other: Path, *, theirs_first: bool = False) -> None:
    """Note what another store's memory of the same cell, or of the sweeps, knows of servers that both may use.

    A database that is a file is another one on each machine, and so are the files of a report. With `theirs_first` it
    is the other's attempt that is in the folder now; else what is remembered here stays.
    """

    def learnt() -> Memory:
        ours = recall(folder)
        theirs = {uri: {of: replace(sent, report=()) for of, sent in known.items()} for uri, known in found.items()}
        pairs = (ours, theirs) if theirs_first else (theirs, ours)
        return {uri: pairs[0].get(uri, {}) | pairs[1].get(uri, {}) for uri in {**ours, **theirs}}

    found = {uri: known for uri, known in recall(other).items() if _is_server(uri)}
    if found and learnt() != recall(folder):
        with held(folder):
            write_json(folder / MEMORY, _memory.dump_python(learnt()))


def _is_server(uri: str) -> bool:
    scheme, mark, _ = uri.partition("://")
    return HIDDEN not in uri and scheme not in FILES and (bool(mark) or uri == "databricks")
