"""The share of a size that a conv keeps: a rank, a number of shared weights."""

from cheapconv.catalog import canonical
from cheapconv.models.conv import Conv


def require_share(share: float, name: str = "share") -> None:
    """ValueError unless `share` is above 0 and at most 1."""
    if not 0 < share <= 1:
        raise ValueError(f"{name} must be above 0 and at most 1, got {share}")


def share_of(conv: Conv, share: float, size: int, what: str) -> int:
    """int(`share` * `size`), as the code of Separable Layers rounds; ValueError if nothing is left."""
    kept = int(share * size)
    if kept < 1:
        raise ValueError(f"{canonical(conv)} leaves none of {size} {what}: it needs a share of at least 1/{size}")
    return kept
