"""Memory over three epochs of 20,000 synthetic JPEGs: `python -m benchmarks.loader_memory [IMAGES] [WORKERS]`.

Prints the proportional set size of the process and its workers at the end of each epoch, in MiB.
"""

import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from cheapconv.suites.imagenet import ImageNet
from cheapconv.suites.loader import Loader
from cheapconv.suites.photos import Photos
from cheapconv.suites.place import Place
from cheapconv.suites.skipped import Skipped


def mebibytes() -> float:
    """Of this process and its children; what they share counts once."""
    own = Path("/proc/self")
    children = [pid for task in own.glob("task/*/children") for pid in task.read_text().split()]
    rollups = [(place / "smaps_rollup").read_text() for place in (own, *(Path("/proc", pid) for pid in children))]
    # Not files: a library's pages are divided among all processes of the machine that have it open.
    kinds = ("Pss_Anon:", "Pss_Shmem:")
    return sum(int(text.split(kind)[1].split()[0]) for text in rollups for kind in kinds) / 1024


def made(root: Path, count: int) -> Photos:
    """Files of 48 x 40 pixels."""
    draw, names = np.random.default_rng(0), [f"{i:05d}.jpg" for i in range(count)]
    for name in names:
        Image.fromarray(draw.integers(0, 256, (40, 48, 3), dtype=np.uint8)).save(root / name)
    return Photos.of_files(root, names, [i % 10 for i in range(count)])


def main(images: int = 20_000, workers: int = 1) -> None:
    """Three epochs."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        photos = made(Path(folder), images)
        data = Loader(photos, photos, ("only",), 32, Place(torch.device("cpu")), Skipped(images), workers)
        recipe = replace(ImageNet().recipes["torchvision"], batch=128)
        for epoch in range(3):
            for steps, _ in enumerate(data.train(recipe, seed=0, epoch=epoch), 1):
                if steps == data.steps(recipe):  # with the workers still there
                    print(f"epoch {epoch}: {mebibytes():.1f} MiB after {steps} steps", flush=True)  # noqa: T201


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
