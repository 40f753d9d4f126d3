"""What can happen to a process: death at a file operation, a disk that is full, a clock that jumps.

Python tells an audit hook of every opening, renaming, making and removing of a file before it happens: the hook counts
those within the store, and at the chosen one kills the process or refuses, as the kernel would.
"""

import errno
import os
import resource
import signal
import sys
import time
from pathlib import Path

OPERATIONS = ("open", "os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.chmod", "os.truncate", "os.link")
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


class KilledAt:
    """SIGKILL before the `number`-th operation on a file of the store, from 1."""

    def __init__(self, store: Path, number: int) -> None:
        self.store, self.left = str(store), number

    def __call__(self) -> None:
        sys.addaudithook(self._hook)

    def _hook(self, event: str, arguments: tuple[object, ...]) -> None:
        if event in OPERATIONS and self.store in str(arguments[0]):
            self.left -= 1
            if self.left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


class FullDisk:
    """From the `number`-th writing operation in the store on, `lasting` of them fail for want of space."""

    def __init__(self, store: Path, number: int, lasting: int, code: int = errno.ENOSPC) -> None:
        self.store, self.number, self.last, self.code, self.count = str(store), number, number + lasting, code, 0

    def __call__(self) -> None:
        sys.addaudithook(self._hook)

    def _hook(self, event: str, arguments: tuple[object, ...]) -> None:
        if event not in OPERATIONS or self.store not in str(arguments[0]):
            return
        if event == "open" and not (isinstance(arguments[2], int) and arguments[2] & WRITING):
            return
        if event in ("os.remove", "os.rmdir", "os.chmod"):
            return  # needs no space
        self.count += 1
        if self.number <= self.count < self.last:
            raise OSError(self.code, os.strerror(self.code), str(arguments[0]))


class NoLargeFile:
    """No file can grow beyond `size` bytes: the kernel itself refuses the write in its middle."""

    def __init__(self, size: int) -> None:
        self.size = size

    def __call__(self) -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (self.size, resource.RLIM_INFINITY))


class JumpingClock:
    """The time of day jumps by `seconds` at the `number`-th look at it."""

    def __init__(self, number: int, seconds: float) -> None:
        self.left, self.seconds = number, seconds

    def __call__(self) -> None:
        real = time.time

        def jumped() -> float:
            self.left -= 1
            return real() + (self.seconds if self.left < 0 else 0.0)

        time.time = jumped
