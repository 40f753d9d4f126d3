"""Where a network's time goes, in a line."""

from collections.abc import Sequence

from cheapconv.engine.store.operators import Operator

SHOWN = 4  # kinds


def shares(operators: Sequence[Operator]) -> str:
    """`conv 1x1 48 %, reorder 21 %, conv 3x3 groups=4 19 %, add 6 %, other 6 %`: of the time of all operators, the
    dearest first; empty where they were not profiled."""
    whole_ms = sum(operator.ms for operator in operators)
    if not whole_ms:
        return ""
    dearest = sorted(operators, key=lambda operator: -operator.ms)
    parts = [(operator.kind, operator.ms) for operator in dearest[:SHOWN]]
    parts += [("other", sum(operator.ms for operator in dearest[SHOWN:]))] if dearest[SHOWN:] else []
    return ", ".join(f"{kind} {100 * ms / whole_ms:.0f} %" for kind, ms in parts)
