"""Whether other processes keep the CPUs busy right now, from /proc (Linux; elsewhere nothing is said).

Used time is counted in ticks of a hundredth of a second, so over WINDOW_S each CPU is known to some hundredths of a
core per kind of use. QUIET is above what that and the services of an idle machine come to, and below what anything
takes that computes.
"""

import logging
import os
import time
from collections.abc import Callable
from dataclasses import dataclass

from cheapconv.engine.store import process

WINDOW_S = 0.3
QUIET = 0.2  # of a core
IDLE = (3, 4)  # places of idle and iowait among user, nice, system, idle, iowait, irq, softirq, steal

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Used:
    """CPU time since the boot, in ticks."""

    cores: int
    machine: int
    processes: dict[int, int]  # by number
    parents: dict[int, int]

    def is_own(self, pid: int) -> bool:
        """Whether it is this process, or was started by it or by what it has started."""
        while pid and pid != os.getpid():
            pid = self.parents.get(pid, 0)
        return pid != 0


def warn() -> None:
    """Say it in the log, before something is timed."""
    if said := sentence():
        log.warning(said)


def sentence(sleep: Callable[[float], None] = time.sleep) -> str:
    """What others use, and which of them the most; empty on a quiet machine, or where nobody tells."""
    before = used()
    sleep(WINDOW_S)
    after = used()
    if before is None or after is None:
        return ""
    grown = {pid: ticks - before.processes.get(pid, ticks) for pid, ticks in after.processes.items()}
    own = sum(ticks for pid, ticks in grown.items() if after.is_own(pid))
    others = (after.machine - before.machine - own) / (WINDOW_S * os.sysconf("SC_CLK_TCK"))
    if others < QUIET:
        return ""
    strangers = [pid for pid in grown if not after.is_own(pid)]
    most = max(strangers, key=grown.__getitem__, default=0)
    who = "none that can be seen from here"
    if grown.get(most):
        who = f"{grown[most] / (WINDOW_S * os.sysconf('SC_CLK_TCK')):.1f} of them by {process.told(most)}"
    return (
        f"other processes use {others:.1f} of {after.cores} cores, {who}: timings will be slow; "
        "stop them, or expect to measure again"
    )


def used() -> Used | None:
    """CPU time of the machine and of its processes until now; None where that is not to be known."""
    try:
        lines = (process.PROC / "stat").read_text().splitlines()
        total = [int(word) for word in lines[0].split()[1:9]]
    except (OSError, ValueError, IndexError):
        return None
    ticks: dict[int, int] = {}
    parents: dict[int, int] = {}
    for path in process.PROC.glob("[0-9]*/stat"):
        try:
            fields = path.read_text(errors="replace").rpartition(")")[2].split()  # behind the program's name
            pid = int(path.parent.name)
            ticks[pid], parents[pid] = int(fields[11]) + int(fields[12]), int(fields[1])  # user and system
        except (OSError, ValueError, IndexError):  # it has ended
            continue
    cores = sum(line.startswith("cpu") for line in lines) - 1  # the first line is the sum
    return Used(cores, sum(n for place, n in enumerate(total) if place not in IDLE), ticks, parents)
