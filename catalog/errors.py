"""The one exception that means "the user can fix this": shown as one sentence, exit code 2, never a traceback."""

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """A mistake in what the user gave; its text is one sentence that says how to fix it."""


def nearest(word: str, known: Iterable[str]) -> str:
    """The end of an error sentence: "; did you mean X?" when something close exists, else all that is known."""
    choices = sorted(known)
    close = difflib.get_close_matches(word, choices, n=3, cutoff=0.5)
    if close:
        return f"; did you mean {' or '.join(close)}?"
    return f"; known: {', '.join(choices) or 'nothing'}"
