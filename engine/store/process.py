"""Processes as others see them: what they are called in the names of their files, whether they live, what they do.

A number alone is given again to a later process, so a process is known by machine, number and time of birth (Linux:
/proc/PID/stat; elsewhere by its number).
"""

import functools
import hashlib
import os
import platform
import pwd
import re
import time
from pathlib import Path

PROC = Path("/proc")
GONE = ""  # when a process was born that is dead, and only not yet buried by its parent
SHOWN = 100  # characters of a command


def own_name() -> str:
    """This process, as a part of a file's name: `1f0e9a7b.4711.98765`."""
    return f"{machine()}.{os.getpid()}.{born(os.getpid()) or 0}"


@functools.cache
def machine() -> str:
    """Where numbers of processes mean the same: this boot of this machine, and in it this container."""
    parts = [platform.node()]
    for read in (lambda: (PROC / "sys/kernel/random/boot_id").read_text(), lambda: os.readlink(PROC / "self/ns/pid")):
        try:
            parts.append(read())
        except OSError:  # no Linux
            continue
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:8]


def born(pid: int) -> str | None:
    """Ticks between the boot and the birth of a process, GONE for a dead one; None where that is not to be known."""
    try:
        text = (PROC / str(pid) / "stat").read_text(errors="replace")
    except OSError:
        return None
    state, *fields = text.rpartition(")")[2].split()  # behind the program's name, which may hold anything
    return GONE if state in "ZX" else fields[18]


def lives(name: str) -> bool | None:
    """Whether the process of that `own_name` lives; None for one of another machine."""
    where, pid, birth = name.split(".")
    if where != machine():
        return None
    try:
        os.kill(int(pid), 0)  # sends nothing
    except PermissionError:
        pass  # another user's
    except (ProcessLookupError, OverflowError):
        return False
    return born(int(pid)) in (None, birth)


def told(pid: int) -> str:
    """A process for people: `process 4711 of anna (python -m cheapconv run quick), begun 2026-01-31 12:00:00`."""
    try:
        user = _user_name((PROC / str(pid)).stat().st_uid)
        words = (PROC / str(pid) / "cmdline").read_bytes().decode(errors="replace").split("\0")
        awake_s = float((PROC / "uptime").read_text().split()[0])
        begun = time.time() - awake_s + int(born(pid) or 0) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError):
        return f"process {pid}"
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(begun))
    return f"process {pid} of {user} ({_command(words)}), begun {when}"


def _command(words: list[str]) -> str:
    """The words of a command line without folders, addresses (which may hold passwords) and control characters."""
    shown = [Path(word).name if word.startswith("/") else re.sub(r"\S*://\S*", "...", word) for word in words]
    text = "".join(c if c.isprintable() else "?" for c in " ".join(shown).strip())
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 3]}..."


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:  # a container's
        return f"user {uid}"
