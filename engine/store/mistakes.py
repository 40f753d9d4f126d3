"""Which test images each network of a cell took for something else, in its run folder: `mistakes.npz`.

By network an array (N,) of integers in the order of the test set: 0 where the answer was right, c + 1 where it was
class c and wrong. Of two networks it tells on which images they differ, so that they are compared image by image.
"""

import io
import zipfile
from collections.abc import Mapping

import numpy as np

from cheapconv.engine.store.files import remove, sha256, write_bytes
from cheapconv.engine.store.records import Result
from cheapconv.engine.store.runs import MISTAKES, Run

HEADER = 1024  # bytes of an array's, at most


def write(run: Run, mistakes: Mapping[str, np.ndarray]) -> None:
    """Keep them; before the result, which notes what the file holds. The same mistakes are the same bytes. Without any
    there is no file, nor one of an attempt before."""
    if not mistakes:
        remove(run.folder / MISTAKES)
        return
    smallest = {name: found.astype(np.min_scalar_type(int(found.max(initial=0)))) for name, found in mistakes.items()}
    written = io.BytesIO()
    np.savez_compressed(written, **smallest)  # type: ignore[arg-type]  # as its own argument `allow_pickle`
    write_bytes(run.folder / MISTAKES, written.getvalue())


def read(run: Run, result: Result) -> dict[str, np.ndarray] | None:
    """Of each network (N,), as the result noted them; None where there are none, or others."""
    if MISTAKES not in result.files or fault(run, result):
        return None
    try:
        with zipfile.ZipFile(run.folder / MISTAKES) as archive:
            return {part.filename.removesuffix(".npy"): _array(archive, part, result) for part in archive.infolist()}
    except Exception:  # whatever the result says, bytes that are no such archive raise a dozen kinds
        return None


def fault(run: Run, result: Result) -> str:
    """What is wrong with a file that the result notes, in words; nothing where it is what it was."""
    path, noted = run.folder / MISTAKES, result.files.get(MISTAKES)
    if noted is None or (path.is_file() and sha256(path) == noted):
        return ""
    return f"{MISTAKES} is {'damaged: it is not what was written' if path.exists() else 'missing'}"


def _array(archive: zipfile.ZipFile, part: zipfile.ZipInfo, result: Result) -> np.ndarray:
    """One for every test image; ValueError for anything else, and before it takes memory."""
    if part.file_size > HEADER + 8 * result.test_samples:
        raise ValueError("more than that")
    with archive.open(part) as file:
        found = np.lib.format.read_array(file, allow_pickle=False)
    if found.shape != (result.test_samples,) or not np.issubdtype(found.dtype, np.integer):
        raise ValueError("other than that")
    return found
