"""PyTorch's number of threads, which is its process's."""

import contextlib
from collections.abc import Iterator


@contextlib.contextmanager
def torch_threads(threads: int) -> Iterator[None]:
    """In it, PyTorch computes by so many threads. Where it does so anyhow, as a caller that times will see to, this
    takes no time."""
    import torch

    before = torch.get_num_threads()
    if before == threads:
        yield
        return
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)
