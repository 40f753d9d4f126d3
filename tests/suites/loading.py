"""A process that loads images with two workers until it is killed: `python -m tests.suites.loading ROOT COUNT`.

It says `ready` after the first batch and lets its workers go on; they hold its standard output too.
"""

import os
import signal
import sys
from pathlib import Path

import torch

from cheapconv.suites.loader import Loader
from cheapconv.suites.photos import Photos
from cheapconv.suites.place import Place
from cheapconv.suites.skipped import Skipped
from tests.engine.tiny import RECIPE


def main(root: str, count: str) -> None:
    """Load, and die by SIGKILL."""
    torch.set_num_threads(1)
    photos = Photos.of_files(Path(root), [f"{i:03d}.jpg" for i in range(int(count))], [0] * int(count))
    loader = Loader(photos, photos, ("only",), 16, Place(torch.device("cpu")), Skipped(int(count)), workers=2)
    batches = loader.train(RECIPE, 0, 0)
    next(batches)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main(*sys.argv[1:])
