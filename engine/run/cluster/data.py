"""Where a node finds the files of data: where the run was told to look, else brought once by what they hold."""

import hashlib
import json
import logging
from pathlib import Path

from filelock import FileLock

from cheapconv.catalog import cache
from cheapconv.engine.run.cluster.keeper import Kept
from cheapconv.engine.run.cluster.transfer import Folder, carry

WHOLE = "whole"  # beside a folder: all of it has been brought
MANY = 2**30  # bytes that are worth a word

log = logging.getLogger(__name__)


def found(given: Path | None, keeper: Kept, node: str) -> Path | None:
    """The folder that was `given`, where this node has it; else one in its cache, as the driver's."""
    if given is None or given.is_dir():
        return given
    manifest = keeper.data_listing()
    if not manifest:
        return given  # nobody has it, and the suite says what it misses
    name = hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()[:16]
    folder = cache.folder() / "data" / name
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock"):  # of several cohorts on this node, one brings it
        if not (done := folder.with_name(f"{name}.{WHOLE}")).is_file():
            size = sum(content.size for content in manifest.values())
            if size > MANY:
                log.warning("%.1f GiB of data are brought to %s, which has no %s", size / 2**30, node, given)
            carry(manifest, keeper.data_piece, Folder(folder))
            done.touch()
    return folder
