"""Whether another training fits beside those that are there, judged by what each before it has taken."""

from pathlib import Path

import torch

from cheapconv.engine.run import heap

AUTO = 16  # at most so many by themselves: a teacher's share is small by then, and the first results come sooner
SPARE = 0.1  # of the memory that is there, left to others
COMMON_POOL = (0, 0)  # by its number in torch
MEMINFO = Path("/proc/meminfo")
CGROUP = Path("/sys/fs/cgroup")  # version 2: of a container, whose limit is below the machine's


class Room:
    """Asked before each that would join, and so sees what the last one has taken."""

    def __init__(self, device: torch.device, limit: int | None = None) -> None:
        self._device, self._limit = device, limit
        heap.give_back()  # what the trainings before have left
        self._free = self._at_first = free_bytes(device)
        self._most = 0  # that one has taken
        self._members = 0  # when it was asked last

    def __call__(self, members: int, growing: int = 0) -> bool:
        """Whether one more fits, and those grow as large as the others that have not all their memory yet; where a
        limit was given, that alone decides."""
        if self._limit is not None or self._free is None or self._at_first is None:
            return members < (self._limit or AUTO)
        if members < self._members:
            heap.give_back()  # what those that have left had is free, and only malloc knows
        self._members = members
        free = free_bytes(self._device) or 0
        self._most, self._free = max(self._most, self._free - free), free
        return members < AUTO and free - (1 + growing) * self._most > SPARE * self._at_first


def free_bytes(device: torch.device) -> int | None:
    """Memory of the device that could still be taken; None where nobody tells."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return free + _unused(device)
    try:
        lines = MEMINFO.read_text().splitlines()
        machine = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable"))
    except (OSError, StopIteration):
        return None
    limit = _number(CGROUP / "memory.max")
    return machine if limit is None else min(machine, limit - (_number(CGROUP / "memory.current") or 0) + _cache())


def _unused(device: torch.device) -> int:
    """What torch keeps of a GPU's memory and nobody uses: not the pools of recorded steps, which are theirs alone."""
    segments = torch.cuda.memory_snapshot(include_traces=False)
    own = [part for part in segments if part["device"] == device.index and part["segment_pool_id"] == COMMON_POOL]
    return sum(part["total_size"] - part["allocated_size"] for part in own)


def _cache() -> int:
    """Pages of files that a container has read and may lose at once, which `memory.current` counts too."""
    try:
        stat = dict(line.split() for line in (CGROUP / "memory.stat").read_text().splitlines())
        return int(stat.get("inactive_file", 0))
    except (OSError, ValueError):
        return 0


def _number(path: Path) -> int | None:
    """What a file of a control group says; None for `max`, or without one."""
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None
