"""Memory that is kept, and large pages: work that has been done a few times takes no new pages."""

import ctypes
import os
import subprocess
import sys
from pathlib import Path

import pytest

FAULTS = """
import resource
import torch
from cheapconv.engine.run import heap

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(5):
        torch.ones(2**24)  # 64 MiB: above what glibc ever keeps by itself
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

def resident():
    return int(open("/proc/self/statm").read().split()[1])

before = faults()
assert heap.keep()
for _ in range(5):  # the heap finds its size
    kept = faults()
held = resident()
heap.give_back()
print(before, kept, held - resident())
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="not glibc")
def test_what_was_freed_is_taken_again_and_can_be_given_back():
    done = subprocess.run([sys.executable, "-c", FAULTS], capture_output=True, text=True, check=True)
    before, kept, given = map(int, done.stdout.split())
    pages = 2**26 // 4096
    assert before >= 5 * pages // 512  # huge pages would be of 512
    assert kept < 100
    assert given >= 0.9 * pages


HUGE = """
import torch
from cheapconv.engine.run import heap

heap.large_pages()

def huge():
    lines = open("/proc/self/smaps_rollup").read().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("AnonHugePages"))

before = huge()
held = torch.ones(2**24)
print(huge() - before)
"""


def large_pages_are_asked_for() -> bool:
    setting = Path("/sys/kernel/mm/transparent_hugepage/enabled")
    return setting.exists() and "[madvise]" in setting.read_text()


@pytest.mark.skipif(not large_pages_are_asked_for(), reason="the kernel gives large pages to all, or to none")
@pytest.mark.parametrize(("said", "large"), [(None, True), ("0", False)])
def test_maps_lie_in_large_pages_unless_the_user_says_otherwise(said, large):
    environment = {name: value for name, value in os.environ.items() if name != "THP_MEM_ALLOC_ENABLE"}
    environment |= {"THP_MEM_ALLOC_ENABLE": said} if said else {}
    done = subprocess.run([sys.executable, "-c", HUGE], capture_output=True, text=True, check=True, env=environment)
    assert (int(done.stdout) >= 2**15) == large  # half of 64 MiB at least, in KiB: the rest may find none
