"""A picture of what the network of a cell answers, in its run folder, where a task's answers are pictures."""

from cheapconv.engine.store.files import sha256, write_bytes
from cheapconv.engine.store.runs import PICTURE, Run


def write(run: Run, png: bytes) -> None:
    """Keep it; before the result, which notes what it holds."""
    write_bytes(run.folder / PICTURE, png)


def read(run: Run) -> bytes | None:
    """The one that the result was written with, if it is there."""
    path, result = run.folder / PICTURE, run.result()
    noted = result.files.get(PICTURE) if result else None
    return path.read_bytes() if noted and path.is_file() and sha256(path) == noted else None
