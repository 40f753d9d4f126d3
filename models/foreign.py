"""What code of others raises where it is used in a way that it is not made for, and how that is told in a sentence."""

# A library's network refuses images with whatever its author thought of, an assertion without a word included.
REFUSALS = (RuntimeError, AssertionError, ValueError, TypeError, AttributeError, LookupError, ArithmeticError)


def reason(error: BaseException) -> str:
    """The first line of what an error says, or its kind where it says nothing."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else f"{type(error).__name__}, without a reason"
