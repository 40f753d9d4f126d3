"""The command line in a process of its own that is quick to start (forked off one that has imported everything), and
to which something may happen."""

import contextlib
import os
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cheapconv import runner

HANG_S = 20.0  # on a machine that has nothing else to do
Fault = Callable[[], None]  # what a process does to itself before it begins


@dataclass(frozen=True)
class Outcome:
    """How a process ended: its exit code (negative: the signal), what it said, and whether it had to be ended."""

    code: int
    said: str
    seconds: float
    hung: bool = False


class Child:
    """One `cheapconv ARGUMENTS` in `folder`, running."""

    def __init__(self, folder: Path, arguments: Sequence[str], fault: Fault = lambda: None) -> None:
        self.log = folder / f"said-{time.monotonic_ns()}.txt"
        self.begun = time.monotonic()
        self.pid = os.fork()
        if self.pid == 0:
            _become(folder, arguments, fault, self.log)
        self._ended = os.pidfd_open(self.pid)

    def within(self, seconds: float) -> bool:
        """Wait so long for the end; whether it came."""
        return bool(select.select([self._ended], [], [], max(0.0, seconds))[0])

    def signal(self, number: int) -> None:
        """Send a signal to the process alone."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def grandchildren(self) -> list[int]:
        """The processes that its own processes have started."""
        parents = {}
        for status in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):  # it has ended meanwhile
                fields = status.read_text().rpartition(")")[2].split()  # behind the name: state, parent
                parents[int(status.parent.name)] = int(fields[1])
        return [pid for pid, parent in parents.items() if parents.get(parent) == self.pid]

    def outcome(self, patience_s: float) -> Outcome:
        """Wait for the end; a process that does not come to it within the patience is killed, and has hung."""
        hung = not self.within(patience_s)
        if hung:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
        _, status = os.waitpid(self.pid, 0)
        os.close(self._ended)
        said = self.log.read_text(errors="replace") if self.log.is_file() else ""
        self.log.unlink(missing_ok=True)
        return Outcome(os.waitstatus_to_exitcode(status), said, time.monotonic() - self.begun, hung)


def call(folder: Path, *arguments: str, patience_s: float, fault: Fault = lambda: None) -> Outcome:
    """Run one command to its end."""
    return Child(folder, arguments, fault).outcome(patience_s)


@contextlib.contextmanager
def running(children: Sequence[Child]) -> Iterator[None]:
    """Whatever happens, none of the processes outlives the block."""
    try:
        yield
    finally:
        for child in children:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)


def _become(folder: Path, arguments: Sequence[str], fault: Fault, log: Path) -> None:
    """The rest of the forked process's life."""
    code = 70
    try:
        os.setsid()
        os.chdir(folder)
        said = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(said, 1)
        os.dup2(said, 2)
        sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
        sys.stderr = open(2, "w", closefd=False)  # noqa: SIM115
        signal.signal(signal.SIGINT, signal.default_int_handler)
        sys.argv = ["cheapconv", *arguments]
        fault()
        runner.main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)
