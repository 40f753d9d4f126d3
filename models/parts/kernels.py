"""What all kernels in Triton need: whether there are any here, and how they are launched."""

import functools
import importlib.util

INDEXED = 2**31 - 2**22  # numbers of a tensor at most: indices have 32 bits, since divisions of longer ones are slow
FUSED = {"enable_fp_fusion": True}  # of products and sums; said, since unasked Triton's releases differ, and warn


@functools.cache
def installed() -> bool:
    """Whether Triton is: it is not on every machine, and takes a second to import."""
    return importlib.util.find_spec("triton") is not None
