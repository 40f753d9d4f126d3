"""The tracker's memory, `mlflow.json` in a run folder: to which run a cell was sent and how much of it.

One file serves several servers and several sweeps that share the cell: `{uri: {experiment: {...}}}`.
"""

from dataclasses import dataclass
from pathlib import Path

import filelock
from pydantic import TypeAdapter

from cheapconv.engine.store.files import read_json, write_json


@dataclass(frozen=True)
class Sent:
    """What was sent of a cell to one experiment of one server."""

    run_id: str = ""
    epochs: int = 0
    means: int = 0
    digest: str = ""  # of everything, if everything was sent


Memory = dict[str, dict[str, Sent]]
_memory = TypeAdapter(Memory)


def recall(folder: Path) -> Memory:
    """All that is remembered; nothing where the file is absent or damaged, which costs no more than asking."""
    try:
        return _memory.validate_python(read_json(folder / "mlflow.json") or {})
    except ValueError:
        return {}


def remember(folder: Path, uri: str, experiment: str, sent: Sent) -> None:
    """Note what was sent, beside what another process has noted meanwhile."""
    with filelock.FileLock(folder / "mlflow.lock"):
        memory = recall(folder)
        before = memory.setdefault(uri, {}).get(experiment)
        if not before or before.run_id != sent.run_id or before.epochs <= sent.epochs:  # else the other has sent more
            memory[uri][experiment] = sent
            write_json(folder / "mlflow.json", _memory.dump_python(memory))
