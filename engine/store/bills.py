"""What trainings took, as reports and consoles tell it."""

MINUTE, HOUR = 60.0, 3600.0
LEAST_SAVED = 0.005  # below it, the clock's own noise


def duration(seconds: float) -> str:
    """`12 s`, `3.4 min`, `2.5 h`."""
    if seconds < MINUTE:
        return f"{seconds:.0f} s"
    return f"{seconds / MINUTE:.1f} min" if seconds < HOUR else f"{seconds / HOUR:.1f} h"


def saved(alone_s: float, spent_s: float) -> float:
    """The share of what cells cost alone that was saved where they shared batches and teachers; 0 where that cannot be
    told from noise, or where it is not known."""
    share = 1 - spent_s / alone_s if alone_s else 0.0
    return share if share >= LEAST_SAVED else 0.0
