"""Copying a run folder into another store, so that whoever looks at any moment finds the old one or the new one.

All files are beside those that they will replace, and on the disk, before the first of them takes its place; then they
do in an order in which what says how far the cell is comes last. Killed in between, a cell is at worst one that has to
be begun anew, or copied again. Each file is compared with what its result notes of it.
"""

import contextlib
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from cheapconv.engine.store import deployments
from cheapconv.engine.store.archive import DamagedError, unpacked
from cheapconv.engine.store.deployments import FOLDER
from cheapconv.engine.store.files import make_folder, remove, replacing, sha256
from cheapconv.engine.store.runs import (
    CELL,
    CHECKPOINT,
    CURVE,
    ENVIRONMENT,
    ERROR,
    MISTAKES,
    NETWORKS,
    PICTURE,
    RESULT,
    STATE,
    Run,
)


def files_of(run: Run) -> list[str]:
    """What is worth keeping of a cell, by paths in its folder, in the order in which it is to be copied."""
    result = run.result()
    if result is None:
        names = [CELL, CURVE, ERROR, STATE, ENVIRONMENT, CHECKPOINT]  # what says how far it is comes last
    else:
        students = [f"{NETWORKS}/{network.name}.pt" for network in result.students]
        deployed = [f"{FOLDER}/{deployment.name}.json" for deployment in deployments.read(run)]
        names = [CELL, *students, PICTURE, MISTAKES, ENVIRONMENT, CURVE, RESULT, *deployed, STATE]
    return [name for name in names if (run.folder / name).is_file()]


def copy(source: Run, target: Run, names: Sequence[str], *, anew: bool = False) -> None:
    """These files of `source` in `target`, whose lock this process holds; raises DamagedError before it changes any.

    Where the target is to be the other training `anew`, what it had come to goes first: its checkpoint does not belong
    to the new curve.
    """
    result = source.result()
    with contextlib.ExitStack() as staged:
        for name in reversed(names):  # what was entered last is renamed first
            path = target.folder / name
            if path.parent != target.folder:
                make_folder(path.parent)
            temporary = staged.enter_context(replacing(path))
            shutil.copyfile(source.folder / name, temporary)
            _verify(temporary, name, result.files.get(name) if result else None)
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
        if anew:
            for name in (CHECKPOINT, ERROR, RESULT):
                remove(target.folder / name)


def _verify(copied: Path, name: str, noted: str | None) -> None:
    if noted is not None and noted != sha256(copied):
        raise DamagedError(f"{name} is damaged: it is not what was written")
    if noted is None and name.endswith(".pt"):
        unpacked(copied)
