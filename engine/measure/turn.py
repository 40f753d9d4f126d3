"""One timing at a time on this machine, so that no two disturb one another.

The lock is a flock on the folder for temporary files itself, opened to be read: every machine has one, and every user
may open it. Nothing is created in it, so there is no file that another user could own, and no link to be led astray by.
Who holds it for long costs others their timings and not their trainings: whoever waits says for whom, can be stopped,
and after some minutes goes on without. It is gone with its process.
"""

import contextlib
import fcntl
import logging
import math
import os
import tempfile
import time
from collections.abc import Callable, Iterator

from cheapconv.catalog.errors import UserError
from cheapconv.engine.store import process

PATIENCE_S = 300.0  # a timing takes seconds, the table of convs some minutes
SETTING = "CHEAPCONV_TIMING_PATIENCE"  # other seconds than these
BETWEEN_TRIES_S = 0.1

log = logging.getLogger(__name__)


class Untimed(UserError):
    """The machine could not be had for a timing."""


class Turn:
    """A process's turn to time, taken as often as it has something to time.

    Whoever has waited in vain does not wait a second time, until a try succeeds: others may hold a machine for hours.
    """

    def __init__(self, patience_s: float | None = None, should_stop: Callable[[], bool] = lambda: False) -> None:
        self._patience_s = self._left_s = _patience_s() if patience_s is None else patience_s
        self._should_stop, self._told = should_stop, set[str]()

    def is_news(self, text: str) -> bool:
        """Whether that is said for the first time here: several cells may have the same to say."""
        found = text not in self._told
        self._told.add(text)
        return found

    @property
    def stopping(self) -> bool:
        """Whether the run was asked to end."""
        return self._should_stop()

    @contextlib.contextmanager
    def taken(self, what: str) -> Iterator[None]:
        """The machine is this process's alone, as far as others ask; raises Untimed, which says who has it."""
        try:
            folder = os.open(tempfile.gettempdir(), os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            raise Untimed(f"the folder for temporary files cannot be locked ({error.strerror}): see TMPDIR.") from error
        try:
            self._wait(folder, what)
            self._left_s = self._patience_s
            yield
        finally:
            os.close(folder)  # which gives the lock back

    def _wait(self, folder: int, what: str) -> None:
        """Until the lock is had."""
        begun, told = time.monotonic(), False
        while True:
            if self.stopping:
                raise Untimed("the run was asked to end.")
            if _had(folder):
                return
            if time.monotonic() - begun >= self._left_s:
                self._left_s = 0.0
                raise Untimed(f"the machine is timing for {_holder(folder)}: try again when it is through.")
            if not told:
                log.warning(
                    "waiting to time %s, at most %.0f s: the machine is timing for %s",
                    *(what, self._left_s, _holder(folder)),
                )
                told = True
            time.sleep(BETWEEN_TRIES_S)


def _had(folder: int) -> bool:
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:  # a folder on some network
        reason = f"the folder for temporary files cannot be locked ({error.strerror}): name another in TMPDIR."
        raise Untimed(reason) from error
    return True


def _holder(folder: int) -> str:
    """Who holds the lock, as far as /proc/locks tells: its lines are `1: FLOCK ADVISORY WRITE pid device:inode ...`."""
    status = os.fstat(folder)
    lock = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
    with contextlib.suppress(OSError):
        for words in map(str.split, (process.PROC / "locks").read_text().splitlines()):
            if words[1] == "FLOCK" and words[5] == lock:
                return process.told(int(words[4]))
    return "another process"


def _patience_s() -> float:
    """What the environment says, else PATIENCE_S."""
    text = os.environ.get(SETTING) or str(PATIENCE_S)
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not seconds >= 0:
        raise UserError(f"{SETTING} is '{text}': give the seconds to wait, such as 300.")
    return seconds
