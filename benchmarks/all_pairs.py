"""Builds and profiles every small architecture with every conv: `python -m benchmarks.all_pairs`.

It prints how many pairs were profiled and refused with a reason, and the time that it took.
"""

import time
from collections import Counter
from dataclasses import asdict
from typing import Any

from cheapconv import catalog
from cheapconv.engine.measure.sizes import sizes
from tests.models.examples import examples, smallest_side

CLASSES = 10


def profile_all() -> Counter[str]:
    """Number of pairs by outcome: `profiled`, `refused`, or a refusal that does not name its conv."""
    outcomes: Counter[str] = Counter()
    for architecture in examples("architecture"):
        side = max(32, smallest_side(architecture))
        for conv in examples("conv"):
            outcomes[_outcome(architecture, conv, side)] += 1
    return outcomes


def _outcome(architecture: Any, conv: Any, side: int) -> str:
    try:
        network = architecture.build(conv, CLASSES)
    except ValueError as refusal:
        return "refused" if catalog.canonical(conv) in str(refusal) else f"refused without naming {conv}"
    found = sizes(network, (3, side, side))
    assert all(quantity > 0 for quantity in asdict(found).values() if quantity is not None), found
    return "profiled"


if __name__ == "__main__":
    begun = time.perf_counter()
    counts = profile_all()
    summary = ", ".join(f"{count} {outcome}" for outcome, count in sorted(counts.items()))
    print(f"{summary} in {time.perf_counter() - begun:.0f} s")  # noqa: T201
