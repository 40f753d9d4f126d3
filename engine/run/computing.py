"""What makes a process one that computes."""

import torch

from cheapconv.engine.run import heap


def settle(threads: int | None) -> None:
    """With so many CPU threads from now on (all cores if None), and memory to itself."""
    if threads is not None:
        torch.set_num_threads(threads)
    heap.keep()
