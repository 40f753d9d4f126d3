"""SIGINT, SIGTERM and SIGHUP while nothing trains, as in start-up: one sentence and exit code 130, no traceback.

Imports nothing that takes time, because until it listens a Ctrl-C ends in the import of something with a traceback.
"""

import contextlib
import os
import signal
import sys
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
INTERRUPTED = 130
BLOCKED = {signal.SIGINT}  # by the run while it starts a process, which would die of a Ctrl-C before it can listen


def heard() -> list[signal.Signals]:
    """The signals that are to be listened to: `nohup` means that a closed terminal is none of our business."""
    return [number for number in SIGNALS if (number, signal.getsignal(number)) != (signal.SIGHUP, signal.SIG_IGN)]


def is_program(module: str) -> bool:
    """Whether the module is what was started, and not what a program of somebody else imports."""
    return module == "__main__" or os.path.basename(sys.argv[0]) == "cheapconv"


def listen() -> None:
    """End at the first of the signals, until somebody else listens."""
    for number in heard():
        signal.signal(number, leave)


def leave(number: int, frame: FrameType | None) -> None:
    """End at once. An exception would be lost in the first import that tries something and takes any for a no: the
    command would go on with half a library. Files are whole or not there whenever a process ends."""
    name = signal.Signals(number).name
    said = f"interrupted ({name}): what was finished is kept, and the same command goes on from there.\n"
    with contextlib.suppress(OSError):  # nobody may be there to read it
        os.write(2, said.encode())
    os._exit(INTERRUPTED)
