"""Photographs for tests: small folders of JPEGs whose middle, left and right can be told apart."""

import io
from pathlib import Path

import numpy as np
from PIL import Image


def picture(seed: int, width: int = 40, height: int = 30) -> Image.Image:
    """Smooth noise, another for each seed: a JPEG keeps it nearly as it is."""
    noise = np.random.default_rng(seed).integers(0, 256, (4, 5, 3), dtype=np.uint8)
    return Image.fromarray(noise).resize((width, height), Image.Resampling.BICUBIC)


def encoded(image: Image.Image, kind: str = "JPEG", **options: object) -> bytes:
    """The bytes of a file."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def folder(root: Path, counts: dict[str, int], first: int = 0) -> Path:
    """A folder of class folders, each with so many pictures, no two alike."""
    for name, count in counts.items():
        (root / name).mkdir(parents=True)
        for number in range(count):
            (root / name / f"{number:03d}.jpg").write_bytes(encoded(picture(first)))
            first += 1
    return root
