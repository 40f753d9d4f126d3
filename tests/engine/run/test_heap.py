"""Memory that is kept: work that has been done a few times takes no new pages."""

import ctypes
import subprocess
import sys

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
