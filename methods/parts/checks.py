"""Checks of settings that many methods share; a wrong number is a ValueError that says what would be right."""


def above_zero(**numbers: float) -> None:
    """Temperatures: anything that divides."""
    for name, number in numbers.items():
        if not 0 < number < float("inf"):
            raise ValueError(f"{name} must be a finite number above 0, not {number}")


def not_negative(**numbers: float) -> None:
    """Weights of loss terms."""
    for name, number in numbers.items():
        if not 0 <= number < float("inf"):
            raise ValueError(f"{name} must be a finite number of at least 0, not {number}")


def share(**numbers: float) -> None:
    """Fractions, 0 and 1 included."""
    for name, number in numbers.items():
        if not 0 <= number <= 1:
            raise ValueError(f"{name} must be between 0 and 1, not {number}")


def at_least(least: int, **numbers: int) -> None:
    """Counts of networks, stages, ..."""
    for name, number in numbers.items():
        if number < least:
            raise ValueError(f"{name} must be at least {least}, not {number}")
