"""The share of a size that a conv keeps: a rank, a number of shared weights."""

from cheapconv.catalog import canonical
from cheapconv.models.conv import Conv


def share_of(conv: Conv, share: float, size: int, what: str) -> int:
    """int(`share` * `size`), as the code of Separable Layers rounds; ValueError if nothing is left."""
    kept = int(share * size)
    if kept < 1:
        raise ValueError(f"{canonical(conv)} leaves none of {size} {what}: it needs a share of at least 1/{size}")
    return kept
