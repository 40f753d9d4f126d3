"""Which test images each network of a cell took for something else, in its run folder: `mistakes.npz`.

By network an array (N,) of integers in the order of the test set: 0 where the answer was right, c + 1 where it was
class c and wrong. Of two networks it tells on which images they differ, so that they are compared image by image.
"""

import io
import zipfile
from collections.abc import Mapping

import numpy as np

from cheapconv.engine.store.files import sha256, write_bytes
from cheapconv.engine.store.records import Result
from cheapconv.engine.store.runs import MISTAKES, Run


def write(run: Run, mistakes: Mapping[str, np.ndarray]) -> None:
    """Keep them; before the result, which notes what the file holds. The same mistakes are the same bytes."""
    smallest = {name: found.astype(np.min_scalar_type(int(found.max(initial=0)))) for name, found in mistakes.items()}
    written = io.BytesIO()
    np.savez_compressed(written, **smallest)  # type: ignore[arg-type]  # as its own argument `allow_pickle`
    write_bytes(run.folder / MISTAKES, written.getvalue())


def read(run: Run, result: Result) -> dict[str, np.ndarray] | None:
    """Of each network, as the result noted them; None where there are none, or others."""
    path, noted = run.folder / MISTAKES, result.files.get(MISTAKES)
    if noted is None or not path.is_file() or sha256(path) != noted:
        return None
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except (ValueError, zipfile.BadZipFile):  # whatever the result says
        return None
