"""Memory for training: what torch gives back is kept, since the next step needs as much again, and pages are large.

glibc hands large blocks back to the kernel when they are freed, and every new one is faulted in page by page: of a mini
sweep on two cores that was 11 % of the CPU time and 10.8 million page faults (0.9 million without, at 2 % more memory;
docs/performance.md). Other C libraries are left as they are.
"""

import ctypes
import functools
import os

TRIM_THRESHOLD, TOP_PAD, MMAP_MAX = -1, -2, -4  # mallopt's names for its options, from malloc.h
NEVER = -1  # of a threshold
AHEAD = 64 * 2**20  # bytes that the heap grows by


def large_pages() -> None:
    """Let torch ask the kernel for pages of 2 MiB, unless the user said otherwise; before its first tensor.

    Maps are larger than what the processor's table of 4 KiB pages covers, and more so in a virtual machine: a step of
    WRN-16-2 in bf16 took 6 to 8 % less on a Xeon. It matters on Linux where who asks (madvise) is given them.
    """
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")


def keep() -> bool:
    """From now on in this process; False where its C library cannot."""
    library = _library()
    if not hasattr(library, "mallopt"):
        return False
    options = {MMAP_MAX: 0, TRIM_THRESHOLD: NEVER, TOP_PAD: AHEAD}
    return all(library.mallopt(option, value) for option, value in options.items())


def give_back() -> None:
    """Let the kernel have what is unused now."""
    library = _library()
    if hasattr(library, "malloc_trim"):
        library.malloc_trim(0)


@functools.cache
def _library() -> ctypes.CDLL:
    """The C library of this process."""
    return ctypes.CDLL(None)
