"""Runtimes that fail, each in a way of its own; imported by a process that should not have to import PyTorch."""

import os
import signal
from dataclasses import dataclass
from pathlib import Path

from cheapconv.engine.measure.runtimes.base import Job
from cheapconv.engine.measure.runtimes.shipped import Shipped


@dataclass(frozen=True)
class Sound(Shipped):
    """Ships its source as it is, and answers with the images' first numbers."""

    registered_name = "sound"
    label = "Sound"
    home = "nowhere"

    def convert(self, source: Path, into: Path, job: Job) -> list[str]:
        (into / "network.bin").write_bytes(source.read_bytes())
        return ["network.bin"]

    def load(self, file: Path, job: Job):
        return lambda images: images.flatten(1)[:, :3]


class Dying(Sound):
    """Its converter ends as one that writes where it must not."""

    def convert(self, source: Path, into: Path, job: Job) -> list[str]:
        os.kill(os.getpid(), signal.SIGSEGV)
        return []


class Leaving(Sound):
    """Its converter ends the process, with something to say."""

    def convert(self, source: Path, into: Path, job: Job) -> list[str]:
        raise SystemExit("no such operator: Tumble")


class Hanging(Sound):
    """Its converter is never through."""

    def convert(self, source: Path, into: Path, job: Job) -> list[str]:
        signal.pause()
        return []


class Endless(Sound):
    """Its converter works for ever."""

    def convert(self, source: Path, into: Path, job: Job) -> list[str]:
        while True:
            pass


class Refusing(Sound):
    """Its converter raises."""

    def convert(self, source: Path, into: Path, job: Job) -> list[str]:
        (into / "half.bin").touch()
        raise NotImplementedError("no such operator:\nTumble")


class Unreadable(Sound):
    """It cannot read what it has written."""

    def load(self, file: Path, job: Job):
        raise OSError(f"{file.name} is no file of mine")


class Silent(Sound):
    """Its logits are no numbers."""

    def load(self, file: Path, job: Job):
        return lambda images: images.flatten(1)[:, :3] * float("nan")
