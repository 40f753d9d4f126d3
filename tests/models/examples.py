"""Small examples of every registered architecture and conv, so that tests over the catalog stay fast.

A registered thing whose parameters all have defaults is its own example. Others, and those whose defaults are large,
are listed here; `examples` fails for a required parameter without an example.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from engine import catalog

SMALL = {
    ("architecture", "wrn"): ["wrn(depth=10, width=2)"],
    ("architecture", "resnet"): ["resnet(depth=8)"],
    ("architecture", "resnet_od"): ["resnet_od(depth=8)"],
    ("conv", "group"): ["G(4)", "G(N/8)", "G(N)"],
    ("conv", "bottleneck"): ["B(2)"],
    ("conv", "bottleneck_group"): ["BG(2,4)", "BG(2,M/4)", "BG(4,M)"],
    ("conv", "od_shift"): ["shift(e=1)", "shift(e=3)"],
}


def examples(kind: str) -> list[Any]:
    """Parameter objects of every registered thing of `kind`."""
    catalog.load()
    texts = [text for name in catalog.names(kind) for text in SMALL.get((kind, name), [name])]
    return [catalog.parse(kind, text) for text in texts]


@contextmanager
def one_thread() -> Iterator[None]:
    """Networks as small as these lose more to the start of threads than they gain."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
