"""What a timing says of the operators of a network (engine/store/records.py)."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Operator:
    """All operators of one kind in a network, as a runtime runs it: what they take of one batch."""

    kind: str  # such as `conv 3x3 groups=4`
    ms: float
    count: int
