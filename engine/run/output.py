"""The output of a command: whatever becomes of it, what the command does goes on.

A character that the terminal cannot print is printed as its escape. An output that was closed, is full or has lost its
reader is said once, by name, on stderr.
"""

import contextlib
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import TextIO

from cheapconv.catalog.errors import UserError
from cheapconv.catalog.foreign import explained
from cheapconv.catalog.printable import printable

STANDARD = (0, 1, 2)  # file descriptors


class Output:
    """A text stream that takes everything; what the one behind it does not take is lost, and `lost` says why.

    The first loss is told on stderr where the output has a name. What has none is for words alone, which may quote
    anything: it takes no control characters but those that end a line.
    """

    def __init__(self, stream: TextIO, name: str | None = None) -> None:
        self.lost: str | None = None
        self._stream, self._name = stream, name
        if reconfigure := getattr(stream, "reconfigure", None):  # not every stream in place of the real one has it
            reconfigure(errors="backslashreplace")

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write `text`, or lose it."""
        shown = text if self._name else re.sub(r"[^\r\n\t]+", lambda words: printable(words[0]), text)
        self._try(lambda: self._stream.write(shown))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write each of them, or lose it."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Hand on what has been written, or lose it."""
        self._try(self._stream.flush)

    def _try(self, act: Callable[[], object]) -> None:
        if self.lost is not None:
            return
        try:
            act()
        except (OSError, ValueError) as error:  # a ValueError of a stream that was closed in between
            seen_enough = isinstance(error, BrokenPipeError)  # by the reader, such as `head`
            self.lost = "" if seen_enough else getattr(error, "strerror", None) or str(error).rstrip(".")
            if self.lost and self._name:
                sys.stderr.write(f"error: {self._name} cannot be written ({self.lost}); the command goes on.\n")


@contextlib.contextmanager
def guarded() -> Iterator[None]:
    """Around a command: its outputs take everything. It ends with exit code 2 where the output was all that it was for.

    Commands that have done more say so by `forgive`.
    """
    _open_closed()
    before = sys.stdout, sys.stderr
    sys.stderr = errors = Output(sys.stderr)
    sys.stdout = output = Output(sys.stdout, "the output")
    try:
        yield
    except SystemExit as end:
        output.flush()
        if not end.code and output.lost:
            raise SystemExit(2) from None
        raise
    finally:
        output.flush()
        errors.flush()
        sys.stdout, sys.stderr = before


@contextlib.contextmanager
def told() -> Iterator[None]:
    """Around a command: a mistake of the user's, or of a plugin, is one sentence and exit code 2."""
    try:
        with explained():
            yield
    except UserError as error:
        sys.stderr.write(f"error: {error}\n")
        raise SystemExit(2) from None


def forgive() -> None:
    """A lost output is no failure of the command, which has done more than to write it."""
    if isinstance(sys.stdout, Output):
        sys.stdout.flush()
        sys.stdout.lost = ""


def _open_closed() -> None:
    """Streams that the process was started without lead nowhere, or its first file would take their place."""
    for number in STANDARD:
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
