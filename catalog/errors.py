"""The one exception that means "the user can fix this": shown as one sentence, exit code 2, never a traceback."""

import difflib
import reprlib
import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path

from cheapconv.catalog.printable import printable

STORE = Path("runs")  # where no other is named
LONGEST = 1900  # letters of a sentence, whatever it quotes
MOST_NAMED = 60  # names in a sentence


# A library's network refuses images with whatever its author thought of, an assertion without a word included.
REFUSALS = (RuntimeError, AssertionError, ValueError, TypeError, AttributeError, LookupError, ArithmeticError)


class UserError(Exception):
    """A mistake in what the user gave; its text is one sentence that says how to fix it."""

    def __str__(self) -> str:
        said = printable(super().__str__())  # it quotes what was given
        return said if len(said) <= LONGEST else f"{said[: LONGEST - 500]} ... {said[-400:]}"


def nearest(word: str, known: Iterable[str]) -> str:
    """The end of an error sentence: "; did you mean X?" when something close exists, else what is known."""
    choices = sorted(known)
    close = difflib.get_close_matches(word, choices, n=3, cutoff=0.5)
    if close:
        return f"; did you mean {' or '.join(close)}?"
    return f"; known: {some(choices, MOST_NAMED) or 'nothing'}"


def some(texts: Sequence[str], most: int, between: str = ", ") -> str:
    """The first of them, and how many more there are: `a, b and 3 more`."""
    more = f" and {len(texts) - most} more" if len(texts) > most else ""
    return f"{between.join(texts[:most])}{more}"


def plural(count: int, noun: str) -> str:
    """`1 cell`, `3 cells`."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def command_line(*words: str, store: Path = STORE, registry: Path | None = None) -> str:
    """What to type next: `cheapconv WORDS` with the store and the registry where they are not the usual ones."""
    named = {"--store": None if store == STORE else store, "--registry": registry}
    options = [text for name, path in named.items() if path is not None for text in (name, str(path))]
    return printable(shlex.join(["cheapconv", *words, *options]))


def sweep_words(sweep: str) -> list[str]:
    """What a command that plans a sweep calls it: `quick@epochs=1`, a plan of its own, is `quick --epochs 1`."""
    name, _, override = sweep.partition("@")
    field, _, value = override.partition("=")
    return [name, f"--{field}", value] if override else [name]


def shown(value: object) -> str:
    """`value` as it is written in Python, for use in a sentence."""
    return short(reprlib.repr(value), 120)


def short(text: object, most: int = 80) -> str:
    """`text` for use in a sentence, on one line: its beginning and end where it has more than `most` characters."""
    whole = str(text) if str(text).isprintable() else repr(str(text))[1:-1]
    return whole if len(whole) <= most else f"{whole[: most - 20]} ... {whole[-10:]}"


def reason(error: BaseException) -> str:
    """The first line of what an error says, or its kind where it says nothing."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else f"{type(error).__name__}, without a reason"
